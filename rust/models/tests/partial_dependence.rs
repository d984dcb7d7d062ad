//! Partial dependence against its definition: one walk per row and cell, and one per cell by covers.

#![allow(clippy::unwrap_used, reason = "a failed walk is a failed test")]

use std::sync::atomic::AtomicBool;

use arsenal_core::ensemble::{
    Aggregate, Child, Condition, Dtype, Feature, FeatureKind, Link, Split, Targets, Tree, TreeEnsemble,
};
use arsenal_core::rng::Rng;
use arsenal_core::table::{CategoryColumn, Csr, CsrValues, Table};
use arsenal_core::{Error, Result, pool};
use arsenal_models::trees::partial_dependence::{PartialDependence, Values, column_numbers};
use ndarray::Array2;

const N_FEATURES: usize = 4;
/// What the category codes 1 to 4 of column 0 stand for.
const LEVELS: [f64; 4] = [1.0, 2.0, 4.0, 8.0];

fn grow(rng: &mut Rng, tree: &mut Tree, depth: usize) -> (Child, f64) {
    if depth == 0 || rng.uniform() < 0.1 {
        let cover = (rng.uniform() * 9.0).floor();
        tree.covers.push(cover);
        return (Child::Leaf(tree.covers.len() as u32 - 1), cover);
    }
    let place = tree.splits.len();
    let feature = (rng.uniform() * N_FEATURES as f64) as u32;
    let condition = match feature {
        0 => Condition::Among { codes: (1..=4).filter(|_| rng.uniform() < 0.5).collect() },
        _ => Condition::AtMost { threshold: rng.uniform() * 2.0 - 1.0, missing_left: rng.uniform() < 0.5 },
    };
    let leaf = Child::Leaf(0);
    tree.splits.push(Split { feature, condition, left: leaf, right: leaf, gain: 1.0, cover: 0.0 });
    let ((left, of_left), (right, of_right)) = (grow(rng, tree, depth - 1), grow(rng, tree, depth - 1));
    let split = &mut tree.splits[place];
    (split.left, split.right, split.cover) = (left, right, of_left + of_right);
    (Child::Split(place as u32), of_left + of_right)
}

fn ensemble(seed: u64, depth: usize, n_targets: usize, aggregate: Aggregate) -> TreeEnsemble {
    let mut rng = Rng::new(seed);
    let targets = if aggregate == Aggregate::Mean { Targets::Every } else { Targets::RoundRobin };
    let width = if aggregate == Aggregate::Mean { n_targets } else { 1 };
    let mut trees = Vec::new();
    for _ in 0..3 * n_targets {
        let mut tree = Tree { root: Child::Leaf(0), splits: vec![], values: vec![], covers: vec![] };
        tree.root = grow(&mut rng, &mut tree, depth).0;
        tree.values = (0..tree.covers.len() * width).map(|_| rng.uniform() * 4.0 - 2.0).collect();
        trees.push(tree);
    }
    let kind =
        |column| if column == 0 { FeatureKind::NumericCategories(LEVELS.to_vec()) } else { FeatureKind::Numeric };
    let feature = |column| Feature { name: format!("x{column}"), kind: kind(column) };
    TreeEnsemble {
        features: (0..N_FEATURES).map(feature).collect(),
        dtype: Dtype::F64,
        link: if n_targets == 1 { Link::Identity } else { Link::Softmax },
        n_targets,
        targets,
        aggregate,
        trees,
    }
}

/// Rows with categories (one of them unknown), missing values and infinities.
fn rows(seed: u64, n: usize) -> Array2<f64> {
    let mut rng = Rng::new(seed);
    Array2::from_shape_fn((n, N_FEATURES), |(_, column)| match (column, (rng.uniform() * 10.0) as u32) {
        (0, k) => f64::from(1u32 << (k / 2)),
        (_, 0) => f64::NAN,
        (_, 1) => f64::INFINITY,
        _ => rng.uniform() * 2.4 - 1.2,
    })
}

fn goes_left(split: &Split, row: &[f64]) -> bool {
    let value = row[split.feature as usize];
    match &split.condition {
        Condition::AtMost { missing_left, .. } if value.is_nan() => *missing_left,
        Condition::AtMost { threshold, .. } => value <= *threshold,
        Condition::Among { codes } => codes.iter().any(|&code| LEVELS[code as usize - 1] == value),
    }
}

/// What a tree adds per target; columns that are not `known` go both ways by cover.
fn walk(ensemble: &TreeEnsemble, tree: &Tree, at: Child, row: &[f64], known: &dyn Fn(u32) -> bool) -> Vec<f64> {
    let split = match at {
        Child::Leaf(leaf) => return tree.values[leaf as usize * ensemble.width()..][..ensemble.width()].to_vec(),
        Child::Split(split) => &tree.splits[split as usize],
    };
    let below = |child| walk(ensemble, tree, child, row, known);
    if known(split.feature) {
        return below(if goes_left(split, row) { split.left } else { split.right });
    }
    let cover = |child| match child {
        Child::Split(split) => tree.splits[split as usize].cover,
        Child::Leaf(leaf) => tree.covers[leaf as usize],
    };
    let share = if split.cover > 0.0 { cover(split.left) / split.cover } else { 0.5 };
    below(split.left).iter().zip(below(split.right)).map(|(left, right)| share * left + (1.0 - share) * right).collect()
}

