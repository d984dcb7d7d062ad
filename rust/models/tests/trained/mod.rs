//! Small fits that several tests look at.

use std::sync::atomic::AtomicBool;

use arsenal_core::Error;
use arsenal_core::ensemble::{Child, Condition, FeatureKind, TreeEnsemble};
use arsenal_core::rng::Rng;
use arsenal_core::table::Table;
use arsenal_models::trees::boosting::{Evaluation, Fitted, Input, Labels, Params, Progress, Task, Training, fit};
use ndarray::Array2;

/// Small trees on small data: every parameter that matters for size, set.
pub fn params() -> Params {
    Params { n_estimators: 20, max_leaf_nodes: 8, min_samples_leaf: 5, n_threads: 2, ..Params::default() }
}

pub fn learn(
    table: &Table<'_>,
    is_category: &[bool],
    labels: Labels<'_>,
    task: Task<'_>,
    params: &Params,
) -> Result<Fitted, Error> {
    let names: Vec<String> = (0..table.n_columns()).map(|column| format!("x{column}")).collect();
    let training = Training { table: Input::Table(table), names: &names, is_category, labels, resume_from: None };
    let evaluation = Evaluation { table: Input::Table(table), labels };
    fit(&training, &[evaluation], task, params, true, &Progress::default(), &AtomicBool::new(false))
}

pub fn learn_dense(x: &Array2<f64>, y: &[f64], task: Task<'_>, params: &Params) -> Fitted {
    let labels = Labels { targets: y, weights: None, queries: None };
    learn(&Table::DenseF64(x.view()), &vec![false; x.ncols()], labels, task, params).unwrap()
}

/// Rows with an interaction, a wave, missing values and noise columns; targets from the first three columns.
pub fn rows(n: usize) -> (Array2<f64>, Vec<f64>) {
    let mut rng = Rng::new(3);
    let mut x = Array2::from_shape_fn((n, 6), |_| rng.uniform() * 4.0 - 2.0);
    let y = x.rows().into_iter().map(|row| row[0] * row[1] + (2.0 * row[2]).sin()).collect();
    x.column_mut(2).iter_mut().step_by(7).for_each(|value| *value = f64::NAN);
    (x, y)
}

pub fn classes(y: &[f64], cuts: &[f64]) -> Vec<f64> {
    y.iter().map(|y| cuts.iter().filter(|&cut| y > cut).count() as f64).collect()
}

/// The sums of one row by the fitted structure alone, as any reader of it would compute them.
pub fn sums(ensemble: &TreeEnsemble, row: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; ensemble.n_targets];
    for (tree, structure) in ensemble.trees.iter().enumerate() {
        let mut at = structure.root;
        let leaf = loop {
            let Child::Split(split) = at else {
                let Child::Leaf(leaf) = at else { unreachable!() };
                break leaf;
            };
            let split = &structure.splits[split as usize];
            let value = row[split.feature as usize];
            let goes_left = match (&split.condition, &ensemble.features[split.feature as usize].kind) {
                (Condition::AtMost { threshold, missing_left }, _) => {
                    if value.is_nan() {
                        *missing_left
                    } else {
                        value <= *threshold
                    }
                }
                (Condition::Among { codes }, FeatureKind::NumericCategories(values)) => {
                    codes.iter().any(|&code| values[code as usize - 1] == value)
                }
                (Condition::Among { .. }, kind) => panic!("no numbers in {kind:?}"),
            };
            at = if goes_left { split.left } else { split.right };
        };
        sums[tree % ensemble.n_targets] += structure.values[leaf as usize];
    }
    sums
}
