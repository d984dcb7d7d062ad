//! Growing random trees on small samples. Only the rows that are drawn are read, so a fit does not depend on the table's length.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arsenal_core::ensemble::{
    Aggregate, Child, Condition, Dtype, Feature, FeatureKind, Link, Split, Targets, Tree, TreeEnsemble,
};
use arsenal_core::pool;
use arsenal_core::rng::Rng;
use arsenal_core::table::{Column, Table};
use arsenal_core::{Error, Result, value_error};
use arsenal_simd::math::ln;
use serde::{Deserialize, Serialize};

use super::params::Params;
use crate::trees::state;
use crate::trees::values::{self, Number};

/// What to learn from.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a, 't> {
    /// The table, numbers alone.
    pub table: &'a Table<'t>,
    /// One name per column.
    pub names: &'a [String],
    /// How likely each row is drawn, relative to the others; `None` where all are equally likely.
    pub weights: Option<&'a [f64]>,
}

/// What a fit leaves behind besides the exported model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The trees; a leaf's value is its depth and what its rows would still take to be isolated.
    pub ensemble: TreeEnsemble,
}

const MAGIC: [u8; 8] = *b"ARSISOL1";

impl State {
    /// The state as bytes, little-endian, versioned by their first eight.
    ///
    /// # Errors
    /// `Value` if memory for the bytes cannot be had.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        state::to_bytes(MAGIC, self)
    }

    /// Reads what [`State::to_bytes`] wrote.
    ///
    /// # Errors
    /// `Corrupt` if the bytes are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        state::from_bytes(MAGIC, "isolation forest", bytes)
    }
}

/// Mean path length of an unsuccessful search in a binary search tree of `n` keys, as in the paper.
fn expected_path(n: usize) -> f64 {
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = n as f64;
            2.0 * (ln(n - 1.0) + EULER) - 2.0 * (n - 1.0) / n
        }
    }
}

/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// Grows an isolation forest, or goes on with one. O(trees · samples · columns); `n_done` counts finished trees.
///
/// The score at which outliers begin is that of the paper, 1/2; whoever knows better sets it in the ensemble's link.
///
/// # Errors
/// `Value` for bad parameters, weights or tables, text columns included; `Interrupted` once `stop` is set.
pub fn fit(
    training: &Training<'_, '_>,
    params: &Params,
    previous: Option<State>,
    n_done: &AtomicUsize,
    stop: &AtomicBool,
) -> Result<State> {
    params.validate()?;
    let (n_rows, n_columns) = (training.table.n_rows(), training.table.n_columns());
    if n_columns == 0 || training.names.len() != n_columns {
        return value_error!("X has {n_columns} columns and {} names, wanted at least 1 of each", training.names.len());
    }
    if let Table::Columns(columns) = training.table
        && let Some(text) = columns.iter().position(|column| matches!(column, Column::Category(_)))
    {
        return value_error!("column {:?} holds text, an isolation forest cuts numbers alone", training.names[text]);
    }
    let weights = training.weights.map(|weights| Cumulative::new(weights, n_rows)).transpose()?;
    let n_drawable = weights.as_ref().map_or(n_rows, |weights| weights.n_positive);
    if n_drawable == 0 {
        return value_error!("X has no rows of positive weight, wanted at least 1");
    }
    let params = Params { max_samples: params.max_samples.min(n_drawable), ..params.clone() };
    let mut trees = previous.map_or_else(Vec::new, |state| state.ensemble.trees);
    if trees.len() > params.n_estimators {
        return value_error!("n_estimators is {}, the forest has {} trees", params.n_estimators, trees.len());
    }
    let dtype = values::dtype(training.table);
    let mut tasks: Vec<(usize, Result<Option<Tree>>)> =
        (trees.len()..params.n_estimators).map(|tree| (tree, Ok(None))).collect();
    pool::pool(params.n_threads)?.install(|| {
        pool::for_each(&mut tasks, &|(tree, grown)| {
            if stop.load(Ordering::Relaxed) {
                *grown = Err(Error::Interrupted);
                return;
            }
            let mut rng = Rng::new(params.seed).fork(*tree as u64 + 1);
            *grown = Ok(Some(match dtype {
                Dtype::F32 => grow::<f32>(training.table, &params, weights.as_ref(), &mut rng),
                Dtype::F64 => grow::<f64>(training.table, &params, weights.as_ref(), &mut rng),
            }));
            n_done.fetch_add(1, Ordering::Relaxed);
        });
    });
    let grown: Vec<Tree> = tasks.into_iter().filter_map(|(_, tree)| tree.transpose()).collect::<Result<_>>()?;
    trees.extend(grown);
    let features = training.names.iter().map(|name| Feature { name: name.clone(), kind: FeatureKind::Numeric });
    let ensemble = TreeEnsemble {
        features: features.collect(),
        dtype,
        link: Link::Isolation { expected: expected_path(params.max_samples), offset: -0.5 },
        n_targets: 1,
        targets: Targets::Every,
        aggregate: Aggregate::Mean,
        trees,
    };
    Ok(State { ensemble })
}

