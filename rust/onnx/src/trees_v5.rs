//! `TreeEnsemble` of ai.onnx.ml 5: either float type, and sets of categories.

use arsenal_core::ensemble::{Child, Condition, Dtype, Tree, TreeEnsemble};

use crate::graph::Graph;
use crate::proto::data_type;
use crate::tensor::{Attribute, floats, int_attribute, int64s, ints_attribute, matrix_of, tensor_attribute, uint8s};
use crate::{ClassLabels, inputs, outputs};

const BRANCH_LEQ: u8 = 0;
const BRANCH_MEMBER: u8 = 6;
/// `aggregate_function`.
const SUM: i64 = 1;

/// One entry per split, one per leaf, one per tree.
#[derive(Default)]
struct Arrays {
    feature: Vec<i64>,
    mode: Vec<u8>,
    threshold: Vec<f64>,
    missing_true: Vec<i64>,
    true_id: Vec<i64>,
    true_is_leaf: Vec<i64>,
    false_id: Vec<i64>,
    false_is_leaf: Vec<i64>,
    /// The sets of the `BRANCH_MEMBER` splits in the order of the splits, a NaN behind each.
    members: Vec<f64>,
    target: Vec<i64>,
    weight: Vec<f64>,
    root: Vec<i64>,
}

/// Adds inputs, outputs, the trees, and what turns their sums into predictions.
pub fn add(graph: &mut Graph, ensemble: &TreeEnsemble, orders: &[Vec<Child>], labels: Option<&ClassLabels>) {
    let matrix = inputs::matrix(graph, ensemble);
    outputs::declare(graph, ensemble, labels);
    let sums = if ensemble.width() == 1 {
        let sums = outputs::sums_name(graph, ensemble, labels);
        add_trees(graph, ensemble, orders, &matrix, &sums);
        sums
    } else {
        let places = leaf_places(graph, ensemble, orders, &matrix);
        look_up(graph, ensemble, labels, &places)
    };
    outputs::finish(graph, ensemble, labels, sums);
}

/// Adds the one operator, for leaves of one value.
pub fn add_trees(graph: &mut Graph, ensemble: &TreeEnsemble, orders: &[Vec<Child>], matrix: &str, sums: &str) {
    let arrays = arrays(ensemble, orders, |t| ensemble.first_target(t), |tree, leaf| tree.values[leaf]);
    graph.node("TreeEnsemble", &[matrix], &[sums], attributes(ensemble.dtype, ensemble.n_targets, arrays));
}

/// Where each tree puts a row, `[N, trees]`: places in a table that has one row per leaf of all trees, one tree after the other.
pub fn leaf_places(graph: &mut Graph, ensemble: &TreeEnsemble, orders: &[Vec<Child>], matrix: &str) -> String {
    let arrays = arrays(ensemble, orders, |t| t, |_, leaf| leaf as f64);
    let [numbers, whole, places] = ["leaf_numbers", "whole_numbers", "leaf_places"].map(|name| graph.inner_name(name));
    graph.node("TreeEnsemble", &[matrix], &[&numbers], attributes(ensemble.dtype, ensemble.trees.len(), arrays));
    let firsts =
        ensemble.trees.iter().scan(0, |next, tree| Some(std::mem::replace(next, *next + tree.n_leaves() as i64)));
    let firsts = graph.constant("first_leaves", int64s(firsts));
    graph.node("Cast", &[&numbers], &[&whole], vec![int_attribute("to", i64::from(data_type::INT64))]);
    graph.node("Add", &[&whole, &firsts], &[&places], vec![]);
    places
}

/// The sums of leaves of several values each, from the places of the leaves.
fn look_up(graph: &mut Graph, ensemble: &TreeEnsemble, labels: Option<&ClassLabels>, places: &str) -> String {
    let values = ensemble.trees.iter().flat_map(|tree| tree.values.iter().copied());
    let n_leaves: usize = ensemble.trees.iter().map(Tree::n_leaves).sum();
    let table = matrix_of(floats(ensemble.dtype, values), n_leaves, ensemble.width());
    let table = graph.constant("leaf_values", table);
    let axis = graph.constant("tree_axis", int64s([1]));
    let vectors = graph.inner_name("leaf_vectors");
    graph.node("Gather", &[&table, places], &[&vectors], vec![int_attribute("axis", 0)]);
    let sums = outputs::sums_name(graph, ensemble, labels);
    graph.node("ReduceSum", &[&vectors, &axis], &[&sums], vec![int_attribute("keepdims", 0)]);
    sums
}

fn arrays(
    ensemble: &TreeEnsemble,
    orders: &[Vec<Child>],
    target_of: impl Fn(usize) -> usize,
    value_of: impl Fn(&Tree, usize) -> f64,
) -> Arrays {
    let mut arrays = Arrays::default();
    for (t, (tree, order)) in ensemble.trees.iter().zip(orders).enumerate() {
        let target = target_of(t) as i64;
        arrays.root.push(arrays.mode.len() as i64);
        match tree.root {
            Child::Leaf(_) => arrays.push_constant(target, value_of(tree, 0)),
            Child::Split(_) => arrays.push_tree(target, tree, order, |leaf| value_of(tree, leaf)),
        }
    }
    arrays
}

