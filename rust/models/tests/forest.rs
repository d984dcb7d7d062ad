//! Forests against naive versions of what they claim, and the promises that every learner makes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arsenal_core::Error;
use arsenal_core::ensemble::{Child, Condition, FeatureKind, Link, Split, Tree};
use arsenal_core::rng::Rng;
use arsenal_core::table::{CategoryColumn, Chunk, Column, Table};
use arsenal_models::trees::forest::{Criterion, Fitted, Outputs, Params, Splitter, State, Training, fit};
use ndarray::{Array1, Array2};

fn matrix(n_rows: usize, n_columns: usize, n_values: u64, seed: u64) -> Array2<f64> {
    let mut rng = Rng::new(seed);
    Array2::from_shape_fn((n_rows, n_columns), |_| rng.below(n_values) as f64)
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|j| format!("x{j}")).collect()
}

fn grow_table(
    table: &Table<'_>,
    targets: &[f64],
    outputs: &Outputs,
    weights: Option<&[f64]>,
    params: &Params,
    previous: Option<State>,
) -> Result<Fitted, Error> {
    let n_columns = table.n_columns();
    let (names, is_category) = (names(n_columns), vec![false; n_columns]);
    let training = Training { table, names: &names, is_category: &is_category, targets, outputs, weights };
    fit(&training, params, previous, &AtomicUsize::new(0), &AtomicBool::new(false))
}

fn grow(x: &Array2<f64>, targets: &[f64], outputs: &Outputs, params: &Params) -> Fitted {
    grow_table(&Table::DenseF64(x.view()), targets, outputs, None, params, None).expect("sound data")
}

/// The values of the leaf that a row of numbers reaches.
fn leaf<'t>(tree: &'t Tree, row: &[f64], width: usize) -> &'t [f64] {
    let mut node = tree.root;
    loop {
        match node {
            Child::Leaf(leaf) => return &tree.values[leaf as usize * width..][..width],
            Child::Split(split) => {
                let split = &tree.splits[split as usize];
                let Condition::AtMost { threshold, missing_left } = split.condition else { panic!("{split:?}") };
                let x = row[split.feature as usize];
                node = if x <= threshold || (x.is_nan() && missing_left) { split.left } else { split.right };
            }
        }
    }
}

fn predict(state: &State, row: &[f64]) -> Vec<f64> {
    let ensemble = &state.ensemble;
    let mut sums = vec![0.0; ensemble.n_targets];
    for tree in &ensemble.trees {
        sums.iter_mut().zip(leaf(tree, row, ensemble.width())).for_each(|(sum, value)| *sum += value);
    }
    sums.into_iter().map(|sum| sum / ensemble.trees.len() as f64).collect()
}

fn single(criterion: Criterion) -> Params {
    Params { n_estimators: 1, criterion, ..Params::default() }
}

/// Weighted impurity of a set of rows, straight from its definition.
fn impurity(criterion: Criterion, rows: &[usize], y: &[f64], n_classes: usize) -> f64 {
    let n = rows.len() as f64;
    let share = |class: usize| rows.iter().filter(|&&row| y[row] as usize == class).count() as f64 / n;
    let mean = rows.iter().map(|&row| y[row]).sum::<f64>() / n;
    n * match criterion {
        Criterion::Gini => 1.0 - (0..n_classes).map(|class| share(class).powi(2)).sum::<f64>(),
        Criterion::Entropy => -(0..n_classes).map(share).filter(|&p| p > 0.0).map(|p| p * p.log2()).sum::<f64>(),
        Criterion::SquaredError | Criterion::FriedmanMse => {
            rows.iter().map(|&row| (y[row] - mean).powi(2)).sum::<f64>() / n
        }
        Criterion::AbsoluteError => {
            // The sum of distances is least at one of the targets.
            let about = |center: f64| rows.iter().map(|&row| (y[row] - center).abs()).sum::<f64>() / n;
            rows.iter().map(|&row| about(y[row])).fold(f64::INFINITY, f64::min)
        }
        Criterion::Poisson => {
            let deviance = |y: f64| if y > 0.0 { y * (y / mean).ln() } else { 0.0 };
            rows.iter().map(|&row| deviance(y[row])).sum::<f64>() / n
        }
    }
}

