//! Gradient boosting from outside: what is learned, what is refused, and that nothing but data, parameters and seed decides.

#![allow(clippy::unwrap_used, reason = "a failed fit is a failed test")]

mod trained;

use std::sync::atomic::{AtomicBool, Ordering};

use arsenal_core::Error;
use arsenal_core::ensemble::{Child, Condition, Dtype, FeatureKind, Link};
use arsenal_core::rng::Rng;
use arsenal_core::table::{CategoryColumn, Chunk, Column, Csr, CsrValues, Table};
use arsenal_models::trees::binned::{BinnedTable, Layouts};
use arsenal_models::trees::boosting::{
    Evaluation, Fitted, Input, Labels, Params, Progress, State, Task, Training, fit,
};
use arsenal_models::trees::importance::{Importance, importances};
use arsenal_models::trees::sketch::Sketch;
use ndarray::{Array2, Axis};
use trained::{classes, learn, learn_dense, params, rows, sums};

#[test]
fn a_regression_learns_and_its_structure_says_what_it_scored() {
    let (x, y) = rows(3000);
    let fitted = learn_dense(&x, &y, Task::SquaredError, &Params { n_estimators: 60, max_leaf_nodes: 31, ..params() });
    let (first, last) = (fitted.train_losses[0], *fitted.train_losses.last().unwrap());
    assert!(last < 0.1 * first, "{first} {last}");
    assert_eq!((fitted.n_iterations, fitted.train_losses.len()), (60, 61));
    let ensemble = &fitted.state.ensemble;
    assert_eq!((ensemble.dtype, ensemble.link, ensemble.trees.len()), (Dtype::F64, Link::Identity, 60));
    let by_structure: f64 =
        x.rows().into_iter().zip(&y).map(|(row, y)| 0.5 * (sums(ensemble, &row.to_vec())[0] - y).powi(2)).sum::<f64>()
            / 3000.0;
    assert!((by_structure - last).abs() < 1e-12 * first, "{by_structure} {last}");
    // The same rows as evaluation set went through walks instead of partitions.
    assert!((fitted.evaluation_losses[0][60] - last).abs() < 1e-12 * first);
}

#[test]
fn children_come_after_parents_and_covers_add_up() {
    let (x, y) = rows(1000);
    let ensemble = learn_dense(&x, &classes(&y, &[0.0]), Task::Classes(2), &params()).state.ensemble;
    for tree in &ensemble.trees {
        assert!(tree.n_leaves() <= 8 && tree.n_leaves() == tree.splits.len() + 1);
        let cover = |child: Child| match child {
            Child::Split(split) => tree.splits[split as usize].cover,
            Child::Leaf(leaf) => tree.covers[leaf as usize],
        };
        for (place, split) in tree.splits.iter().enumerate() {
            assert!(split.gain > 0.0 && (cover(split.left) + cover(split.right) - split.cover).abs() < 1e-9);
            for child in [split.left, split.right] {
                assert!(!matches!(child, Child::Split(below) if below as usize <= place));
            }
        }
    }
}

#[test]
fn two_and_three_classes_learn() {
    let (x, y) = rows(3000);
    for (cuts, n) in [(vec![0.0], 2), (vec![-1.0, 1.0], 3)] {
        let targets = classes(&y, &cuts);
        let fitted = learn_dense(&x, &targets, Task::Classes(n), &Params { n_estimators: 60, ..params() });
        let (first, last) = (fitted.train_losses[0], *fitted.train_losses.last().unwrap());
        assert!(last < 0.6 * first, "{n} classes: {first} {last}");
        let ensemble = &fitted.state.ensemble;
        let is_right = |(row, &target): (ndarray::ArrayView1<'_, f64>, &f64)| {
            let sums = sums(ensemble, &row.to_vec());
            let best = if n == 2 {
                usize::from(sums[0] > 0.0)
            } else {
                (0..n).max_by(|&a, &b| sums[a].total_cmp(&sums[b])).unwrap()
            };
            best as f64 == target
        };
        let right = x.rows().into_iter().zip(&targets).filter(|pair| is_right(*pair)).count();
        assert!(right > 2500, "{n} classes: {right} of 3000");
    }
}