fn score(ensemble: &TreeEnsemble, row: &[f64], known: &dyn Fn(u32) -> bool) -> Vec<f64> {
    let mut sums = vec![0.0; ensemble.n_targets];
    for (number, tree) in ensemble.trees.iter().enumerate() {
        let added = walk(ensemble, tree, tree.root, row, known);
        sums[ensemble.first_target(number)..].iter_mut().zip(added).for_each(|(sum, added)| *sum += added);
    }
    let scale = if ensemble.aggregate == Aggregate::Mean { ensemble.trees.len() as f64 } else { 1.0 };
    sums.iter().map(|sum| sum / scale).collect()
}

/// Every combination of the axes' values, the last axis fastest.
fn cells(axes: &[(usize, Values)]) -> Vec<Vec<(usize, f64)>> {
    let mut cells = vec![Vec::new()];
    for (column, values) in axes {
        let Values::Numbers(values) = values else { panic!("no numbers") };
        let with = |cell: Vec<(usize, f64)>| {
            values.iter().map(move |&value| [cell.clone(), vec![(*column, value)]].concat()).collect::<Vec<_>>()
        };
        cells = cells.into_iter().flat_map(with).collect();
    }
    cells
}

struct Answer {
    by_rows: Vec<f64>,
    by_shares: Vec<f64>,
    of_each_row: Vec<f64>,
}

fn asked(
    ensemble: &TreeEnsemble,
    axes: &[(usize, Values)],
    table: &Table<'_>,
    weights: Option<&[f64]>,
    n_threads: usize,
) -> Result<Answer> {
    let stop = AtomicBool::new(false);
    pool::pool(n_threads)?.install(|| {
        let dependence = PartialDependence::new(ensemble, axes, &stop)?;
        let n = dependence.n_numbers();
        let mut answer = Answer {
            by_rows: vec![f64::NAN; n],
            by_shares: vec![f64::NAN; n],
            of_each_row: vec![f64::NAN; n * table.n_rows()],
        };
        dependence.by_rows(table, weights, &mut answer.by_rows, &stop)?;
        dependence.by_shares(&mut answer.by_shares, &stop)?;
        dependence.of_each_row(table, &mut answer.of_each_row, &stop)?;
        Ok(answer)
    })
}

fn grids() -> Vec<Vec<(usize, Values)>> {
    let categories = (0, Values::Numbers(vec![8.0, 1.0, 3.0, 2.0]));
    // Out of order, with a missing value between the others.
    let numbers = (2, Values::Numbers(vec![0.5, -0.9, f64::NAN, -0.2, f64::INFINITY, 0.1]));
    let more = (1, Values::Numbers((0..9).map(|i| f64::from(i) / 4.0 - 1.0).collect()));
    vec![
        vec![categories.clone()],
        vec![numbers.clone()],
        vec![more.clone(), categories.clone()],
        vec![numbers, more, categories],
    ]
}

#[test]
fn means_and_curves_are_those_of_the_definition() {
    let x = rows(1, 60);
    let weights: Vec<f64> = (0..60).map(|row| f64::from(row % 7)).collect();
    let table = Table::DenseF64(x.view());
    for (ensemble, weights) in [
        (ensemble(2, 5, 1, Aggregate::Sum), None),
        (ensemble(3, 7, 3, Aggregate::Sum), Some(&weights[..])),
        (ensemble(4, 6, 2, Aggregate::Mean), Some(&weights[..])),
    ] {
        for axes in grids() {
            let answer = asked(&ensemble, &axes, &table, weights, 2).unwrap();
            let (cells, n_targets) = (cells(&axes), ensemble.n_targets);
            for (place, cell) in cells.iter().enumerate() {
                let mut means = vec![0.0; n_targets];
                for (number, row) in x.rows().into_iter().enumerate() {
                    let mut row = row.to_vec();
                    for &(column, value) in cell {
                        row[column] = value;
                    }
                    let weight = weights.map_or(1.0 / 60.0, |weights| weights[number] / weights.iter().sum::<f64>());
                    for (target, wanted) in score(&ensemble, &row, &|_| true).into_iter().enumerate() {
                        means[target] += weight * wanted;
                        let found = answer.of_each_row[(number * n_targets + target) * cells.len() + place];
                        assert!((found - wanted).abs() < 1e-12, "row {number}, cell {cell:?}: {found} {wanted}");
                    }
                }
                let mut row = vec![f64::NAN; N_FEATURES];
                for &(column, value) in cell {
                    row[column] = value;
                }
                let known = |feature: u32| cell.iter().any(|&(column, _)| column == feature as usize);
                let by_shares = score(&ensemble, &row, &known);
                for target in 0..n_targets {
                    let at = target * cells.len() + place;
                    assert!((answer.by_rows[at] - means[target]).abs() < 1e-12, "{cell:?}");
                    assert!((answer.by_shares[at] - by_shares[target]).abs() < 1e-12, "{cell:?}");
                }
            }
        }
    }
}