/// The greatest decrease of impurity by any cut of any column.
fn best_decrease(criterion: Criterion, x: &Array2<f64>, rows: &[usize], y: &[f64], n_classes: usize) -> f64 {
    let mut best = f64::NEG_INFINITY;
    for column in 0..x.ncols() {
        for &cut in rows {
            let (left, right): (Vec<_>, Vec<_>) = rows.iter().partition(|&&row| x[(row, column)] <= x[(cut, column)]);
            let has_sum = |side: &[usize]| criterion != Criterion::Poisson || side.iter().any(|&row| y[row] > 0.0);
            if !right.is_empty() && has_sum(&left) && has_sum(&right) {
                let [whole, l, r] = [rows, &left, &right].map(|rows| impurity(criterion, rows, y, n_classes));
                best = best.max(whole - l - r);
            }
        }
    }
    best
}

#[test]
fn every_split_is_the_best_by_definition() {
    let x = matrix(120, 4, 9, 1);
    let mut rng = Rng::new(2);
    for (criterion, n_classes) in [
        (Criterion::Gini, 2),
        (Criterion::Gini, 4),
        (Criterion::Entropy, 2),
        (Criterion::Entropy, 3),
        (Criterion::SquaredError, 0),
        (Criterion::FriedmanMse, 0),
        (Criterion::Poisson, 0),
        (Criterion::AbsoluteError, 0),
    ] {
        let y: Vec<f64> = (0..120).map(|_| rng.below(if n_classes == 0 { 6 } else { n_classes }) as f64).collect();
        let outputs = if n_classes == 0 { Outputs::Numbers(1) } else { Outputs::Classes(vec![n_classes as usize]) };
        let fitted = grow(&x, &y, &outputs, &Params { max_depth: 4, ..single(criterion) });
        let tree = &fitted.state.ensemble.trees[0];
        let mut pending = vec![(tree.root, (0..120).collect::<Vec<usize>>())];
        let mut n_splits = 0;
        while let Some((node, rows)) = pending.pop() {
            let Child::Split(split) = node else { continue };
            let split = &tree.splits[split as usize];
            n_splits += 1;
            let best = best_decrease(criterion, &x, &rows, &y, n_classes as usize);
            assert!((split.gain - best).abs() < 1e-9 * best.abs().max(1.0), "{criterion:?} {} {best}", split.gain);
            assert_eq!(split.cover, rows.len() as f64);
            let Condition::AtMost { threshold, .. } = split.condition else { panic!() };
            let (left, right) = rows.iter().partition(|&&row| x[(row, split.feature as usize)] <= threshold);
            pending.extend([(split.left, left), (split.right, right)]);
        }
        assert!(n_splits > 5, "{criterion:?} {n_splits}");
    }
}

#[test]
fn a_full_tree_knows_its_rows() {
    let x = matrix(200, 6, 50, 3);
    let mut rng = Rng::new(4);
    let numbers: Vec<f64> = (0..200).map(|_| rng.uniform() * 1e6 + 1e9).collect();
    let fitted = grow(&x, &numbers, &Outputs::Numbers(1), &single(Criterion::SquaredError));
    for (row, &y) in x.rows().into_iter().zip(&numbers) {
        assert_eq!(predict(&fitted.state, &row.to_vec()), [y]);
    }
    let classes: Vec<f64> = (0..200).map(|_| rng.below(3) as f64).collect();
    let fitted = grow(&x, &classes, &Outputs::Classes(vec![3]), &single(Criterion::Gini));
    assert_eq!((fitted.state.ensemble.n_targets, fitted.state.ensemble.link), (3, Link::Shares));
    for (row, &y) in x.rows().into_iter().zip(&classes) {
        assert_eq!(predict(&fitted.state, &row.to_vec())[y as usize], 1.0);
    }
}

fn everything() -> Params {
    Params {
        n_estimators: 12,
        max_features: 2,
        bootstrap: Some(250),
        out_of_bag: true,
        min_samples_leaf: 2,
        seed: 11,
        ..Params::default()
    }
}