#[test]
fn only_data_parameters_and_seed_decide() {
    // More rows than a histogram, a partition and a block of sums take in one piece.
    let (x, y) = rows(70_000);
    let targets = classes(&y, &[0.0]);
    let bytes = |n_threads, seed, subsample| {
        let params =
            Params { n_estimators: 4, max_leaf_nodes: 31, n_threads, seed, subsample, max_features: 0.7, ..params() };
        learn_dense(&x, &targets, Task::Classes(2), &params).state.to_bytes().unwrap()
    };
    for subsample in [1.0, 0.5] {
        let one = bytes(1, 7, subsample);
        assert_eq!(one, bytes(2, 7, subsample));
        assert_eq!(one, bytes(5, 7, subsample));
        assert_ne!(one, bytes(1, 8, subsample));
    }
}

#[test]
fn every_layout_of_the_same_table_gives_the_same_trees() {
    let (mut x, y) = rows(800);
    x.mapv_inplace(|value| if value.is_nan() || value < 0.0 { 0.0 } else { value });
    let dense = learn_dense(&x, &y, Task::SquaredError, &params()).state;
    let labels = Labels { targets: &y, weights: None, queries: None };
    let (mut indptr, mut indices, mut values) = (vec![0], vec![], vec![]);
    for row in x.rows() {
        for (column, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            indices.push(column as i64);
            values.push(value);
        }
        indptr.push(values.len() as i64);
    }
    let csr = Table::Csr(Csr::new(&indptr, &indices, CsrValues::F64(&values), 6).unwrap());
    let by_column = x.t().as_standard_layout().into_owned();
    let columns =
        by_column.axis_iter(Axis(0)).map(|values| Column::F64(vec![Chunk { values, validity: None }])).collect();
    for table in [csr, Table::Columns(columns), Table::DenseF64(by_column.t())] {
        assert_eq!(learn(&table, &[false; 6], labels, Task::SquaredError, &params()).unwrap().state, dense);
    }
}

#[test]
fn single_precision_tables_give_single_precision_thresholds() {
    let (x, y) = rows(800);
    let narrow = x.mapv(|value| value as f32);
    let labels = Labels { targets: &y, weights: None, queries: None };
    let ensemble = learn(&Table::DenseF32(narrow.view()), &[false; 6], labels, Task::SquaredError, &params())
        .unwrap()
        .state
        .ensemble;
    assert_eq!(ensemble.dtype, Dtype::F32);
    for split in ensemble.trees.iter().flat_map(|tree| &tree.splits) {
        let Condition::AtMost { threshold, .. } = split.condition else { panic!("no categories here") };
        assert_eq!(f64::from(threshold as f32), threshold);
    }
}

#[test]
fn weights_of_zero_are_as_good_as_no_rows() {
    let (x, y) = rows(600);
    let kept: Vec<usize> = (0..600).filter(|row| row % 3 != 0).collect();
    let weights: Vec<f64> = (0..600).map(|row| f64::from(u8::from(row % 3 != 0))).collect();
    let labels = Labels { targets: &y, weights: Some(&weights), queries: None };
    let weighted = learn(&Table::DenseF64(x.view()), &[false; 6], labels, Task::SquaredError, &params()).unwrap();
    let part = x.select(Axis(0), &kept);
    let part_y: Vec<f64> = kept.iter().map(|&row| y[row]).collect();
    let without = learn_dense(&part, &part_y, Task::SquaredError, &params());
    assert_eq!(weighted.state.binning, without.state.binning);
    assert!((weighted.train_losses[20] - without.train_losses[20]).abs() < 0.02 * without.train_losses[0]);
}

#[test]
fn missing_values_learn_their_direction() {
    let x = Array2::from_shape_fn((400, 1), |(i, _)| if i % 4 == 0 { f64::NAN } else { (i % 50) as f64 });
    let y: Vec<f64> = (0..400).map(|i| if i % 4 == 0 { 5.0 } else { -1.0 }).collect();
    let params = Params { n_estimators: 1, learning_rate: 1.0, ..params() };
    let ensemble = learn_dense(&x, &y, Task::SquaredError, &params).state.ensemble;
    assert!((sums(&ensemble, &[f64::NAN])[0] - 5.0).abs() < 1e-6);
    assert!((sums(&ensemble, &[f64::INFINITY])[0] + 1.0).abs() < 1e-6);
    assert!((sums(&ensemble, &[-1e30])[0] + 1.0).abs() < 1e-6);
}

