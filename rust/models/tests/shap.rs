//! Shapley values against their definition: every coalition of columns, one walk each.

#![allow(clippy::unwrap_used, reason = "a failed explanation is a failed test")]

use std::sync::atomic::AtomicBool;

use arsenal_core::ensemble::{
    Aggregate, Child, Condition, Dtype, Feature, FeatureKind, Link, Split, Targets, Tree, TreeEnsemble,
};
use arsenal_core::rng::Rng;
use arsenal_core::table::{CategoryColumn, Chunk, Column, Csr, CsrValues, Table};
use arsenal_core::{Error, pool};
use arsenal_models::trees::shap::{Explainer, Order};
use ndarray::Array2;

/// A random tree over `n_features` numbers; `depth` bounds it, `greed` makes it a chain.
fn tree(rng: &mut Rng, n_features: usize, depth: usize, width: usize, is_chain: bool) -> Tree {
    fn grow(rng: &mut Rng, tree: &mut Tree, n_features: usize, depth: usize, is_chain: bool) -> (Child, f64) {
        let stops = depth == 0 || (!is_chain && rng.uniform() < 0.15);
        if stops {
            let cover = (rng.uniform() * 9.0).floor() + f64::from(u8::from(rng.uniform() < 0.9));
            tree.covers.push(cover);
            return (Child::Leaf(tree.covers.len() as u32 - 1), cover);
        }
        let place = tree.splits.len();
        let feature = (rng.uniform() * n_features as f64) as u32;
        // Column 0 is a category of five.
        let condition = if feature == 0 {
            let codes: Vec<u32> = (1..=5).filter(|_| rng.uniform() < 0.5).collect();
            Condition::Among { codes }
        } else {
            Condition::AtMost { threshold: rng.uniform() * 2.0 - 1.0, missing_left: rng.uniform() < 0.5 }
        };
        let leaf = Child::Leaf(0);
        tree.splits.push(Split { feature, condition, left: leaf, right: leaf, gain: 1.0, cover: 0.0 });
        let (left, left_cover) = grow(rng, tree, n_features, if is_chain { 0 } else { depth - 1 }, is_chain);
        let (right, right_cover) = grow(rng, tree, n_features, depth - 1, is_chain);
        let split = &mut tree.splits[place];
        (split.left, split.right, split.cover) = (left, right, left_cover + right_cover);
        (Child::Split(place as u32), split.cover)
    }
    let mut tree = Tree { root: Child::Leaf(0), splits: Vec::new(), values: Vec::new(), covers: Vec::new() };
    tree.root = grow(rng, &mut tree, n_features, depth, is_chain).0;
    tree.values = (0..tree.covers.len() * width).map(|_| rng.uniform() * 4.0 - 2.0).collect();
    tree
}

fn ensemble(seed: u64, n_features: usize, depth: usize, n_targets: usize, is_chain: bool) -> TreeEnsemble {
    let mut rng = Rng::new(seed);
    let kind = |column| match column {
        0 => FeatureKind::NumericCategories(vec![1.0, 2.0, 4.0, 8.0, 16.0]),
        _ => FeatureKind::Numeric,
    };
    TreeEnsemble {
        features: (0..n_features).map(|column| Feature { name: format!("x{column}"), kind: kind(column) }).collect(),
        dtype: Dtype::F64,
        link: if n_targets == 1 { Link::Identity } else { Link::Softmax },
        n_targets,
        targets: Targets::RoundRobin,
        aggregate: Aggregate::Sum,
        trees: (0..3 * n_targets).map(|_| tree(&mut rng, n_features, depth, 1, is_chain)).collect(),
    }
}

/// The mean of four trees with a value per target in each leaf.
fn forest(seed: u64, n_features: usize, depth: usize, n_targets: usize) -> TreeEnsemble {
    let mut rng = Rng::new(seed);
    let trees = (0..4).map(|_| tree(&mut rng, n_features, depth, n_targets, false)).collect();
    let boosted = ensemble(seed, n_features, 1, n_targets, false);
    TreeEnsemble { targets: Targets::Every, aggregate: Aggregate::Mean, trees, ..boosted }
}

