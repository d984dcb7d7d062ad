//! A tree as paths: which columns a leaf asks for, and which leaves share a table.

use arsenal_core::ensemble::{Child, Tree};

/// Patterns of a group of leaves have at most this many bits; a leaf whose path has more columns makes a group by itself.
///
/// Tables have 2 to this power entries: more bits mean fewer look-ups per row and more work before the first.
const GROUP_BITS: usize = 7;

/// A condition on the way to a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::trees) struct Step {
    /// Index into the tree's splits.
    pub split: usize,
    /// Whether the way goes left there.
    pub goes_left: bool,
}

/// A subtree whose leaves are summed in one look-up: what it adds for a row depends on a few bits only.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Bit `k` of a row's pattern says whether the row meets all conditions of `bits[k]`: one bit for each column on the way to the
    /// subtree, then one for each split in it.
    pub bits: Vec<Vec<Step>>,
    /// Its leaves, from left to right.
    pub paths: Vec<Path>,
}

/// The way to a leaf.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// Which leaf.
    pub leaf: usize,
    /// One entry per distinct column on the way.
    pub elements: Vec<Element>,
}

/// All that a path asks of one column.
#[derive(Clone, Debug)]
pub(super) struct Element {
    /// The column.
    pub feature: u32,
    /// Which share of the training rows meets these conditions, each among the rows that come to it.
    pub share: f64,
    /// Bits of the group's pattern and what each must be.
    pub sources: Vec<(usize, bool)>,
}

/// A node with the way to it.
struct Open {
    node: Child,
    elements: Vec<(Element, Vec<Step>)>,
}

/// Cuts a tree into groups of leaves, from left to right.
pub(super) fn groups(tree: &Tree) -> Vec<Group> {
    let below = splits_below(tree);
    let mut groups = Vec::new();
    let mut open = vec![Open { node: tree.root, elements: Vec::new() }];
    while let Some(Open { node, elements }) = open.pop() {
        let n_bits = elements.len() + n_splits(node, &below);
        match node {
            Child::Split(split) if n_bits > GROUP_BITS => {
                // The left child is taken up first.
                for goes_left in [false, true] {
                    let step = Step { split: split as usize, goes_left };
                    open.push(Open { node: child(tree, step), elements: extended(tree, &elements, step) });
                }
            }
            _ => groups.push(group(tree, node, elements)),
        }
    }
    groups
}

/// What can be said of a tree before it is cut.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Survey {
    /// Most distinct columns on the way to a leaf.
    pub longest: usize,
    /// Patterns of a leaf's group, on average over the leaves.
    pub patterns: f64,
}

/// O(splits · depth), without the memory of the groups themselves.
pub(super) fn survey(tree: &Tree) -> Survey {
    let below = splits_below(tree);
    let mut parents: Vec<Option<usize>> = vec![None; tree.splits.len()];
    // Per split, the distinct columns on the way to it, and whether a group takes in all below it.
    let mut ways = vec![0; tree.splits.len()];
    let mut is_grouped = vec![false; tree.splits.len()];
    let mut found = Survey::default();
    let patterns = |n_bits: usize| 2f64.powi(n_bits.min(1000) as i32);
    for (number, split) in tree.splits.iter().enumerate() {
        let n_bits = ways[number] + below[number];
        if n_bits <= GROUP_BITS && !is_grouped[number] {
            is_grouped[number] = true;
            found.patterns += patterns(n_bits) * (below[number] + 1) as f64;
        }
        let mut above = parents[number];
        while let Some(at) = above.filter(|&at| tree.splits[at].feature != split.feature) {
            above = parents[at];
        }
        let way = ways[number] + usize::from(above.is_none());
        for child in [split.left, split.right] {
            match child {
                Child::Leaf(_) => {
                    found.longest = found.longest.max(way);
                    found.patterns += if is_grouped[number] { 0.0 } else { patterns(way) };
                }
                Child::Split(child) => {
                    let child = child as usize;
                    parents[child] = Some(number);
                    ways[child] = way;
                    is_grouped[child] = is_grouped[number];
                }
            }
        }
    }
    found.patterns /= tree.n_leaves() as f64;
    found
}

/// Number of splits of each subtree, its root counted.
fn splits_below(tree: &Tree) -> Vec<usize> {
    let mut below = vec![1; tree.splits.len()];
    for (split, node) in tree.splits.iter().enumerate().rev() {
        below[split] += n_splits(node.left, &below) + n_splits(node.right, &below);
    }
    below
}

fn n_splits(node: Child, below: &[usize]) -> usize {
    match node {
        Child::Split(split) => below[split as usize],
        Child::Leaf(_) => 0,
    }
}

/// Where a step leads.
pub(super) fn child(tree: &Tree, step: Step) -> Child {
    let split = &tree.splits[step.split];
    if step.goes_left { split.left } else { split.right }
}

/// Which share of a split's rows takes this side. Where the training left no weight at all, both sides count alike.
pub(in crate::trees) fn share(tree: &Tree, step: Step) -> f64 {
    let cover = |goes_left| match child(tree, Step { goes_left, ..step }) {
        Child::Split(split) => tree.splits[split as usize].cover,
        Child::Leaf(leaf) => tree.covers[leaf as usize],
    };
    let both = cover(true) + cover(false);
    if both > 0.0 { cover(step.goes_left) / both } else { 0.5 }
}

fn extended(tree: &Tree, elements: &[(Element, Vec<Step>)], step: Step) -> Vec<(Element, Vec<Step>)> {
    let mut elements = elements.to_vec();
    let feature = tree.splits[step.split].feature;
    let share = share(tree, step);
    match elements.iter_mut().find(|(element, _)| element.feature == feature) {
        Some((element, steps)) => {
            element.share *= share;
            steps.push(step);
        }
        None => elements.push((Element { feature, share, sources: Vec::new() }, vec![step])),
    }
    elements
}

/// The group of all leaves below `root`, to which `way` leads.
fn group(tree: &Tree, root: Child, way: Vec<(Element, Vec<Step>)>) -> Group {
    let mut bits: Vec<Vec<Step>> = Vec::new();
    let mut elements: Vec<Element> = Vec::new();
    for (bit, (element, steps)) in way.into_iter().enumerate() {
        bits.push(steps);
        elements.push(Element { sources: vec![(bit, true)], ..element });
    }
    let mut paths = Vec::new();
    let mut open = vec![(root, elements)];
    while let Some((node, elements)) = open.pop() {
        match node {
            Child::Leaf(leaf) => paths.push(Path { leaf: leaf as usize, elements }),
            Child::Split(split) => {
                let bit = bits.len();
                bits.push(vec![Step { split: split as usize, goes_left: true }]);
                for goes_left in [false, true] {
                    let step = Step { split: split as usize, goes_left };
                    let mut elements = elements.clone();
                    let feature = tree.splits[step.split].feature;
                    match elements.iter_mut().find(|element| element.feature == feature) {
                        Some(element) => {
                            element.share *= share(tree, step);
                            element.sources.push((bit, goes_left));
                        }
                        None => elements.push(Element {
                            feature,
                            share: share(tree, step),
                            sources: vec![(bit, goes_left)],
                        }),
                    }
                    open.push((child(tree, step), elements));
                }
            }
        }
    }
    Group { bits, paths }
}
