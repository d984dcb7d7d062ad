//! Random ensembles that keep the contract, random rows that sit on its edges, and the walk that says what a row gets.

use arsenal_core::ensemble::{
    Aggregate, Child, Condition, Dtype, Feature, FeatureKind, Link, Split, Targets, Tree, TreeEnsemble,
};
use arsenal_core::rng::Rng;

/// What to draw.
pub struct Plan {
    pub dtype: Dtype,
    pub link: Link,
    pub n_targets: usize,
    pub features: Vec<Feature>,
    pub n_trees: usize,
    /// Trees have between 0 and this many splits.
    pub max_splits: usize,
}

pub fn numeric(name: &str) -> Feature {
    Feature { name: name.into(), kind: FeatureKind::Numeric }
}

/// Whole numbers, negative ones, zero and fractions that a float32 holds.
pub fn numeric_categories(name: &str, n: usize) -> Feature {
    let values = (0..n).map(|i| (i as f64 - (n / 2) as f64) * 0.75).collect();
    Feature { name: name.into(), kind: FeatureKind::NumericCategories(values) }
}

pub fn string_categories(name: &str, n: usize) -> Feature {
    let levels =
        (0..n).map(|i| ["nan", "None", "ü", " "].get(i).map_or_else(|| format!("level {i}"), ToString::to_string));
    Feature { name: name.into(), kind: FeatureKind::StringCategories(levels.collect()) }
}

pub fn ensemble(rng: &mut Rng, plan: &Plan) -> TreeEnsemble {
    let mut trees: Vec<Tree> = (0..plan.n_trees).map(|_| tree(rng, plan)).collect();
    if let Some(tree) = trees.get_mut(1).filter(|tree| tree.splits.len() > 1) {
        // A leaf left of the second tree's root is the one place where a layout trap of onnxruntime can snap.
        grow_to_the_right(tree);
    }
    TreeEnsemble {
        features: plan.features.clone(),
        dtype: plan.dtype,
        link: plan.link,
        n_targets: plan.n_targets,
        targets: Targets::RoundRobin,
        aggregate: Aggregate::Sum,
        trees,
    }
}

/// Splits in the order in which a leaf-wise learner makes them: any open node may be next.
fn tree(rng: &mut Rng, plan: &Plan) -> Tree {
    let mut tree = Tree { root: Child::Leaf(0), splits: vec![], values: vec![], covers: vec![] };
    let splittable: Vec<usize> =
        (0..plan.features.len()).filter(|&f| plan.features[f].kind.n_categories().is_none_or(|n| n > 0)).collect();
    let n_splits = if splittable.is_empty() { 0 } else { rng.below(plan.max_splits as u64 + 1) as usize };
    let mut open = vec![None];
    for s in 0..n_splits {
        let place = open.swap_remove(rng.below(open.len() as u64) as usize);
        *child_at(&mut tree, place) = Child::Split(s as u32);
        let feature = splittable[rng.below(splittable.len() as u64) as usize];
        tree.splits.push(Split {
            feature: feature as u32,
            condition: condition(rng, plan, feature),
            left: Child::Leaf(0),
            right: Child::Leaf(0),
            gain: rng.uniform(),
            cover: rng.uniform(),
        });
        open.extend([Some((s, true)), Some((s, false))]);
    }
    number_leaves(&mut tree, rng);
    tree
}

fn child_at(tree: &mut Tree, place: Option<(usize, bool)>) -> &mut Child {
    match place {
        None => &mut tree.root,
        Some((split, true)) => &mut tree.splits[split].left,
        Some((split, false)) => &mut tree.splits[split].right,
    }
}

fn grow_to_the_right(tree: &mut Tree) {
    for s in 0..tree.splits.len() {
        tree.splits[s].left = Child::Leaf(s as u32);
        tree.splits[s].right = match s + 1 {
            next if next < tree.splits.len() => Child::Split(next as u32),
            last => Child::Leaf(last as u32),
        };
    }
}

fn number_leaves(tree: &mut Tree, rng: &mut Rng) {
    let mut pending = vec![if tree.splits.is_empty() { None } else { Some((0, false)) }];
    if !tree.splits.is_empty() {
        pending.push(Some((0, true)));
    }
    while let Some(place) = pending.pop() {
        let next = Child::Leaf(tree.n_leaves() as u32);
        let child = child_at(tree, place);
        if let Child::Split(split) = *child {
            pending.extend([Some((split as usize, false)), Some((split as usize, true))]);
        } else {
            *child = next;
            tree.values.push(rng.uniform() * 4.0 - 2.0);
            tree.covers.push(rng.uniform());
        }
    }
}

fn condition(rng: &mut Rng, plan: &Plan, feature: usize) -> Condition {
    match plan.features[feature].kind.n_categories() {
        None => Condition::AtMost { threshold: threshold(rng, plan.dtype), missing_left: rng.below(2) == 0 },
        Some(n) => {
            let k = 1 + rng.below(n as u64) as usize;
            Condition::Among { codes: rng.sample_sorted(n, k).into_iter().map(|code| code + 1).collect() }
        }
    }
}