/// Rows with categories (one of them unknown), missing values and infinities.
fn rows(seed: u64, n: usize, n_features: usize) -> Array2<f64> {
    let mut rng = Rng::new(seed);
    Array2::from_shape_fn((n, n_features), |(_, column)| match (column, (rng.uniform() * 12.0) as u32) {
        (0, k) => f64::from(1u32 << (k / 2)),
        (_, 0) => f64::NAN,
        (_, 1) => f64::INFINITY,
        _ => rng.uniform() * 2.4 - 1.2,
    })
}

fn goes_left(ensemble: &TreeEnsemble, split: &Split, row: &[f64]) -> bool {
    let value = row[split.feature as usize];
    match (&split.condition, &ensemble.features[split.feature as usize].kind) {
        (Condition::AtMost { missing_left, .. }, _) if value.is_nan() => *missing_left,
        (Condition::AtMost { threshold, .. }, _) => value <= *threshold,
        (Condition::Among { codes }, FeatureKind::NumericCategories(values)) => {
            codes.iter().any(|&code| values[code as usize - 1] == value)
        }
        (Condition::Among { .. }, kind) => panic!("no numbers in {kind:?}"),
    }
}

/// What a tree is worth to a coalition, per target: known columns decide, others go both ways by cover or as `other` goes.
fn worth(
    ensemble: &TreeEnsemble,
    tree: &Tree,
    at: Child,
    row: &[f64],
    known: usize,
    other: Option<&[f64]>,
) -> Vec<f64> {
    let Child::Split(split) = at else {
        let Child::Leaf(leaf) = at else { unreachable!() };
        return tree.values[leaf as usize * ensemble.width()..][..ensemble.width()].to_vec();
    };
    let split = &tree.splits[split as usize];
    let below = |child| worth(ensemble, tree, child, row, known, other);
    let one_way = |row| below(if goes_left(ensemble, split, row) { split.left } else { split.right });
    match (known >> (split.feature % 64) & 1, other) {
        (1, _) => one_way(row),
        (_, Some(other)) => one_way(other),
        (_, None) => {
            let cover = |child| match child {
                Child::Split(split) => tree.splits[split as usize].cover,
                Child::Leaf(leaf) => tree.covers[leaf as usize],
            };
            let share = if split.cover > 0.0 { cover(split.left) / split.cover } else { 0.5 };
            let (left, right) = (below(split.left), below(split.right));
            left.iter().zip(right).map(|(left, right)| share * left + (1.0 - share) * right).collect()
        }
    }
}

/// The worth of a coalition to each target of the model.
fn score(ensemble: &TreeEnsemble, row: &[f64], known: usize, other: Option<&[f64]>) -> Vec<f64> {
    let mut sums = vec![0.0; ensemble.n_targets];
    for (number, tree) in ensemble.trees.iter().enumerate() {
        let worth = worth(ensemble, tree, tree.root, row, known, other);
        sums[ensemble.first_target(number)..].iter_mut().zip(worth).for_each(|(sum, worth)| *sum += worth);
    }
    let scale = if ensemble.aggregate == Aggregate::Mean { ensemble.trees.len() as f64 } else { 1.0 };
    sums.iter().map(|sum| sum / scale).collect()
}

/// The worth of every coalition to one target.
fn worths(ensemble: &TreeEnsemble, target: usize, row: &[f64], background: Option<&Array2<f64>>) -> Vec<f64> {
    let of_coalition = |known: usize| match background {
        None => score(ensemble, row, known, None)[target],
        Some(background) => {
            let of = |other: &[f64]| score(ensemble, row, known, Some(other))[target];
            background.rows().into_iter().map(|other| of(&other.to_vec())).sum::<f64>() / background.nrows() as f64
        }
    };
    (0..1 << ensemble.features.len()).map(of_coalition).collect()
}

fn factorial(n: u32) -> f64 {
    (1..=n).map(f64::from).product()
}

/// Shapley's definition.
fn value(worths: &[f64], column: usize) -> f64 {
    let n = worths.len().ilog2();
    let without = (0..worths.len()).filter(|known| known >> column & 1 == 0);
    let terms = without.map(|known| {
        let size = known.count_ones();
        let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
        weight * (worths[known | 1 << column] - worths[known])
    });
    terms.sum()
}