/// Sums of weights up to each row.
struct Cumulative {
    sums: Vec<f64>,
    n_positive: usize,
}

impl Cumulative {
    fn new(weights: &[f64], n_rows: usize) -> Result<Self> {
        if weights.len() != n_rows {
            return value_error!("X has {n_rows} rows, sample_weight has {}", weights.len());
        }
        if let Some(bad) = weights.iter().position(|weight| !(*weight >= 0.0 && weight.is_finite())) {
            return value_error!("sample_weight {bad} is {}, wanted a finite number of at least 0", weights[bad]);
        }
        let sums = weights.iter().scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Ok(Self { sums: sums.collect(), n_positive: weights.iter().filter(|&&weight| weight > 0.0).count() })
    }

    fn draw(&self, rng: &mut Rng) -> u32 {
        let total = self.sums.last().copied().unwrap_or(0.0);
        let drawn = rng.uniform() * total;
        self.sums.partition_point(|&sum| sum <= drawn) as u32
    }
}

/// The rows of one tree, rising. With replacement a row that is drawn again counts once, as in scikit-learn: a row cannot be told from
/// itself, so copies would only lengthen its path. Without, it is drawn anew, so that weights hold for those that are left.
fn draw_rows(n_rows: usize, params: &Params, weights: Option<&Cumulative>, rng: &mut Rng) -> Vec<u32> {
    let mut draw = || match weights {
        Some(weights) => weights.draw(rng),
        None => rng.below(n_rows as u64) as u32,
    };
    if params.bootstrap {
        return (0..params.max_samples).map(|_| draw()).collect::<BTreeSet<_>>().into_iter().collect();
    }
    if 2 * params.max_samples > n_rows && weights.is_none() {
        return rng.sample_sorted(n_rows, params.max_samples);
    }
    let mut chosen = BTreeSet::new();
    while chosen.len() < params.max_samples {
        chosen.insert(draw());
    }
    chosen.into_iter().collect()
}

/// The sampled part of the table, column after column.
struct Sample<T> {
    columns: Vec<(u32, Vec<T>)>,
}

impl<T: Number> Sample<T> {
    fn read(table: &Table<'_>, rows: &[u32], columns: &[u32]) -> Self {
        let mut sample = Self { columns: columns.iter().map(|&c| (c, vec![T::default(); rows.len()])).collect() };
        if let Table::Csr(csr) = table {
            for (place, &row) in rows.iter().enumerate() {
                for (column, value) in csr.row(row as usize) {
                    if let Ok(own) = columns.binary_search(&(column as u32)) {
                        sample.columns[own].1[place] = T::from_f64(value);
                    }
                }
            }
            return sample;
        }
        for (column, values) in &mut sample.columns {
            for (value, &row) in values.chunks_mut(1).zip(rows) {
                values::read(table, *column as usize, row as usize..row as usize + 1, value);
            }
        }
        sample
    }
}

/// A node whose rows are a range of the list.
struct Open {
    rows: std::ops::Range<usize>,
    depth: usize,
    parent: Option<(usize, bool)>,
}