fn threshold(rng: &mut Rng, dtype: Dtype) -> f64 {
    let edges =
        [0.0, -0.0, f64::INFINITY, f64::from(f32::MAX), f64::from(f32::MIN_POSITIVE), f64::from(-f32::from_bits(1))];
    match rng.below(12) as usize {
        edge if edge < edges.len() => edges[edge],
        _ => number(rng, dtype),
    }
}

fn number(rng: &mut Rng, dtype: Dtype) -> f64 {
    let value = (rng.uniform() - 0.5) * 20.0;
    match dtype {
        Dtype::F32 => f64::from(value as f32),
        Dtype::F64 => value,
    }
}

/// One cell of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Number(f64),
    Text(String),
}

/// A row whose numbers often lie on a threshold or right beside one, whose categories are often unknown or missing.
pub fn row(rng: &mut Rng, ensemble: &TreeEnsemble) -> Vec<Cell> {
    (0..ensemble.features.len()).map(|feature| cell(rng, ensemble, feature)).collect()
}

fn cell(rng: &mut Rng, ensemble: &TreeEnsemble, feature: usize) -> Cell {
    let fate = rng.below(10);
    match &ensemble.features[feature].kind {
        FeatureKind::Numeric => Cell::Number(match fate {
            0 => f64::NAN,
            1 => [f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0][rng.below(4) as usize],
            2..=7 => {
                let thresholds: Vec<f64> = thresholds(ensemble, feature);
                let at = thresholds.get(rng.below(thresholds.len().max(1) as u64) as usize).copied().unwrap_or(1.0);
                neighbour(rng.below(3), at, ensemble.dtype)
            }
            _ => number(rng, ensemble.dtype),
        }),
        FeatureKind::NumericCategories(values) => Cell::Number(match fate {
            0 => f64::NAN,
            1 => [f64::INFINITY, 0.25, -1e30, 3e9][rng.below(4) as usize],
            _ if values.is_empty() => 1.0,
            2 => neighbour(rng.below(3), values[rng.below(values.len() as u64) as usize], ensemble.dtype),
            _ => values[rng.below(values.len() as u64) as usize],
        }),
        FeatureKind::StringCategories(levels) => Cell::Text(match fate {
            0 => String::new(),
            1 => "never seen".into(),
            _ if levels.is_empty() => "a".into(),
            _ => levels[rng.below(levels.len() as u64) as usize].clone(),
        }),
        other => panic!("{other:?} is of models that were learned elsewhere, which tests in Python cover"),
    }
}

fn thresholds(ensemble: &TreeEnsemble, feature: usize) -> Vec<f64> {
    let splits = ensemble.trees.iter().flat_map(|tree| &tree.splits).filter(|split| split.feature as usize == feature);
    splits
        .filter_map(|split| match split.condition {
            Condition::AtMost { threshold, .. } => Some(threshold),
            Condition::Among { .. } => None,
        })
        .collect()
}

/// `value` or the float before or behind it.
fn neighbour(which: u64, value: f64, dtype: Dtype) -> f64 {
    match (which, dtype) {
        (0, Dtype::F32) => f64::from((value as f32).next_down()),
        (1, Dtype::F32) => f64::from((value as f32).next_up()),
        (0, Dtype::F64) => value.next_down(),
        (1, Dtype::F64) => value.next_up(),
        _ => value,
    }
}

/// The leaf that each tree gives a row, by the contract of [`TreeEnsemble`].
pub fn leaves(ensemble: &TreeEnsemble, row: &[Cell]) -> Vec<u32> {
    ensemble
        .trees
        .iter()
        .map(|tree| {
            let mut node = tree.root;
            loop {
                match node {
                    Child::Leaf(leaf) => return leaf,
                    Child::Split(split) => {
                        let split = &tree.splits[split as usize];
                        let feature = split.feature as usize;
                        node = if goes_left(&split.condition, &ensemble.features[feature].kind, &row[feature]) {
                            split.left
                        } else {
                            split.right
                        };
                    }
                }
            }
        })
        .collect()
}

fn goes_left(condition: &Condition, kind: &FeatureKind, cell: &Cell) -> bool {
    match (condition, kind, cell) {
        (Condition::AtMost { threshold, missing_left }, _, Cell::Number(x)) => {
            x <= threshold || (x.is_nan() && *missing_left)
        }
        (Condition::Among { codes }, FeatureKind::NumericCategories(values), Cell::Number(x)) => {
            codes.iter().any(|&code| values[code as usize - 1] == *x)
        }
        (Condition::Among { codes }, FeatureKind::StringCategories(levels), Cell::Text(x)) => {
            codes.iter().any(|&code| levels[code as usize - 1] == *x)
        }
        other => panic!("{other:?}"),
    }
}

/// The sums that those leaves give, added in the order of the trees in the model's type.
pub fn sums(ensemble: &TreeEnsemble, leaves: &[u32]) -> Vec<f64> {
    let mut sums = vec![0.0; ensemble.n_targets];
    for (t, (tree, &leaf)) in ensemble.trees.iter().zip(leaves).enumerate() {
        let sum = &mut sums[t % ensemble.n_targets];
        let value = tree.values[leaf as usize];
        *sum = match ensemble.dtype {
            Dtype::F32 => f64::from(*sum as f32 + value as f32),
            Dtype::F64 => *sum + value,
        };
    }
    sums
}