#[test]
fn threads_and_going_on_do_not_change_a_forest() {
    let x = matrix(300, 5, 40, 5);
    let y: Vec<f64> = x.rows().into_iter().map(|row| f64::from(u8::from(row[0] + row[1] > 40.0))).collect();
    let table = Table::DenseF64(x.view());
    let weights: Vec<f64> = (0..300).map(|i| 0.3 + f64::from(i % 7)).collect();
    let outputs = Outputs::Classes(vec![2]);
    for weights in [None, Some(&weights[..])] {
        let grow = |params: &Params, previous| grow_table(&table, &y, &outputs, weights, params, previous).unwrap();
        let one = grow(&everything(), None);
        let bytes = one.state.to_bytes().unwrap();
        for n_threads in [2, 4] {
            let other = grow(&Params { n_threads, ..everything() }, None);
            assert_eq!(other.state.to_bytes().unwrap(), bytes);
            assert_eq!(format!("{:?}", other.out_of_bag), format!("{:?}", one.out_of_bag));
        }
        let half = grow(&Params { n_estimators: 5, ..everything() }, None);
        let whole = grow(&everything(), Some(half.state));
        assert_eq!(whole.state.to_bytes().unwrap(), bytes);
        assert_eq!(format!("{:?}", whole.out_of_bag), format!("{:?}", one.out_of_bag));
        assert_eq!(State::from_bytes(&bytes).unwrap(), one.state);
        assert!(State::from_bytes(b"ARSGBDT2").is_err());
    }
}

#[test]
fn rows_out_of_bag_are_predicted_by_the_other_trees() {
    let x = matrix(80, 3, 40, 6);
    let y: Vec<f64> = (0..80).map(|i| f64::from(i % 2)).collect();
    let params = Params { n_estimators: 3, bootstrap: Some(30), out_of_bag: true, ..Params::default() };
    let fitted = grow(&x, &y, &Outputs::Classes(vec![2]), &params);
    let means = fitted.out_of_bag.unwrap();
    assert_eq!(means.len(), 80);
    // With 30 draws of 80 rows a tree misses most of them; a mean is one of few values, and never that of a tree that is alone in seeing.
    for (row, &mean) in means.iter().enumerate() {
        let values: Vec<f64> =
            fitted.state.ensemble.trees.iter().map(|tree| leaf(tree, &x.row(row).to_vec(), 1)[0]).collect();
        let subsets = (1..8u32).map(|set| {
            let chosen: Vec<f64> =
                (0..3).filter(|tree| set >> tree & 1 == 1).map(|tree| values[tree as usize]).collect();
            chosen.iter().sum::<f64>() / chosen.len() as f64
        });
        assert!(mean.is_nan() || subsets.into_iter().any(|subset| subset == mean), "{row} {mean} {values:?}");
    }
    let right = means.iter().zip(&y).filter(|(mean, y)| (**mean > 0.5) == (**y > 0.5)).count();
    assert!(right < 60, "the target is noise: {right} of 80 right would mean that rows were seen");
}

#[test]
fn limits_hold() {
    let x = matrix(400, 4, 100, 7);
    let y: Vec<f64> = (0..400).map(|i| (i * 7919 % 101) as f64).collect();
    let tree = |params: Params| grow(&x, &y, &Outputs::Numbers(1), &params).state.ensemble.trees.remove(0);
    let base = single(Criterion::SquaredError);
    assert_eq!(tree(Params { max_depth: 3, ..base.clone() }).depth(), 3);
    let best_first = tree(Params { max_leaf_nodes: Some(10), ..base.clone() });
    assert_eq!(best_first.n_leaves(), 10);
    // Whenever a node was split, those that waited were worth no more.
    for (s, split) in best_first.splits.iter().enumerate() {
        for (later, waiting) in best_first.splits.iter().enumerate().skip(s + 1) {
            let is_child = |parent: &Split| [parent.left, parent.right].contains(&Child::Split(later as u32));
            let parent = best_first.splits.iter().position(is_child).unwrap();
            assert!(parent >= s || waiting.gain <= split.gain);
        }
    }
    assert!(tree(Params { min_samples_leaf: 15, ..base.clone() }).covers.iter().all(|&cover| cover >= 15.0));
    assert!(tree(Params { min_samples_split: 50, ..base.clone() }).splits.iter().all(|split| split.cover >= 50.0));
    let heavy = tree(Params { min_weight_fraction_leaf: 0.1, ..base.clone() });
    assert!(heavy.covers.iter().all(|&cover| cover >= 40.0) && heavy.n_leaves() > 3);
    let gains = tree(Params { min_impurity_decrease: 5.0, ..base.clone() });
    assert!(gains.splits.iter().all(|split| split.gain >= 5.0 * 400.0) && !gains.splits.is_empty());
    let random = tree(Params { splitter: Splitter::Random, ..base });
    assert!(random.n_leaves() > 300);
}