/// The Shapley interaction index, half of it for each order of the pair.
fn interaction(worths: &[f64], i: usize, j: usize) -> f64 {
    let n = worths.len().ilog2();
    let without = (0..worths.len()).filter(|known| known >> i & 1 == 0 && known >> j & 1 == 0);
    let terms = without.map(|known| {
        let size = known.count_ones();
        let weight = factorial(size) * factorial(n - size - 2) / (2.0 * factorial(n - 1));
        let of = |more: usize| worths[known | more];
        weight * (of(1 << i | 1 << j) - of(1 << i) - of(1 << j) + of(0))
    });
    terms.sum()
}

fn explained(
    ensemble: &TreeEnsemble,
    table: &Table<'_>,
    background: Option<&Table<'_>>,
    order: Order,
    n_threads: usize,
) -> Result<(Vec<f64>, Vec<f64>), Error> {
    let stop = AtomicBool::new(false);
    pool::pool(n_threads)?.install(|| {
        let explainer = Explainer::new(ensemble, background, order, &stop)?;
        let mut out = vec![f64::NAN; table.n_rows() * explainer.n_numbers()];
        explainer.explain(table, &mut out, &stop)?;
        Ok((out, explainer.expected()))
    })
}

#[test]
fn values_and_interactions_are_those_of_the_definition() {
    let n_features = 6;
    let ensembles = [
        ensemble(0, n_features, 3, 1, false),
        ensemble(1, n_features, 6, 1, false),
        ensemble(2, n_features, 8, 3, false),
        ensemble(3, n_features, 12, 1, true),
        forest(4, n_features, 5, 2),
    ];
    for (seed, ensemble) in (0..).zip(ensembles) {
        let n_targets = ensemble.n_targets;
        let (x, other) = (rows(seed + 10, 12, n_features), rows(seed + 20, 9, n_features));
        for background in [None, Some(&other)] {
            let other = background.map(|other| Table::DenseF64(other.view()));
            let table = Table::DenseF64(x.view());
            let (values, expected) = explained(&ensemble, &table, other.as_ref(), Order::Values, 1).unwrap();
            let (pairs, _) = explained(&ensemble, &table, other.as_ref(), Order::Interactions, 1).unwrap();
            for (number, row) in x.rows().into_iter().enumerate() {
                for target in 0..n_targets {
                    let worths = worths(&ensemble, target, &row.to_vec(), background);
                    assert!((expected[target] - worths[0]).abs() < 1e-12);
                    let at = |i: usize| values[(number * n_features + i) * n_targets + target];
                    let score = (0..n_features).map(at).sum::<f64>() + expected[target];
                    assert!((score - worths[worths.len() - 1]).abs() < 1e-12);
                    for i in 0..n_features {
                        assert!((at(i) - value(&worths, i)).abs() < 1e-12, "seed {seed}, row {number}, column {i}");
                        let pair = |j: usize| pairs[((number * n_features + i) * n_features + j) * n_targets + target];
                        for j in (0..n_features).filter(|&j| j != i) {
                            assert!((pair(j) - interaction(&worths, i, j)).abs() < 1e-12, "seed {seed}: {i} with {j}");
                        }
                        assert!(((0..n_features).map(pair).sum::<f64>() - at(i)).abs() < 1e-12);
                    }
                }
            }
        }
    }
}

#[test]
fn deep_trees_are_explained_without_tables() {
    // Twelve columns and ways of up to sixteen splits: most leaves have too many patterns.
    let n_features = 12;
    for ensemble in [ensemble(15, n_features, 16, 1, false), forest(16, n_features, 14, 2)] {
        let n_targets = ensemble.n_targets;
        let x = rows(17, 2, n_features);
        let (values, expected) = explained(&ensemble, &Table::DenseF64(x.view()), None, Order::Values, 1).unwrap();
        for (row, values) in x.rows().into_iter().zip(values.chunks_exact(n_features * n_targets)) {
            for target in 0..n_targets {
                let worths = worths(&ensemble, target, &row.to_vec(), None);
                assert!((expected[target] - worths[0]).abs() < 1e-12);
                for column in 0..n_features {
                    let (found, wanted) = (values[column * n_targets + target], value(&worths, column));
                    assert!((found - wanted).abs() < 1e-12, "column {column}: {found} {wanted}");
                }
            }
        }
    }
}

