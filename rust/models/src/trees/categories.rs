//! The best split of one node by one column of categories.
//!
//! Fisher's result (1958) for two groups: with categories in the order of gradient over hessian, some cut of that order is the best
//! set. Rare categories and long sets overfit, so both are limited, and sets pay an extra penalty.

use super::split::{BinCondition, Candidate, Node, Side, SplitParams, finish};

/// How sets of categories are kept from overfitting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CategoryParams {
    /// Added to a category's hessian before categories are ordered; rarer categories than this stay on the right.
    pub smoothing: f64,
    /// Added to `l2` when the gain of a set is measured.
    pub l2: f64,
    /// Most categories in a set.
    pub max_set: usize,
    /// Rows by which a set must grow before it is tried again.
    pub min_group: f64,
    /// Columns with at most this many categories try each alone.
    pub one_hot: usize,
}

pub(super) struct Category {
    pub bin: usize,
    sum: u64,
    count: f64,
    order: f64,
}

/// The best split by a column of categories whose bins are `histogram`. Bin 0 (missing, unseen, rare) always goes right.
pub(super) fn best_categories(
    histogram: &[u64],
    column: usize,
    node: &Node,
    params: &SplitParams,
) -> Option<Candidate> {
    if histogram.len() <= params.category.one_hot + 1 {
        best_single(histogram, column, node, params)
    } else {
        best_set(histogram, column, node, params)
    }
}

fn best_single(histogram: &[u64], column: usize, node: &Node, params: &SplitParams) -> Option<Candidate> {
    let rows_per_hessian = node.rows_per_hessian();
    let mut best: Option<Candidate> = None;
    for (bin, &left) in histogram.iter().enumerate().skip(1) {
        let (side, other) =
            (node.side(left, rows_per_hessian), node.side(node.sum.wrapping_sub(left), rows_per_hessian));
        if params.allows(side)
            && params.allows(other)
            && let Some(gain) = params.pair(side, other, params.l2, 0, node.bounds)
            && best.is_none_or(|best| gain > best.gain)
        {
            best = Some(Candidate { gain, column, condition: BinCondition::Among(set_of(&[bin])), left });
        }
    }
    finish(best, params.whole(node), params)
}

fn best_set(histogram: &[u64], column: usize, node: &Node, params: &SplitParams) -> Option<Candidate> {
    let categories = categories_in_order(histogram, node, params);
    let longest = params.category.max_set.min(categories.len().div_ceil(2));
    let ascending = best_prefix(categories.iter().take(longest), column, node, params);
    let descending = best_prefix(categories.iter().rev().take(longest), column, node, params);
    let best = match (ascending, descending) {
        (Some(a), Some(d)) if d.gain > a.gain => Some(d),
        (a, d) => a.or(d),
    };
    finish(best, params.whole(node), params)
}

/// The categories with enough rows, by their smoothed gradient over hessian.
pub(super) fn categories_in_order(histogram: &[u64], node: &Node, params: &SplitParams) -> Vec<Category> {
    let rows_per_hessian = node.rows_per_hessian();
    let mut categories: Vec<Category> = Vec::with_capacity(histogram.len());
    for (bin, &sum) in histogram.iter().enumerate().skip(1) {
        let Side { gradient, hessian, count } = node.side(sum, rows_per_hessian);
        if count >= params.category.smoothing.max(1.0) {
            categories.push(Category { bin, sum, count, order: gradient / (hessian + params.category.smoothing) });
        }
    }
    categories.sort_by(|a, b| a.order.total_cmp(&b.order).then(a.bin.cmp(&b.bin)));
    categories
}

/// The best of the growing sets that an order of categories makes.
fn best_prefix<'c>(
    order: impl Iterator<Item = &'c Category>,
    column: usize,
    node: &Node,
    params: &SplitParams,
) -> Option<Candidate> {
    let rows_per_hessian = node.rows_per_hessian();
    let l2 = params.l2 + params.category.l2;
    let (mut left, mut grown, mut bins) = (0u64, 0.0, Vec::new());
    let mut best: Option<Candidate> = None;
    for category in order {
        left = left.wrapping_add(category.sum);
        grown += category.count;
        bins.push(category.bin);
        let (side, other) =
            (node.side(left, rows_per_hessian), node.side(node.sum.wrapping_sub(left), rows_per_hessian));
        if !params.allows(side) || grown < params.category.min_group {
            continue;
        }
        if !params.allows(other) || other.count < params.category.min_group {
            break;
        }
        grown = 0.0;
        let Some(gain) = params.pair(side, other, l2, 0, node.bounds) else { continue };
        if best.is_none_or(|best| gain > best.gain) {
            best = Some(Candidate { gain, column, condition: BinCondition::Among(set_of(&bins)), left });
        }
    }
    best
}

pub(super) fn set_of(bins: &[usize]) -> [u64; 4] {
    let mut set = [0; 4];
    for bin in bins {
        set[bin / 64] |= 1 << (bin % 64);
    }
    set
}