#[test]
fn pruning_cuts_what_is_not_worth_its_leaves() {
    let x = matrix(150, 3, 30, 8);
    let y: Vec<f64> = (0..150).map(|i| (i * 31 % 17) as f64).collect();
    let tree = |alpha: f64| {
        let params = Params { ccp_alpha: alpha, ..single(Criterion::SquaredError) };
        grow(&x, &y, &Outputs::Numbers(1), &params).state.ensemble.trees.remove(0)
    };
    let (full, pruned) = (tree(0.0), tree(0.5));
    assert!(pruned.n_leaves() > 1 && pruned.n_leaves() < full.n_leaves());
    // Whatever subtree is left is worth more than its leaves cost, and cutting never raised gain per leaf.
    let cost = |tree: &Tree| {
        let gain: f64 = tree.splits.iter().map(|split| split.gain).sum::<f64>() / 150.0;
        gain / tree.splits.len() as f64
    };
    assert!(cost(&pruned) > 0.5);
    assert_eq!(pruned.covers.iter().sum::<f64>(), 150.0);
    assert_eq!(tree(1e6).n_leaves(), 1);
    let mean = y.iter().sum::<f64>() / 150.0;
    assert!((tree(1e6).values[0] - mean).abs() < 1e-12);
}

#[test]
fn monotonic_constraints_hold_everywhere() {
    let x = matrix(500, 2, 60, 9);
    let mut rng = Rng::new(10);
    let noise: Vec<f64> = (0..500).map(|_| rng.uniform()).collect();
    let y: Vec<f64> =
        x.rows().into_iter().zip(&noise).map(|(row, e)| row[0] / 30.0 - row[1] / 40.0 + 2.0 * e).collect();
    let classes: Vec<f64> = y.iter().map(|&y| f64::from(u8::from(y > 1.0))).collect();
    for (targets, outputs, criterion) in
        [(&y, Outputs::Numbers(1), Criterion::SquaredError), (&classes, Outputs::Classes(vec![2]), Criterion::Gini)]
    {
        let params =
            Params { monotonic: vec![1, -1], n_estimators: 5, bootstrap: Some(500), criterion, ..Params::default() };
        let state = grow(&x, targets, &outputs, &params).state;
        for other in 0..60 {
            let along = |column: usize| -> Vec<f64> {
                let row =
                    |at: usize| if column == 0 { [at as f64, f64::from(other)] } else { [f64::from(other), at as f64] };
                (0..60).map(|at| predict(&state, &row(at))[0]).collect()
            };
            assert!(along(0).is_sorted() && along(1).iter().rev().is_sorted());
        }
    }
    let wrong = grow_table(
        &Table::DenseF64(x.view()),
        &y,
        &Outputs::Numbers(1),
        None,
        &Params { monotonic: vec![1], ..single(Criterion::SquaredError) },
        None,
    );
    assert_eq!(wrong.unwrap_err().to_string(), "monotonic_cst has 1 entries, X has 2 columns");
}

#[test]
fn missing_values_and_categories_part_what_they_tell_apart() {
    // Missing values of the first column are the second class; texts of the second column tell the rest.
    let n = 90;
    let numbers = Array1::from_shape_fn(n, |i| if i % 3 == 0 { f64::NAN } else { i as f64 });
    let texts: Vec<&str> = (0..n).map(|i| ["a", "b", "c", "d"][i % 4]).collect();
    let column = CategoryColumn::encode(texts.iter().map(|text| Some(*text)));
    let table = Table::Columns(vec![
        Column::F64(vec![Chunk { values: numbers.view(), validity: None }]),
        Column::Category(&column),
    ]);
    let y: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i % 3 == 0 || i % 4 == 1 || i % 4 == 3))).collect();
    let fitted = grow_table(&table, &y, &Outputs::Classes(vec![2]), None, &single(Criterion::Gini), None).unwrap();
    let tree = &fitted.state.ensemble.trees[0];
    assert_eq!(tree.splits.len(), 2, "{tree:?}");
    assert!(tree.values.iter().all(|&share| share == 0.0 || share == 1.0));
    assert!(matches!(fitted.state.ensemble.features[1].kind, FeatureKind::StringCategories(_)));
    let leaves = fitted.state.apply(&table, 2).unwrap();
    let paths = fitted.state.paths(&table, 1).unwrap();
    for (leaf, ends) in leaves.iter().zip(paths.indptr.windows(2)) {
        let path = &paths.indices[ends[0] as usize..ends[1] as usize];
        assert_eq!((path[0], path[path.len() - 1]), (0, *leaf));
    }
    assert_eq!(fitted.state.n_nodes(), [5]);
}