#[test]
fn a_row_is_explained_alike_alone_and_among_many_by_any_number_of_threads() {
    // Single rows go without tables; more than a block of rows goes with them.
    let ensemble = ensemble(5, 9, 7, 2, false);
    let (x, other) = (rows(6, 2500, 9), rows(7, 40, 9));
    let other = Table::DenseF64(other.view());
    for background in [None, Some(&other)] {
        for (order, n) in [(Order::Values, 2500), (Order::Interactions, 300)] {
            let x = x.slice(ndarray::s![..n, ..]);
            let all = |n_threads| explained(&ensemble, &Table::DenseF64(x), background, order, n_threads).unwrap().0;
            let whole = all(1);
            assert_eq!(whole, all(3));
            for row in [0, n / 2, n - 1] {
                let alone = Table::DenseF64(x.slice(ndarray::s![row..=row, ..]));
                let (alone, _) = explained(&ensemble, &alone, background, order, 1).unwrap();
                assert_eq!(alone, whole[row * alone.len()..][..alone.len()]);
            }
        }
    }
}

#[test]
fn long_ways_keep_their_sum() {
    // A chain of 150 columns: patterns of more than two words, no table.
    let ensemble = ensemble(8, 160, 300, 1, true);
    let (x, other) = (rows(9, 20, 160), rows(10, 5, 160));
    let table = Table::DenseF64(x.view());
    for background in [None, Some(Table::DenseF64(other.view()))] {
        let (values, expected) = explained(&ensemble, &table, background.as_ref(), Order::Values, 2).unwrap();
        for (row, values) in x.rows().into_iter().zip(values.chunks_exact(160)) {
            let row = row.to_vec();
            let score = score(&ensemble, &row, 0, Some(&row))[0];
            assert!((values.iter().sum::<f64>() + expected[0] - score).abs() < 1e-11);
        }
    }
}

#[test]
fn every_layout_of_a_table_is_explained_alike() {
    let mut ensemble = ensemble(11, 5, 5, 1, false);
    let mut x = rows(12, 200, 5);
    x.iter_mut().step_by(3).for_each(|value| *value = 0.0);
    let explain =
        |ensemble: &TreeEnsemble, table: &Table<'_>| explained(ensemble, table, None, Order::Values, 2).unwrap().0;
    let dense = explain(&ensemble, &Table::DenseF64(x.view()));
    let (mut indptr, mut indices, mut values) = (vec![0], vec![], vec![]);
    for row in x.rows() {
        for (column, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            indices.push(column as i64);
            values.push(value);
        }
        indptr.push(values.len() as i64);
    }
    assert_eq!(
        explain(&ensemble, &Table::Csr(Csr::new(&indptr, &indices, CsrValues::F64(&values), 5).unwrap())),
        dense
    );
    let fortran = x.t().as_standard_layout().into_owned();
    let number = |column: usize| Column::F64(vec![Chunk { values: fortran.row(column), validity: None }]);
    assert_eq!(explain(&ensemble, &Table::Columns((0..5).map(number).collect())), dense);

    // The same categories as text, one of them unknown to the model.
    let names: Vec<String> = x.column(0).iter().map(|value| format!("{value}")).collect();
    let texts = CategoryColumn::encode(names.iter().map(|name| Some(name.as_str())));
    ensemble.features[0].kind = FeatureKind::StringCategories(["1", "2", "4", "8", "16"].map(String::from).to_vec());
    let mut columns = vec![Column::Category(&texts)];
    columns.extend((1..5).map(number));
    assert_eq!(explain(&ensemble, &Table::Columns(columns)), dense);
    let refused = |table: &Table<'_>| explained(&ensemble, table, None, Order::Values, 1).unwrap_err().to_string();
    assert!(refused(&Table::DenseF64(x.view())).contains("column 0 holds numbers"));
    let text = |_| Column::Category(&texts);
    assert!(refused(&Table::Columns((0..5).map(text).collect())).contains("column 1 holds text"));
    assert!(refused(&Table::Columns(vec![number(1)])).contains("X has 1 columns, the model was fitted with 5"));
}

