//! Trees as arrays, one entry per node: how scikit-learn's objects hold them.

use arsenal_core::ensemble::{Condition, Dtype, Feature};
use arsenal_core::foreign::{Classes, ForeignModel, Step, Task};
use arsenal_core::{Error, Result, value_error};

use super::Read;
use super::assemble::{Node, change_leaves, forest, sums};

/// One tree. All arrays have an entry per node, `values` one per node and target that the tree adds to; node 0 is the root.
pub struct TreeArrays {
    /// The child of rows that meet the condition; negative at a leaf.
    pub left: Vec<i64>,
    /// The other child; negative at a leaf.
    pub right: Vec<i64>,
    /// The column that a node splits.
    pub feature: Vec<i64>,
    /// `x <= threshold` goes left.
    pub threshold: Vec<f64>,
    /// Whether a missing value goes left.
    pub missing_left: Vec<bool>,
    /// What the node would add as a leaf.
    pub values: Vec<f64>,
    /// The weight of the training rows there.
    pub cover: Vec<f64>,
    /// Nodes that split by categories, with the codes that go left, rising.
    pub sets: Vec<(usize, Vec<u32>)>,
}

/// A model that computes in float64.
///
/// Either each tree adds to all targets, or to one, and targets take turns: `width` is the number of targets, or 1. `starts` has what the sum of each target begins with, which goes into the first tree; it is empty where that is 0.
///
/// O(nodes).
///
/// # Errors
/// [`Error::Value`] if the arrays contradict each other.
pub fn from_arrays(
    features: Vec<Feature>,
    trees: &[TreeArrays],
    (n_targets, width): (usize, usize),
    starts: &[f64],
    steps: Vec<Step>,
    task: Task,
) -> Result<ForeignModel> {
    if width != 1 && width != n_targets {
        return value_error!("each tree adds to {width} of {n_targets} targets, wanted one or all");
    }
    let numbered = |(t, tree)| nodes(tree, width).map_err(|message| format!("tree {t}: {message}"));
    let trees =
        trees.iter().enumerate().map(numbered).collect::<Read<Vec<_>>>().and_then(|trees| forest(&trees, width));
    let mut trees = trees.map_err(Error::Value)?;
    for (tree, start) in trees.iter_mut().zip(starts) {
        change_leaves(tree, |value| start + value);
    }
    let ensemble = sums(features, Dtype::F64, n_targets, trees);
    Ok(ForeignModel { ensemble, steps, task, classes: Classes::Unnamed })
}

fn nodes(tree: &TreeArrays, width: usize) -> Read<Vec<Node>> {
    let n = tree.left.len();
    let lengths =
        [tree.right.len(), tree.feature.len(), tree.threshold.len(), tree.missing_left.len(), tree.cover.len()];
    if lengths.iter().any(|length| *length != n) || Some(tree.values.len()) != n.checked_mul(width) {
        return Err(format!("its arrays have {n}, {lengths:?} and {} entries for {width} targets", tree.values.len()));
    }
    let mut sets = vec![None; n];
    for (node, codes) in &tree.sets {
        *sets.get_mut(*node).ok_or_else(|| format!("node {node} does not exist"))? = Some(codes);
    }
    let node = |node: usize| {
        let (Ok(left), Ok(right)) = (usize::try_from(tree.left[node]), usize::try_from(tree.right[node])) else {
            let values = tree.values[node * width..(node + 1) * width].to_vec();
            return Ok(Node::Leaf { values, cover: tree.cover[node] });
        };
        let feature = u32::try_from(tree.feature[node]).map_err(|_| format!("node {node} splits no column"))?;
        let condition = match sets[node] {
            Some(codes) if codes.is_empty() => return Ok(Node::Pass(right)),
            Some(codes) => Condition::Among { codes: codes.clone() },
            None if tree.threshold[node].is_nan() => return Err(format!("the threshold of node {node} is NaN")),
            None => Condition::AtMost { threshold: tree.threshold[node], missing_left: tree.missing_left[node] },
        };
        Ok(Node::Split { feature, condition, left, right, gain: 0.0, cover: tree.cover[node] })
    };
    (0..n).map(node).collect()
}