#[test]
fn categories_split_by_sets_of_numbers_and_of_texts() {
    let n = 4000;
    let good = |code: usize| code % 3 == 1;
    let x = Array2::from_shape_fn((n, 1), |(i, _)| ((i * 7) % 40) as f64);
    let y: Vec<f64> = x.iter().map(|&code| f64::from(u8::from(good(code as usize)))).collect();
    let labels = Labels { targets: &y, weights: None, queries: None };
    let params = Params { n_estimators: 1, learning_rate: 1.0, max_leaf_nodes: 2, ..params() };
    let numbers =
        learn(&Table::DenseF64(x.view()), &[true], labels, Task::SquaredError, &params).unwrap().state.ensemble;
    for code in 0..40 {
        assert!((sums(&numbers, &[code as f64])[0] - f64::from(u8::from(good(code)))).abs() < 1e-6, "{code}");
    }
    // Unseen and missing values go with the categories outside the set.
    assert_eq!(sums(&numbers, &[77.0]), sums(&numbers, &[f64::NAN]));

    let texts: Vec<String> = x.iter().map(|code| format!("c{code}")).collect();
    let column = CategoryColumn::encode(texts.iter().map(|text| Some(text.as_str())));
    let table = Table::Columns(vec![Column::Category(&column)]);
    let by_text = learn(&table, &[true], labels, Task::SquaredError, &params).unwrap().state.ensemble;
    assert_eq!(by_text.trees[0].values, numbers.trees[0].values);
    assert!(matches!(&by_text.features[0].kind, FeatureKind::StringCategories(levels) if levels.len() == 40));
}

#[test]
fn few_categories_try_each_alone_and_rare_ones_stay_right() {
    let x = Array2::from_shape_fn((300, 1), |(i, _)| (i % 3) as f64);
    let y: Vec<f64> = x.iter().map(|&code| if code == 1.0 { 4.0 } else { 0.0 }).collect();
    let labels = Labels { targets: &y, weights: None, queries: None };
    let params = Params { n_estimators: 1, learning_rate: 1.0, max_leaf_nodes: 2, ..params() };
    let ensemble =
        learn(&Table::DenseF64(x.view()), &[true], labels, Task::SquaredError, &params).unwrap().state.ensemble;
    assert_eq!(ensemble.trees[0].splits[0].condition, Condition::Among { codes: vec![2] });
    assert!((sums(&ensemble, &[1.0])[0] - 4.0).abs() < 1e-6);
}

#[test]
fn penalties_and_limits_are_kept() {
    let (x, y) = rows(1000);
    let with = |change: fn(&mut Params)| {
        let mut changed = params();
        change(&mut changed);
        learn_dense(&x, &y, Task::SquaredError, &changed)
    };
    let plain = with(|_| ());
    let largest = |fitted: &Fitted| {
        let values = fitted.state.ensemble.trees[1..].iter().flat_map(|tree| &tree.values);
        values.map(|value| value.abs()).fold(0.0, f64::max)
    };
    assert!(largest(&with(|p| p.l2_regularization = 1000.0)) < 0.5 * largest(&plain));
    assert!(largest(&with(|p| p.l1_regularization = 20.0)) < largest(&plain));
    let depths = with(|p| p.max_depth = 1);
    assert!(depths.state.ensemble.trees.iter().all(|tree| tree.splits.len() <= 1));
    let heavy = with(|p| p.min_child_weight = 300.0);
    assert!(heavy.state.ensemble.trees.iter().flat_map(|tree| &tree.covers).all(|&cover| cover >= 300.0));
    let counted = with(|p| p.min_samples_leaf = 200);
    assert!(counted.state.ensemble.trees.iter().flat_map(|tree| &tree.covers).all(|&cover| cover >= 200.0));
    let costly = with(|p| p.min_split_gain = 1e9);
    assert_eq!(costly.n_iterations, 1, "without a split the next iteration would find none either");
    assert!(costly.state.ensemble.trees[0].splits.is_empty());
}