/// One split by one column of a kind: +0.5 for rows that go left, −0.5 for the others.
fn one_split(kind: FeatureKind, condition: Condition) -> TreeEnsemble {
    let split = Split { feature: 0, condition, left: Child::Leaf(0), right: Child::Leaf(1), gain: 1.0, cover: 2.0 };
    let tree = Tree { root: Child::Split(0), splits: vec![split], values: vec![1.0, 0.0], covers: vec![1.0, 1.0] };
    TreeEnsemble {
        features: vec![Feature { name: "x".into(), kind }],
        trees: vec![tree],
        ..ensemble(0, 1, 1, 1, false)
    }
}

#[test]
fn columns_of_models_that_were_learned_elsewhere_are_read_as_there() {
    let at_most = |threshold| Condition::AtMost { threshold, missing_left: true };
    let among = |codes: &[u32]| Condition::Among { codes: codes.to_vec() };
    let whole = || FeatureKind::WholeCategories { values: vec![3.0, f64::NAN, 0.0], above: -0.5 };
    let numbers = [
        // 0.7 rounds to a float32 below it.
        (FeatureKind::Float32, at_most(f64::from(0.7_f32)), vec![0.7, 0.8], vec![0.5, -0.5]),
        (FeatureKind::ZeroIsMissing, at_most(-1.0), vec![0.0, 1e-36, 1e-30, f64::NAN], vec![0.5, 0.5, -0.5, 0.5]),
        (whole(), among(&[1, 2]), vec![3.7, f64::NAN, 4.0], vec![0.5, 0.5, -0.5]),
        (whole(), among(&[3]), vec![0.9, -0.4, -0.5, 3.0], vec![0.5, 0.5, -0.5, -0.5]),
    ];
    for (kind, condition, x, wanted) in numbers {
        let ensemble = one_split(kind, condition);
        let matrix = Array2::from_shape_vec((x.len(), 1), x).unwrap();
        let table = Table::DenseF64(matrix.view());
        let (values, _) = explained(&ensemble, &table, None, Order::Values, 1).unwrap();
        assert!(
            values.iter().zip(&wanted).all(|(value, wanted)| (value - wanted).abs() < 1e-12),
            "{values:?} {wanted:?}"
        );
    }
    let ensemble = one_split(FeatureKind::StringCategories(vec!["a".into(), String::new()]), among(&[2]));
    let texts = CategoryColumn::encode([Some("a"), None, Some("b")]);
    let table = Table::Columns(vec![Column::Category(&texts)]);
    let (values, _) = explained(&ensemble, &table, None, Order::Values, 1).unwrap();
    assert!(values.iter().zip([-0.5, 0.5, -0.5]).all(|(value, wanted)| (value - wanted).abs() < 1e-12), "{values:?}");
}

#[test]
fn what_cannot_be_explained_is_refused_and_stops() {
    let ensemble = ensemble(13, 4, 3, 1, false);
    let (x, none) = (rows(14, 50, 4), Array2::<f64>::zeros((0, 4)));
    let table = Table::DenseF64(x.view());
    let empty = Table::DenseF64(none.view());
    let error = explained(&ensemble, &table, Some(&empty), Order::Values, 1).unwrap_err();
    assert!(error.to_string().contains("background has 0 rows"));
    assert_eq!(explained(&ensemble, &empty, None, Order::Values, 1).unwrap().0, Vec::<f64>::new());
    let stop = AtomicBool::new(false);
    let explainer = Explainer::new(&ensemble, None, Order::Values, &stop).unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(explainer.explain(&table, &mut [0.0; 200], &stop), Err(Error::Interrupted));
    assert_eq!(Explainer::new(&ensemble, Some(&table), Order::Values, &stop).err(), Some(Error::Interrupted));
}
