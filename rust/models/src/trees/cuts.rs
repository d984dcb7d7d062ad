//! Every cut of a numeric column in order, and the best of them under bounds; [`super::split`] has the faster search without.

use super::split::{BinCondition, Candidate, Node, SplitParams, finish, send_unseen_missing_to_the_larger_side};

/// All conditions on a numeric column with the packed sum of the rows that meet each: missing values right first, then left.
/// Without `has_missing` they are left on the right.
pub(super) fn numeric_cuts(histogram: &[u64], has_missing: bool) -> impl Iterator<Item = (BinCondition, u64)> + '_ {
    let last = histogram.len() - 1;
    let scan = move |missing_left: bool, last_bin: usize| {
        let start = if missing_left { histogram[0] } else { 0 };
        histogram[1..=last_bin].iter().enumerate().scan(start, move |left, (place, &entry)| {
            *left = left.wrapping_add(entry);
            Some((BinCondition::AtMost { bin: place as u16 + 1, missing_left }, *left))
        })
    };
    let without_last = last.saturating_sub(1);
    scan(false, if has_missing { last } else { without_last })
        .chain(scan(true, if has_missing { without_last } else { 0 }))
}

/// As [`super::split::NumericSearch::best`], for a node with bounds or a column with a direction.
pub(super) fn best_numeric_within(
    histogram: &[u64],
    column: usize,
    sign: i8,
    node: &Node,
    params: &SplitParams,
) -> Option<Candidate> {
    let missing = histogram[0];
    let rows_per_hessian = node.rows_per_hessian();
    let mut best: Option<Candidate> = None;
    for (condition, left) in numeric_cuts(histogram, missing != 0) {
        let side = node.side(left, rows_per_hessian);
        let other = node.side(node.sum.wrapping_sub(left), rows_per_hessian);
        if params.allows(side)
            && params.allows(other)
            && let Some(gain) = params.pair(side, other, params.l2, sign, node.bounds)
            && best.is_none_or(|best| gain > best.gain)
        {
            best = Some(Candidate { gain, column, condition, left });
        }
    }
    finish(best, params.whole(node), params)
        .map(|candidate| send_unseen_missing_to_the_larger_side(candidate, missing, node))
}

#[cfg(test)]
mod tests {
    use arsenal_core::rng::Rng;
    use arsenal_simd::cuts::Scores;
    use arsenal_simd::histogram::{pack, widen};

    use super::*;
    use crate::trees::categories::CategoryParams;
    use crate::trees::constraints::Bounds;
    use crate::trees::split::{NumericSearch, Units};

    #[test]
    fn without_bounds_it_is_the_fast_search() {
        let params = SplitParams {
            min_samples_leaf: 3.0,
            min_child_weight: 1e-3,
            l1: 0.0,
            l2: 1.0,
            min_split_gain: 0.0,
            category: CategoryParams { smoothing: 0.0, l2: 0.0, max_set: 32, min_group: 0.0, one_hot: 4 },
        };
        let mut rng = Rng::new(4);
        for round in 0..300 {
            let n_bins = 2 + rng.below(20) as usize;
            let histogram: Vec<u64> = (0..n_bins)
                .map(|bin| {
                    if rng.below(3) == 0 || (bin == 0 && round % 2 == 0) {
                        return 0;
                    }
                    (0..=rng.below(9)).map(|_| widen(pack(rng.below(200) as i16 - 100, 1))).fold(0, u64::wrapping_add)
                })
                .collect();
            let sum = histogram.iter().fold(0u64, |sum, &entry| sum.wrapping_add(entry));
            let n_rows = (sum & u64::from(u32::MAX)) as usize;
            let node = Node { sum, n_rows, units: Units { gradient: 0.1, hessian: 0.5 }, bounds: Bounds::FREE };
            assert_eq!(
                best_numeric_within(&histogram, 3, 0, &node, &params),
                NumericSearch::new(&node, &params).best(&histogram, 3, None, &mut Scores::default()),
                "{histogram:?}"
            );
        }
    }
}