fn grow<T: Number>(table: &Table<'_>, params: &Params, weights: Option<&Cumulative>, rng: &mut Rng) -> Tree {
    let rows = draw_rows(table.n_rows(), params, weights, rng);
    let columns = rng.sample_sorted(table.n_columns(), params.max_features);
    let sample = Sample::<T>::read(table, &rows, &columns);
    let max_depth = params.max_samples.max(2).next_power_of_two().ilog2() as usize;
    let mut list: Vec<u32> = (0..rows.len() as u32).collect();
    let mut order: Vec<usize> = (0..sample.columns.len()).collect();
    let mut tree = Tree { root: Child::Leaf(0), splits: Vec::new(), values: Vec::new(), covers: Vec::new() };
    let mut open = vec![Open { rows: 0..rows.len(), depth: 0, parent: None }];
    while let Some(node) = open.pop() {
        let rows = &mut list[node.rows.clone()];
        let cut = if node.depth < max_depth && rows.len() > 1 { cut(&sample, rows, &mut order, rng) } else { None };
        let child = if let Some(Cut { column, threshold, missing_left }) = cut {
            let values = &sample.columns[column].1;
            let goes_left = |row: u32| {
                let value = values[row as usize].to_f64();
                if value.is_nan() { missing_left } else { value <= threshold }
            };
            rows.sort_by_key(|&row| !goes_left(row));
            let middle = node.rows.start + rows.iter().filter(|&&row| goes_left(row)).count();
            let split = tree.splits.len();
            tree.splits.push(Split {
                feature: sample.columns[column].0,
                condition: Condition::AtMost { threshold, missing_left },
                left: Child::Leaf(0),
                right: Child::Leaf(0),
                gain: 0.0,
                cover: node.rows.len() as f64,
            });
            let below = |rows, is_left| Open { rows, depth: node.depth + 1, parent: Some((split, is_left)) };
            open.push(below(middle..node.rows.end, false));
            open.push(below(node.rows.start..middle, true));
            Child::Split(split as u32)
        } else {
            tree.values.push(node.depth as f64 + expected_path(node.rows.len()));
            tree.covers.push(node.rows.len() as f64);
            Child::Leaf(tree.covers.len() as u32 - 1)
        };
        match node.parent {
            None => tree.root = child,
            Some((split, true)) => tree.splits[split].left = child,
            Some((split, false)) => tree.splits[split].right = child,
        }
    }
    tree
}

struct Cut {
    column: usize,
    threshold: f64,
    missing_left: bool,
}

