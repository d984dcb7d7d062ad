//! Minimal cost-complexity pruning (Breiman et al. 1984, chapter 3).

use std::ops::Range;

use super::grow::Grown;
use crate::trees::grow::{Branch, GrownSplit};

/// Cuts the weakest subtrees: those whose gain per saved leaf, as a share of `total_weight`, is at most `alpha`.
///
/// The weakest goes first, and its loss makes those above it weaker.
pub(super) fn prune(grown: Grown, alpha: f64, total_weight: f64) -> Grown {
    let Grown { root, splits, leaves, leaf_bounds, split_bounds } = grown;
    let mut parents = vec![None; splits.len()];
    for (split, below) in splits.iter().enumerate() {
        for child in below.children {
            if let Branch::Split(child) = child {
                parents[child] = Some(split);
            }
        }
    }
    // Gain of each subtree, and leaves that it has more than one leaf would.
    let mut subtrees: Vec<(f64, usize)> = splits.iter().map(|split| (split.gain, 1)).collect();
    for split in (0..splits.len()).rev() {
        if let Some(parent) = parents[split] {
            let (gain, saved) = subtrees[split];
            subtrees[parent].0 += gain;
            subtrees[parent].1 += saved;
        }
    }
    let mut is_cut = vec![false; splits.len()];
    let cost = |(gain, saved): (f64, usize)| gain / saved as f64 / total_weight;
    while let Some(weakest) = (0..splits.len())
        .filter(|&split| !is_cut[split])
        .min_by(|&a, &b| cost(subtrees[a]).total_cmp(&cost(subtrees[b])))
        .filter(|&split| cost(subtrees[split]) <= alpha)
    {
        let (gain, saved) = subtrees[weakest];
        let mut above = parents[weakest];
        while let Some(split) = above {
            subtrees[split].0 -= gain;
            subtrees[split].1 -= saved;
            above = parents[split];
        }
        let mut below = vec![weakest];
        while let Some(split) = below.pop() {
            is_cut[split] = true;
            below.extend(splits[split].children.iter().filter_map(|child| match *child {
                Branch::Split(child) if !is_cut[child] => Some(child),
                _ => None,
            }));
        }
    }
    let old = Old { splits, leaves, is_cut };
    let (mut kept, mut ranges, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
    let mut pending = vec![(root, None::<(usize, usize)>)];
    let mut new_root = Branch::Leaf(0);
    while let Some((branch, parent)) = pending.pop() {
        let new = match branch {
            Branch::Split(split) if !old.is_cut[split] => {
                kept.push(old.splits[split].clone());
                let [left, right] = old.splits[split].children;
                pending.push((right, Some((kept.len() - 1, 1))));
                pending.push((left, Some((kept.len() - 1, 0))));
                Branch::Split(kept.len() - 1)
            }
            other => {
                ranges.push(old.first_row(other)..old.end_row(other));
                if !leaf_bounds.is_empty() {
                    bounds.push(match other {
                        Branch::Leaf(leaf) => leaf_bounds[leaf],
                        Branch::Split(split) => split_bounds[split],
                    });
                }
                Branch::Leaf(ranges.len() - 1)
            }
        };
        match parent {
            None => new_root = new,
            Some((split, side)) => kept[split].children[side] = new,
        }
    }
    // Bounds of inner nodes are of no further use.
    Grown { root: new_root, splits: kept, leaves: ranges, leaf_bounds: bounds, split_bounds: Vec::new() }
}

struct Old {
    splits: Vec<GrownSplit>,
    leaves: Vec<Range<usize>>,
    is_cut: Vec<bool>,
}

impl Old {
    fn first_row(&self, mut branch: Branch) -> usize {
        loop {
            match branch {
                Branch::Leaf(leaf) => return self.leaves[leaf].start,
                Branch::Split(split) => branch = self.splits[split].children[0],
            }
        }
    }

    fn end_row(&self, mut branch: Branch) -> usize {
        loop {
            match branch {
                Branch::Leaf(leaf) => return self.leaves[leaf].end,
                Branch::Split(split) => branch = self.splits[split].children[1],
            }
        }
    }
}