impl Arrays {
    fn push_tree(&mut self, target: i64, tree: &Tree, order: &[Child], value_of: impl Fn(usize) -> f64) {
        let mut split_ids = vec![0; tree.splits.len()];
        let mut next_split = self.mode.len() as i64;
        for &node in order {
            if let Child::Split(split) = node {
                split_ids[split as usize] = next_split;
                next_split += 1;
            }
        }
        let leaf_order = leaf_order(tree, self.mode.len(), self.weight.len());
        let mut leaf_ids = vec![0; tree.n_leaves()];
        for &leaf in &leaf_order {
            leaf_ids[leaf] = self.weight.len() as i64;
            self.target.push(target);
            self.weight.push(value_of(leaf));
        }
        let id_of = |child| match child {
            Child::Split(split) => (split_ids[split as usize], 0),
            Child::Leaf(leaf) => (leaf_ids[leaf as usize], 1),
        };
        for &node in order {
            let Child::Split(split) = node else { continue };
            let split = &tree.splits[split as usize];
            let (mode, threshold, missing_true) = match &split.condition {
                Condition::AtMost { threshold, missing_left } => (BRANCH_LEQ, *threshold, *missing_left),
                Condition::Among { codes } => {
                    self.members.extend(codes.iter().copied().map(f64::from));
                    self.members.push(f64::NAN);
                    (BRANCH_MEMBER, 0.0, false)
                }
            };
            self.push_split(
                i64::from(split.feature),
                mode,
                threshold,
                missing_true,
                id_of(split.left),
                id_of(split.right),
            );
        }
    }

    /// A tree that is one leaf, as a split whose condition always holds with a leaf of that value on each side.
    ///
    /// The format has a sign for lone leaves (both branches lead to the same one), but onnx's reference evaluator takes the number
    /// of the split for that of the leaf.
    fn push_constant(&mut self, target: i64, value: f64) {
        let leaf = self.weight.len() as i64;
        self.push_split(0, BRANCH_LEQ, f64::INFINITY, true, (leaf, 1), (leaf + 1, 1));
        self.target.extend([target; 2]);
        self.weight.extend([value; 2]);
    }

    fn push_split(
        &mut self,
        feature: i64,
        mode: u8,
        threshold: f64,
        missing_true: bool,
        (true_id, true_is_leaf): (i64, i64),
        (false_id, false_is_leaf): (i64, i64),
    ) {
        self.feature.push(feature);
        self.mode.push(mode);
        self.threshold.push(threshold);
        self.missing_true.push(i64::from(missing_true));
        self.true_id.push(true_id);
        self.true_is_leaf.push(true_is_leaf);
        self.false_id.push(false_id);
        self.false_is_leaf.push(false_is_leaf);
    }
}

/// The order in which a tree's leaves are stored, if its splits start at `first_split` and its leaves at `first_leaf`: from left to
/// right, but for one case.
///
/// onnxruntime before 1.24 takes a root for a lone leaf if both branches have the same number, even where one is the number of a
/// leaf and the other of a split (microsoft/onnxruntime#24679). With a leaf on the left that can happen (in the second tree): then
/// that leaf changes places with the next. With a leaf on the right it cannot: it is the last leaf of its tree, a tree with s
/// splits has s + 1 leaves, and so its number is at least `first_split + s`, where the left split's is `first_split + 1` and s ≥ 2.
fn leaf_order(tree: &Tree, first_split: usize, first_leaf: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..tree.n_leaves()).collect();
    let root = &tree.splits[0];
    if matches!((root.left, root.right), (Child::Leaf(_), Child::Split(_))) && first_leaf == first_split + 1 {
        order.swap(0, 1);
    }
    order
}

fn attributes(dtype: Dtype, n_targets: usize, arrays: Arrays) -> Vec<Attribute> {
    let mut attributes = vec![
        ints_attribute("tree_roots", &arrays.root),
        ints_attribute("nodes_featureids", &arrays.feature),
        tensor_attribute("nodes_modes", uint8s(arrays.mode)),
        tensor_attribute("nodes_splits", floats(dtype, arrays.threshold)),
        ints_attribute("nodes_truenodeids", &arrays.true_id),
        ints_attribute("nodes_trueleafs", &arrays.true_is_leaf),
        ints_attribute("nodes_falsenodeids", &arrays.false_id),
        ints_attribute("nodes_falseleafs", &arrays.false_is_leaf),
        ints_attribute("nodes_missing_value_tracks_true", &arrays.missing_true),
        ints_attribute("leaf_targetids", &arrays.target),
        tensor_attribute("leaf_weights", floats(dtype, arrays.weight)),
        int_attribute("n_targets", n_targets as i64),
        int_attribute("aggregate_function", SUM),
        int_attribute("post_transform", 0),
    ];
    if !arrays.members.is_empty() {
        attributes.push(tensor_attribute("membership_values", floats(dtype, arrays.members)));
    }
    attributes
}