#[test]
fn several_outputs_are_learned_side_by_side() {
    let x = matrix(200, 4, 30, 12);
    let targets: Vec<f64> =
        x.rows().into_iter().flat_map(|row| [f64::from(u8::from(row[0] > 14.0)), (row[1] / 10.0).floor()]).collect();
    let fitted = grow(&x, &targets, &Outputs::Classes(vec![2, 3]), &single(Criterion::Entropy));
    // One column for the two classes of the first output, three for the second's.
    assert_eq!(fitted.state.ensemble.n_targets, 4);
    for (row, y) in x.rows().into_iter().zip(targets.chunks(2)) {
        let shares = predict(&fitted.state, &row.to_vec());
        assert_eq!((shares[0], shares[1 + y[1] as usize]), (y[0], 1.0));
    }
    let numbers: Vec<f64> = x.rows().into_iter().flat_map(|row| [row[0], -row[2]]).collect();
    let fitted = grow(&x, &numbers, &Outputs::Numbers(2), &single(Criterion::SquaredError));
    for (row, y) in x.rows().into_iter().zip(numbers.chunks(2)) {
        assert_eq!(predict(&fitted.state, &row.to_vec()), y);
    }
}

#[test]
fn weights_count_as_copies() {
    let x = matrix(60, 3, 20, 13);
    let y: Vec<f64> = (0..60).map(|i| (i * 13 % 7) as f64).collect();
    let weights: Vec<f64> = (0..60).map(|i| f64::from(i % 3)).collect();
    let rows: Vec<usize> = (0..60).flat_map(|i| std::iter::repeat_n(i, i % 3)).collect();
    let copied = Array2::from_shape_fn((rows.len(), 3), |(i, j)| x[(rows[i], j)]);
    let copied_y: Vec<f64> = rows.iter().map(|&row| y[row]).collect();
    let params = Params { max_depth: 5, ..single(Criterion::SquaredError) };
    let table = Table::DenseF64(x.view());
    let by_weight = grow_table(&table, &y, &Outputs::Numbers(1), Some(&weights), &params, None).unwrap();
    let by_copy = grow(&copied, &copied_y, &Outputs::Numbers(1), &params);
    for row in x.rows() {
        let row = row.to_vec();
        assert!((predict(&by_weight.state, &row)[0] - predict(&by_copy.state, &row)[0]).abs() < 1e-12);
    }
}

#[test]
fn bad_input_is_named() {
    let x = matrix(10, 2, 5, 14);
    let table = Table::DenseF64(x.view());
    let message = |targets: &[f64], outputs: &Outputs, weights: Option<&[f64]>, params: &Params| {
        grow_table(&table, targets, outputs, weights, params, None).unwrap_err().to_string()
    };
    let numbers = Outputs::Numbers(1);
    let params = single(Criterion::SquaredError);
    assert_eq!(message(&[1.0; 9], &numbers, None, &params), "X has 10 rows, y has 9 values for 1 outputs");
    assert_eq!(message(&[1.0; 10], &numbers, Some(&[1.0; 3]), &params), "X has 10 rows, sample_weight has 3");
    assert!(message(&[f64::NAN; 10], &numbers, None, &params).starts_with("target 0 is NaN"));
    assert!(
        message(&[2.0; 10], &Outputs::Classes(vec![2]), None, &single(Criterion::Gini)).starts_with("target 0 is 2")
    );
    assert!(message(&[-1.0; 10], &numbers, None, &single(Criterion::Poisson)).contains("at least 0"));
    assert!(message(&[0.0; 10], &numbers, None, &single(Criterion::Poisson)).contains("positive target"));
    assert!(message(&[0.0; 10], &numbers, None, &single(Criterion::Gini)).starts_with("criterion Gini"));
    let stop = AtomicBool::new(true);
    let (names, is_category) = (names(2), [false; 2]);
    let training = Training {
        table: &table,
        names: &names,
        is_category: &is_category,
        targets: &[1.0; 10],
        outputs: &numbers,
        weights: None,
    };
    let n_done = AtomicUsize::new(0);
    assert_eq!(fit(&training, &params, None, &n_done, &stop).unwrap_err(), Error::Interrupted);
    assert_eq!(n_done.load(Ordering::Relaxed), 0);
}