/// A random cut of a random column that varies among the rows; `None` if none does.
fn cut<T: Number>(sample: &Sample<T>, rows: &[u32], order: &mut [usize], rng: &mut Rng) -> Option<Cut> {
    for drawn in 0..order.len() {
        let other = drawn + rng.below((order.len() - drawn) as u64) as usize;
        order.swap(drawn, other);
        let column = order[drawn];
        let values = &sample.columns[column].1;
        let (mut low, mut high, mut n_missing) = (f64::INFINITY, f64::NEG_INFINITY, 0);
        for &row in rows {
            let value = values[row as usize].to_f64();
            n_missing += usize::from(value.is_nan());
            // NaN is neither smaller nor greater.
            low = low.min(value);
            high = high.max(value);
        }
        let n_present = rows.len() - n_missing;
        if low < high {
            let threshold = T::from_f64(low + rng.uniform() * (high - low)).to_f64();
            // Rounding may reach the greatest value, which would leave nothing on the right.
            let threshold = if threshold >= low && threshold < high { threshold } else { low };
            let n_left = rows.iter().filter(|&&row| values[row as usize].to_f64() <= threshold).count();
            let missing_left = if n_missing > 0 { rng.below(2) == 1 } else { 2 * n_left > n_present };
            return Some(Cut { column, threshold, missing_left });
        }
        if n_missing > 0 && n_present > 0 {
            return Some(Cut { column, threshold: f64::INFINITY, missing_left: false });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn params() -> Params {
        Params { n_estimators: 20, max_samples: 64, max_features: 3, bootstrap: false, seed: 5, n_threads: 2 }
    }

    fn fitted(matrix: &Array2<f64>, params: &Params, previous: Option<State>) -> Result<State> {
        let names: Vec<String> = (0..matrix.ncols()).map(|j| format!("x{j}")).collect();
        let table = Table::DenseF64(matrix.view());
        let training = Training { table: &table, names: &names, weights: None };
        fit(&training, params, previous, &AtomicUsize::new(0), &AtomicBool::new(false))
    }

    fn table() -> Array2<f64> {
        Array2::from_shape_fn((300, 3), |(i, j)| if i == 17 { 50.0 } else { ((i * 37 + j * 11) % 101) as f64 / 101.0 })
    }

    /// Mean path length of a row.
    fn depth(state: &State, row: &[f64]) -> f64 {
        let lengths = state.ensemble.trees.iter().map(|tree| {
            let mut node = tree.root;
            loop {
                match node {
                    Child::Leaf(leaf) => return tree.values[leaf as usize],
                    Child::Split(split) => {
                        let split = &tree.splits[split as usize];
                        let Condition::AtMost { threshold, .. } = split.condition else { panic!() };
                        node = if row[split.feature as usize] <= threshold { split.left } else { split.right };
                    }
                }
            }
        });
        lengths.sum::<f64>() / state.ensemble.trees.len() as f64
    }

    #[test]
    fn path_lengths_are_those_of_the_paper() {
        assert_eq!([0, 1, 2].map(expected_path), [0.0, 0.0, 1.0]);
        // H(i) by its sum: the formula approximates it by ln(i) + Euler's constant.
        for n in [3usize, 64, 256] {
            let harmonic: f64 = (1..n).map(|i| 1.0 / i as f64).sum();
            let exact = 2.0 * harmonic - 2.0 * (n as f64 - 1.0) / n as f64;
            assert!((expected_path(n) - exact).abs() < 1.1 / (n - 1) as f64, "{n}");
        }
    }

    #[test]
    fn an_outlier_is_isolated_first_and_threads_do_not_matter() {
        let matrix = table();
        let params = Params { max_samples: 300, ..params() };
        let state = fitted(&matrix, &params, None).unwrap();
        let depths: Vec<f64> = matrix.rows().into_iter().map(|row| depth(&state, &row.to_vec())).collect();
        assert!(depths.iter().enumerate().all(|(i, &d)| i == 17 || d > depths[17] + 1.0), "{depths:?}");
        assert_eq!(fitted(&matrix, &Params { n_threads: 1, ..params }, None).unwrap(), state);
        let bytes = state.to_bytes().unwrap();
        assert_eq!(State::from_bytes(&bytes).unwrap(), state);
        assert!(State::from_bytes(&bytes[1..]).is_err());
    }

    #[test]
    fn going_on_gives_the_forest_of_one_fit() {
        let matrix = table();
        let half = fitted(&matrix, &Params { n_estimators: 10, ..params() }, None).unwrap();
        let whole = fitted(&matrix, &params(), Some(half)).unwrap();
        assert_eq!(whole, fitted(&matrix, &params(), None).unwrap());
        let fewer = fitted(&matrix, &Params { n_estimators: 5, ..params() }, Some(whole));
        assert_eq!(fewer.unwrap_err().to_string(), "n_estimators is 5, the forest has 20 trees");
    }

    #[test]
    fn constant_and_missing_values_are_no_trouble() {
        let constant = Array2::from_elem((40, 3), 2.0);
        let state = fitted(&constant, &params(), None).unwrap();
        assert!(state.ensemble.trees.iter().all(|tree| tree.splits.is_empty() && tree.values == [expected_path(40)]));
        let missing = Array2::from_shape_fn((40, 3), |(i, _)| if i % 2 == 0 { f64::NAN } else { 1.0 });
        let state = fitted(&missing, &params(), None).unwrap();
        assert!(state.ensemble.trees.iter().all(|tree| tree.splits.len() == 1 && tree.covers == [20.0, 20.0]));
    }

    #[test]
    fn rows_are_drawn_by_weight() {
        let weights: Vec<f64> = (0..50).map(|i| if i < 10 { 0.0 } else { 1.0 }).collect();
        let cumulative = Cumulative::new(&weights, 50).unwrap();
        let drawn = draw_rows(50, &Params { max_samples: 40, ..params() }, Some(&cumulative), &mut Rng::new(1));
        assert_eq!(drawn, (10..50).collect::<Vec<u32>>());
        assert!(Cumulative::new(&[1.0, -1.0], 2).is_err());
        let with_replacement = Params { max_samples: 40, bootstrap: true, ..params() };
        let drawn = draw_rows(50, &with_replacement, Some(&cumulative), &mut Rng::new(1));
        assert!(drawn.is_sorted_by(|a, b| a < b) && drawn[0] >= 10);
        assert!((15..40).contains(&drawn.len()), "about 63 % of the rows: {drawn:?}");
    }
}
