//! From the nodes of a file, in any order, to trees that keep our contract.

use arsenal_core::ensemble::{Aggregate, Child, Condition, Dtype, Feature, Link, Split, Targets, Tree, TreeEnsemble};

/// A node as a file has it.
#[derive(Clone, Debug)]
pub enum Node {
    /// An inner node with the numbers of its children.
    Split { feature: u32, condition: Condition, left: usize, right: usize, gain: f64, cover: f64 },
    /// A leaf with a value per target.
    Leaf { values: Vec<f64>, cover: f64 },
    /// A split that sends every row to the same child.
    Pass(usize),
}

/// Trees whose leaves have a value for each of `n_targets` targets, rooted at their first nodes. Targets take turns, as
/// [`arsenal_core::ensemble::TreeEnsemble`] holds them.
///
/// # Errors
/// As [`assemble`] says, with the tree's number.
pub fn forest(trees: &[Vec<Node>], n_targets: usize) -> Result<Vec<Tree>, String> {
    let mut forest = Vec::with_capacity(trees.len());
    for (t, nodes) in trees.iter().enumerate() {
        for target in 0..n_targets {
            forest.push(assemble(nodes, (target, n_targets)).map_err(|message| format!("tree {t}: {message}"))?);
        }
    }
    Ok(forest)
}

/// The tree that hangs at the first node: splits from the root on, left before right, leaves from left to right. Of the values of a
/// leaf it takes one: `(target, number of values)`.
///
/// O(nodes). Nodes that the root does not lead to are left out.
///
/// # Errors
/// If a child does not exist, a node is reached twice (a cycle, or two parents), or a leaf has another number of
/// values or one that is not finite.
pub fn assemble(nodes: &[Node], (target, width): (usize, usize)) -> Result<Tree, String> {
    let mut tree = Tree { root: Child::Leaf(0), splits: vec![], values: vec![], covers: vec![] };
    let mut reached = vec![false; nodes.len()];
    // The side of a split that leads to the node; None for the root.
    let mut pending: Vec<(Option<(usize, bool)>, usize)> = vec![(None, 0)];
    while let Some((place, number)) = pending.pop() {
        let Some(node) = nodes.get(number) else {
            return Err(format!("node {number} does not exist, there are {}", nodes.len()));
        };
        if std::mem::replace(&mut reached[number], true) {
            return Err(format!("node {number} is reached twice"));
        }
        let child = match node {
            Node::Pass(next) => {
                pending.push((place, *next));
                continue;
            }
            Node::Leaf { values, cover } => {
                if values.len() != width {
                    return Err(format!("node {number} is a leaf with {} values, wanted {width}", values.len()));
                }
                if !values[target].is_finite() {
                    return Err(format!("node {number} is a leaf of {}", values[target]));
                }
                tree.values.push(values[target]);
                tree.covers.push(*cover);
                Child::Leaf(tree.values.len() as u32 - 1)
            }
            Node::Split { feature, condition, left, right, gain, cover } => {
                let split = tree.splits.len();
                tree.splits.push(Split {
                    feature: *feature,
                    condition: condition.clone(),
                    left: Child::Leaf(0),
                    right: Child::Leaf(0),
                    gain: *gain,
                    cover: *cover,
                });
                pending.push((Some((split, false)), *right));
                pending.push((Some((split, true)), *left));
                Child::Split(split as u32)
            }
        };
        match place {
            None => tree.root = child,
            Some((split, true)) => tree.splits[split].left = child,
            Some((split, false)) => tree.splits[split].right = child,
        }
    }
    cover_splits(&mut tree);
    Ok(tree)
}

/// Splits whose cover is not in the file have that of their children. O(splits).
fn cover_splits(tree: &mut Tree) {
    // Children come after their parents, so a walk from the back has them done.
    for split in (0..tree.splits.len()).rev() {
        let cover = |child| match child {
            Child::Split(split) => tree.splits[split as usize].cover,
            Child::Leaf(leaf) => tree.covers[leaf as usize],
        };
        if tree.splits[split].cover == 0.0 {
            tree.splits[split].cover = cover(tree.splits[split].left) + cover(tree.splits[split].right);
        }
    }
}

/// Changes every leaf. What a sum begins with goes into the first tree: `(start + a) + b` is what the original computes too.
pub fn change_leaves(tree: &mut Tree, change: impl Fn(f64) -> f64) {
    for value in &mut tree.values {
        *value = change(*value);
    }
}

/// Trees in turns over the targets; a model without trees gets some that add nothing.
///
/// # Errors
/// If the targets have different numbers of trees.
pub fn in_turns(by_target: Vec<Vec<Tree>>) -> Result<Vec<Tree>, String> {
    let n_rounds = by_target.first().map_or(0, Vec::len);
    if let Some(other) = by_target.iter().find(|trees| trees.len() != n_rounds) {
        return Err(format!("one target has {n_rounds} trees, another {}", other.len()));
    }
    if n_rounds == 0 {
        return Ok(by_target.iter().map(|_| constant(0.0)).collect());
    }
    let mut targets: Vec<_> = by_target.into_iter().map(Vec::into_iter).collect();
    Ok((0..n_rounds).flat_map(|_| targets.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>()).collect())
}

/// A tree that is one leaf.
fn constant(value: f64) -> Tree {
    Tree { root: Child::Leaf(0), splits: vec![], values: vec![value], covers: vec![0.0] }
}

/// Trees whose sums are all that is asked of them.
pub fn sums(features: Vec<Feature>, dtype: Dtype, n_targets: usize, trees: Vec<Tree>) -> TreeEnsemble {
    TreeEnsemble {
        features,
        dtype,
        link: Link::Identity,
        n_targets,
        targets: Targets::RoundRobin,
        aggregate: Aggregate::Sum,
        trees,
    }
}