#[test]
fn early_stopping_keeps_the_best_iteration() {
    let (x, y) = rows(400);
    let (later, _) = rows(900);
    let later = later.select(Axis(0), &(400..900).collect::<Vec<_>>());
    // Targets that the table says nothing about: every tree after the first few makes it worse.
    let noise: Vec<f64> = (0..500).map(|i| f64::from(i * 37 % 11)).collect();
    let names: Vec<String> = (0..6).map(|column| format!("x{column}")).collect();
    let (table, later) = (Table::DenseF64(x.view()), Table::DenseF64(later.view()));
    let training = Training {
        table: Input::Table(&table),
        names: &names,
        is_category: &[false; 6],
        labels: Labels { targets: &y, weights: None, queries: None },
        resume_from: None,
    };
    let evaluation =
        Evaluation { table: Input::Table(&later), labels: Labels { targets: &noise, weights: None, queries: None } };
    let params = Params { n_estimators: 500, n_iter_no_change: Some(5), learning_rate: 0.5, ..params() };
    let progress = Progress::default();
    let fitted =
        fit(&training, &[evaluation], Task::SquaredError, &params, false, &progress, &AtomicBool::new(false)).unwrap();
    let losses = &fitted.evaluation_losses[0];
    assert!(losses.len() < 100, "{}", losses.len());
    let best = (1..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap();
    assert_eq!(fitted.n_iterations, best);
    assert_eq!(fitted.state.ensemble.trees.len(), best);
    assert_eq!(progress.iterations.load(Ordering::Relaxed), losses.len() - 1);
    assert!(fitted.train_losses.is_empty());
}

#[test]
fn degenerate_tables_give_constant_models() {
    let constant = Array2::from_elem((50, 2), 3.0);
    let nothing = Array2::from_elem((50, 2), f64::NAN);
    let y: Vec<f64> = (0..50).map(f64::from).collect();
    for x in [constant, nothing] {
        let fitted = learn_dense(&x, &y, Task::SquaredError, &params());
        assert!((sums(&fitted.state.ensemble, &[1.0, 2.0])[0] - 24.5).abs() < 1e-12);
    }
    let single = learn_dense(&Array2::zeros((1, 1)), &[7.0], Task::SquaredError, &params());
    assert_eq!(sums(&single.state.ensemble, &[0.0]), [7.0]);
    let infinite = Array2::from_shape_fn((90, 1), |(i, _)| [f64::NEG_INFINITY, 0.0, f64::INFINITY][i % 3]);
    let y: Vec<f64> = (0..90).map(|i| f64::from(i % 3)).collect();
    let params = Params { learning_rate: 1.0, n_estimators: 1, ..params() };
    let ensemble = learn_dense(&infinite, &y, Task::SquaredError, &params).state.ensemble;
    assert!(
        (sums(&ensemble, &[f64::INFINITY])[0] - 2.0).abs() < 1e-6
            && sums(&ensemble, &[f64::NEG_INFINITY])[0].abs() < 1e-6
    );
}

#[test]
fn targets_beyond_single_precision_still_train() {
    let (x, _) = rows(500);
    let y: Vec<f64> = x.column(0).iter().map(|x| 1e30 * x).collect();
    let fitted = learn_dense(&x, &y, Task::SquaredError, &params());
    assert!(fitted.train_losses[20] < 0.2 * fitted.train_losses[0]);
    let tiny: Vec<f64> = x.column(0).iter().map(|x| 1e-30 * x).collect();
    let fitted = learn_dense(&x, &tiny, Task::SquaredError, &params());
    assert!(fitted.train_losses[20] < 0.2 * fitted.train_losses[0]);
}

#[test]
fn bad_input_is_named() {
    let x = Array2::<f64>::zeros((3, 2));
    let table = Table::DenseF64(x.view());
    let names = ["a".to_owned(), "b".to_owned()];
    let good = [0.0, 1.0, 1.0];
    let run = |targets: &[f64], weights: Option<&[f64]>, task, names: &[String], params: &Params| {
        let training = Training {
            table: Input::Table(&table),
            names,
            is_category: &[false, false],
            labels: Labels { targets, weights, queries: None },
            resume_from: None,
        };
        fit(&training, &[], task, params, false, &Progress::default(), &AtomicBool::new(false)).unwrap_err().to_string()
    };
    let default = Params::default();
    assert_eq!(run(&good[..2], None, Task::SquaredError, &names, &default), "X has 3 rows, its target has 2");
    assert_eq!(run(&good, Some(&[1.0]), Task::SquaredError, &names, &default), "X has 3 rows, sample_weight has 1");
    assert!(
        run(&good, Some(&[1.0, -1.0, 1.0]), Task::SquaredError, &names, &default).starts_with("sample_weight 1 is -1")
    );
    assert!(run(&good, Some(&[0.0; 3]), Task::SquaredError, &names, &default).contains("no rows of positive weight"));
    assert!(run(&good, None, Task::Classes(1), &names, &default).contains("got 1 class, wanted at least 2"));
    assert!(run(&good, None, Task::SquaredError, &names[..1], &default).contains("2 columns"));
    assert!(
        run(&good, None, Task::SquaredError, &names, &Params { max_bins: 1, ..default.clone() })
            .contains("max_bins is 1")
    );
    let stopped = AtomicBool::new(true);
    let training = Training {
        table: Input::Table(&table),
        names: &names,
        is_category: &[false, false],
        labels: Labels { targets: &good, weights: None, queries: None },
        resume_from: None,
    };
    let outcome = fit(&training, &[], Task::SquaredError, &default, false, &Progress::default(), &stopped);
    assert_eq!(outcome.unwrap_err(), Error::Interrupted);
}

#[test]
fn states_survive_bytes_and_refuse_others() {
    let (x, y) = rows(300);
    let state = learn_dense(&x, &y, Task::SquaredError, &params()).state;
    let bytes = state.to_bytes().unwrap();
    assert_eq!(State::from_bytes(&bytes).unwrap(), state);
    assert!(matches!(State::from_bytes(&bytes[..40]), Err(Error::Corrupt(_))));
    assert!(State::from_bytes(b"PK").unwrap_err().to_string().contains("not the state"));
    let gains = importances(&state.ensemble, Importance::Gain);
    assert!(gains[..3].iter().all(|gain| gains[3..].iter().all(|noise| gain > noise)), "{gains:?}");
    let splits: usize = state.ensemble.trees.iter().map(|tree| tree.splits.len()).sum();
    assert_eq!(importances(&state.ensemble, Importance::Split).iter().sum::<f64>(), splits as f64);
}

#[test]
fn rows_that_were_binned_part_by_part_give_the_model_of_the_table() {
    let (x, y) = rows(700);
    let names: Vec<String> = (0..6).map(|column| format!("x{column}")).collect();
    let is_category = [false, false, false, false, false, true];
    let table = Table::DenseF64(x.view());
    let part = |first: usize, end: usize| Table::DenseF64(x.slice_axis(Axis(0), (first..end).into()));
    let params = params();
    let go_on = AtomicBool::new(false);
    let mut sketch = Sketch::new(700, None, &is_category, &Rng::new(params.seed));
    for (first, end) in [(0, 100), (100, 101), (101, 700)] {
        sketch.add(&part(first, end), &go_on).unwrap();
    }
    let binning = sketch.learn(params.max_bins, &go_on).unwrap();
    let binned = |layouts| {
        let mut rows = BinnedTable::empty(700, &binning, layouts);
        for (first, end) in [(0, 333), (333, 700)] {
            rows.fill(first, &part(first, end), &binning, &go_on).unwrap();
        }
        rows
    };
    let (training, evaluation) = (binned(Layouts::RowsAndColumns), binned(Layouts::Columns));
    let labels = Labels { targets: &y, weights: None, queries: None };
    let run = |training: Input<'_, '_>, evaluation: Input<'_, '_>| {
        let training =
            Training { table: training, names: &names, is_category: &is_category, labels, resume_from: None };
        let evaluation = Evaluation { table: evaluation, labels };
        let quiet = Progress::default();
        fit(&training, &[evaluation], Task::SquaredError, &params, true, &quiet, &AtomicBool::new(false))
    };
    let whole = run(Input::Table(&table), Input::Table(&table)).unwrap();
    let parts = run(Input::Binned(&training, &binning), Input::Binned(&evaluation, &binning)).unwrap();
    assert_eq!(parts.state, whole.state);
    assert_eq!(parts.evaluation_losses, whole.evaluation_losses);
    let mut other = binning.clone();
    other.columns.swap(0, 1);
    let refused = run(Input::Binned(&training, &binning), Input::Binned(&evaluation, &other)).unwrap_err();
    assert!(refused.to_string().contains("other bins"), "{refused}");
}
