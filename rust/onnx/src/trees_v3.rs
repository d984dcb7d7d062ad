//! `TreeEnsembleClassifier` and `TreeEnsembleRegressor` of ai.onnx.ml 3: float32, numbers only, and read by every runtime.

use arsenal_core::ensemble::{Child, Condition, Link, TreeEnsemble};

use crate::graph::Graph;
use crate::tensor::{Attribute, floats_attribute, int_attribute, ints_attribute, string_attribute, strings_attribute};
use crate::{ClassLabels, inputs, outputs};

/// One entry per node, splits and leaves alike.
#[derive(Default)]
struct Nodes {
    tree: Vec<i64>,
    id: Vec<i64>,
    feature: Vec<i64>,
    mode: Vec<&'static str>,
    value: Vec<f32>,
    true_id: Vec<i64>,
    false_id: Vec<i64>,
    missing_true: Vec<i64>,
}

/// One entry per leaf.
#[derive(Default)]
struct Weights {
    tree: Vec<i64>,
    node: Vec<i64>,
    target: Vec<i64>,
    weight: Vec<f32>,
}

/// Adds inputs, outputs and the one operator.
pub fn add(graph: &mut Graph, ensemble: &TreeEnsemble, orders: &[Vec<Child>], labels: Option<&ClassLabels>) {
    let matrix = inputs::matrix(graph, ensemble);
    outputs::declare(graph, ensemble, labels);
    let (mut nodes, mut weights) = arrays(ensemble, orders);
    if ensemble.link == Link::Logistic && weights.weight.iter().all(|&weight| weight >= 0.0) {
        add_negative_weight(&mut nodes, &mut weights, orders.len());
    }
    let transform = match ensemble.link {
        Link::Logistic => Some("LOGISTIC"),
        Link::Softmax => Some("SOFTMAX"),
        Link::Identity | Link::Exp | Link::Shares | Link::Isolation { .. } => None,
    };
    if let (Some(transform), Some(labels)) = (transform, labels) {
        let mut attributes = attributes(nodes, weights, "class");
        attributes.extend([class_labels(labels), string_attribute("post_transform", transform)]);
        let names = outputs::names(ensemble, Some(labels));
        graph.node("TreeEnsembleClassifier", &[&matrix], &[&names[0], &names[1]], attributes);
        return;
    }
    let mut attributes = attributes(nodes, weights, "target");
    attributes.push(int_attribute("n_targets", ensemble.n_targets as i64));
    let sums = outputs::sums_name(graph, ensemble, labels);
    graph.node("TreeEnsembleRegressor", &[&matrix], &[&sums], attributes);
    outputs::finish(graph, ensemble, labels, sums);
}

fn arrays(ensemble: &TreeEnsemble, orders: &[Vec<Child>]) -> (Nodes, Weights) {
    let mut nodes = Nodes::default();
    let mut weights = Weights::default();
    for (t, (tree, order)) in ensemble.trees.iter().zip(orders).enumerate() {
        // Node ids of a tree must count up from 0 in the order of storage.
        let mut split_ids = vec![0; tree.splits.len()];
        let mut leaf_ids = vec![0; tree.n_leaves()];
        for (id, &node) in order.iter().enumerate() {
            match node {
                Child::Split(split) => split_ids[split as usize] = id as i64,
                Child::Leaf(leaf) => leaf_ids[leaf as usize] = id as i64,
            }
        }
        let id_of = |child| match child {
            Child::Split(split) => split_ids[split as usize],
            Child::Leaf(leaf) => leaf_ids[leaf as usize],
        };
        for &node in order {
            match node {
                Child::Split(split) => {
                    let split = &tree.splits[split as usize];
                    let Condition::AtMost { threshold, missing_left } = split.condition else {
                        unreachable!("models with categories are written as TreeEnsemble");
                    };
                    nodes.split(
                        t,
                        i64::from(split.feature),
                        threshold as f32,
                        missing_left,
                        id_of(split.left),
                        id_of(split.right),
                    );
                }
                Child::Leaf(leaf) => {
                    nodes.leaf(t);
                    let width = ensemble.width();
                    let values = &tree.values[leaf as usize * width..][..width];
                    // A leaf of one class adds nothing to the others; most leaves of deep trees are such.
                    let is_said = |k: usize| values[k] != 0.0 || (k == 0 && values.iter().all(|&value| value == 0.0));
                    for k in (0..width).filter(|&k| is_said(k)) {
                        weights.push(t, id_of(node), ensemble.first_target(t) + k, values[k] as f32);
                    }
                }
            }
        }
    }
    (nodes, weights)
}