#[test]
fn any_number_of_threads_and_any_layout_give_the_same_numbers() {
    let ensemble = ensemble(5, 9, 2, Aggregate::Mean);
    let mut x = rows(6, 20_000);
    x.iter_mut().step_by(3).for_each(|value| *value = 0.0);
    let weights: Vec<f64> = (0..20_000).map(|row| 0.1 + f64::from(row % 13)).collect();
    let table = Table::DenseF64(x.view());
    let axes = &grids()[1];
    let one = asked(&ensemble, axes, &table, Some(&weights), 1).unwrap();
    let (mut indptr, mut indices, mut values) = (vec![0], vec![], vec![]);
    for row in x.rows() {
        for (column, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            indices.push(column as i64);
            values.push(value);
        }
        indptr.push(values.len() as i64);
    }
    let csr = Table::Csr(Csr::new(&indptr, &indices, CsrValues::F64(&values), N_FEATURES).unwrap());
    for other in [
        asked(&ensemble, axes, &table, Some(&weights), 3).unwrap(),
        asked(&ensemble, axes, &csr, Some(&weights), 2).unwrap(),
    ] {
        assert_eq!(one.by_rows, other.by_rows);
        assert_eq!(one.by_shares, other.by_shares);
        assert_eq!(one.of_each_row, other.of_each_row);
    }
    // A row's curve is its own.
    let alone = Table::DenseF64(x.slice(ndarray::s![19_999.., ..]));
    let alone = asked(&ensemble, axes, &alone, None, 1).unwrap().of_each_row;
    assert_eq!(alone, one.of_each_row[one.of_each_row.len() - alone.len()..]);
    let numbers = |table: &Table<'_>| column_numbers(table, 1).unwrap();
    let same = |(a, b): (f64, f64)| a == b || (a.is_nan() && b.is_nan());
    assert!(numbers(&table).into_iter().zip(numbers(&csr)).all(same));
    assert!(numbers(&table).into_iter().zip(x.column(1)).all(|(a, &b)| same((a, b))));
}

#[test]
fn what_makes_no_grid_is_refused_and_stops() {
    let ensemble = ensemble(7, 4, 1, Aggregate::Sum);
    let x = rows(8, 10);
    let table = Table::DenseF64(x.view());
    let one = |column| (column, Values::Numbers(vec![1.0]));
    let text = (1, Values::Texts(CategoryColumn::encode([Some("a")])));
    let long = |column| (column, Values::Numbers(vec![0.0; 1 << 17]));
    for (axes, message) in [
        (vec![], "the grid has no column"),
        (vec![one(4)], "column is 4, the model has 4"),
        (vec![one(1), one(1)], "column 1 is in the grid twice"),
        (vec![(2, Values::Numbers(vec![]))], "column 2 has no values in the grid"),
        (vec![text], "column 1 holds text"),
        (vec![long(1), long(2)], "the grid has more than 4294967296 cells"),
    ] {
        let error = asked(&ensemble, &axes, &table, None, 1).err().unwrap();
        assert!(error.to_string().contains(message), "{error}");
    }
    let refused = |table: &Table<'_>, weights: Option<&[f64]>| {
        asked(&ensemble, &[one(1)], table, weights, 1).err().unwrap().to_string()
    };
    assert!(refused(&table, Some(&[0.0; 10])).contains("sample_weight has 10 numbers of sum 0, X has 10 rows"));
    assert!(refused(&table, Some(&[1.0; 9])).contains("sample_weight has 9 numbers"));
    assert!(refused(&Table::DenseF64(x.slice(ndarray::s![..0, ..])), None).contains("X has 0 rows"));
    assert!(refused(&Table::DenseF64(x.slice(ndarray::s![.., ..3])), None).contains("X has 3 columns"));

    let stop = AtomicBool::new(false);
    let dependence = PartialDependence::new(&ensemble, &[one(1)], &stop).unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(dependence.by_shares(&mut [0.0], &stop), Err(Error::Interrupted));
    assert_eq!(dependence.by_rows(&table, None, &mut [0.0], &stop), Err(Error::Interrupted));
    assert_eq!(dependence.of_each_row(&table, &mut [0.0; 10], &stop), Err(Error::Interrupted));
    assert_eq!(PartialDependence::new(&ensemble, &[one(1)], &stop).err(), Some(Error::Interrupted));
}