/// Adds a tree that always gives 0 and has a negative leaf that no row reaches.
///
/// onnxruntime takes a two-class model without any negative weight for one whose sums are probabilities already: it compares the
/// sum with 0.5 instead of 0 for the label (microsoft/onnxruntime#27533; older versions also leave the sigmoid out). One negative
/// weight anywhere makes it do what the file says.
fn add_negative_weight(nodes: &mut Nodes, weights: &mut Weights, t: usize) {
    nodes.split(t, 0, f32::INFINITY, true, 1, 2);
    nodes.leaf(t);
    nodes.leaf(t);
    weights.push(t, 1, 0, 0.0);
    weights.push(t, 2, 0, -1.0);
}

impl Nodes {
    fn split(&mut self, tree: usize, feature: i64, value: f32, missing_true: bool, true_id: i64, false_id: i64) {
        self.push(tree, "BRANCH_LEQ", feature, value, missing_true, true_id, false_id);
    }

    fn leaf(&mut self, tree: usize) {
        self.push(tree, "LEAF", 0, 0.0, false, 0, 0);
    }

    #[expect(clippy::too_many_arguments, reason = "one per attribute of the operator")]
    fn push(
        &mut self,
        tree: usize,
        mode: &'static str,
        feature: i64,
        value: f32,
        missing_true: bool,
        true_id: i64,
        false_id: i64,
    ) {
        let id = if self.tree.last() == Some(&(tree as i64)) { self.id[self.id.len() - 1] + 1 } else { 0 };
        self.tree.push(tree as i64);
        self.id.push(id);
        self.feature.push(feature);
        self.mode.push(mode);
        self.value.push(value);
        self.true_id.push(true_id);
        self.false_id.push(false_id);
        self.missing_true.push(i64::from(missing_true));
    }
}

impl Weights {
    fn push(&mut self, tree: usize, node: i64, target: usize, weight: f32) {
        self.tree.push(tree as i64);
        self.node.push(node);
        self.target.push(target as i64);
        self.weight.push(weight);
    }
}

fn attributes(nodes: Nodes, weights: Weights, prefix: &str) -> Vec<Attribute> {
    vec![
        ints_attribute("nodes_treeids", &nodes.tree),
        ints_attribute("nodes_nodeids", &nodes.id),
        ints_attribute("nodes_featureids", &nodes.feature),
        strings_attribute("nodes_modes", nodes.mode),
        floats_attribute("nodes_values", nodes.value),
        ints_attribute("nodes_truenodeids", &nodes.true_id),
        ints_attribute("nodes_falsenodeids", &nodes.false_id),
        ints_attribute("nodes_missing_value_tracks_true", &nodes.missing_true),
        ints_attribute(&format!("{prefix}_treeids"), &weights.tree),
        ints_attribute(&format!("{prefix}_nodeids"), &weights.node),
        ints_attribute(&format!("{prefix}_ids"), &weights.target),
        floats_attribute(&format!("{prefix}_weights"), weights.weight),
    ]
}

fn class_labels(labels: &ClassLabels) -> Attribute {
    match labels {
        ClassLabels::Int64s(labels) => ints_attribute("classlabels_int64s", labels),
        ClassLabels::Strings(labels) => strings_attribute("classlabels_strings", labels.iter().map(String::as_str)),
        ClassLabels::Several(_) => unreachable!("the classifier has one output"),
    }
}
