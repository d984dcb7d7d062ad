//! The best split of one node by one numeric column.

use arsenal_simd::histogram::unpack;

use super::categories::CategoryParams;

/// What a split must satisfy, and how gains are measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SplitParams {
    pub min_samples_leaf: f64,
    pub min_child_weight: f64,
    pub l1: f64,
    pub l2: f64,
    pub min_split_gain: f64,
    pub category: CategoryParams,
}

/// One whole step of the rounded gradients and hessians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Units {
    pub gradient: f64,
    pub hessian: f64,
}

/// A node about to be split.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// Packed sum of its rows.
    pub sum: u64,
    pub n_rows: usize,
    pub units: Units,
}

/// Which bins go left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BinCondition {
    /// Bins `1 ..= bin`, and bin 0 if `missing_left`.
    AtMost { bin: u8, missing_left: bool },
    /// Bins whose bit is set; bit 0 is not.
    Among([u64; 4]),
}

/// A split and what it is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    pub gain: f64,
    pub column: usize,
    pub condition: BinCondition,
    /// Packed sum of the left rows.
    pub left: u64,
}

/// Gradient and hessian sums in real units, and the number of rows that they stand for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub gradient: f64,
    pub hessian: f64,
    pub count: f64,
}

impl Node {
    /// A packed sum in real units. Rows are counted by their share of the node's hessian: exact where hessians are equal.
    #[inline(always)]
    pub fn side(&self, sum: u64, rows_per_hessian: f64) -> Side {
        let (gradient, hessian) = unpack(sum);
        let whole = hessian as f64;
        Side {
            gradient: gradient as f64 * self.units.gradient,
            hessian: whole * self.units.hessian,
            count: whole * rows_per_hessian,
        }
    }

    pub fn rows_per_hessian(&self) -> f64 {
        self.n_rows as f64 / (unpack(self.sum).1 as f64).max(1.0)
    }
}

impl SplitParams {
    /// By how much a leaf with these sums lowers the objective, times two: `(|g| − l1)² / (h + l2)`.
    #[inline(always)]
    pub fn score(&self, side: Side, l2: f64) -> f64 {
        let g = (side.gradient.abs() - self.l1).max(0.0);
        g * g / (side.hessian + l2).max(f64::MIN_POSITIVE)
    }

    #[inline(always)]
    pub fn allows(&self, side: Side) -> bool {
        // Half a row of tolerance: counts are estimates that rounding moves around whole numbers.
        side.count + 0.5 > self.min_samples_leaf && side.hessian >= self.min_child_weight
    }
}

/// The best split by a numeric column whose bins are `histogram`; `None` if no split is allowed or gains anything.
///
/// Ties go to the lower threshold, then to missing values on the right.
pub(super) fn best_numeric(histogram: &[u64], column: usize, node: &Node, params: &SplitParams) -> Option<Candidate> {
    let missing = histogram[0];
    let last = histogram.len() - 1;
    let rows_per_hessian = node.rows_per_hessian();
    let mut best: Option<Candidate> = None;
    let mut scan = |start: u64, last_bin: usize, missing_left: bool| {
        let mut left = start;
        for (bin, &entry) in histogram.iter().enumerate().take(last_bin + 1).skip(1) {
            if entry == 0 {
                continue;
            }
            left = left.wrapping_add(entry);
            let side = node.side(left, rows_per_hessian);
            if !params.allows(side) {
                continue;
            }
            let other = node.side(node.sum.wrapping_sub(left), rows_per_hessian);
            if !params.allows(other) {
                break;
            }
            let gain = params.score(side, params.l2) + params.score(other, params.l2);
            if best.is_none_or(|best| gain > best.gain) {
                best = Some(Candidate {
                    gain,
                    column,
                    condition: BinCondition::AtMost { bin: bin as u8, missing_left },
                    left,
                });
            }
        }
    };
    if missing == 0 {
        scan(0, last.saturating_sub(1), false);
    } else {
        scan(0, last, false);
        scan(missing, last.saturating_sub(1), true);
    }
    finish(best, node, params).map(|candidate| send_unseen_missing_to_the_larger_side(candidate, missing, node))
}

/// Turns a sum of scores into a gain over not splitting.
pub(super) fn finish(best: Option<Candidate>, node: &Node, params: &SplitParams) -> Option<Candidate> {
    let whole = params.score(node.side(node.sum, node.rows_per_hessian()), params.l2);
    best.map(|candidate| Candidate { gain: candidate.gain - whole, ..candidate })
        .filter(|candidate| candidate.gain > params.min_split_gain)
}

/// Where no training row of the node misses the value, a later one goes with the majority.
fn send_unseen_missing_to_the_larger_side(mut candidate: Candidate, missing: u64, node: &Node) -> Candidate {
    if let BinCondition::AtMost { missing_left, .. } = &mut candidate.condition
        && missing == 0
    {
        *missing_left = 2 * unpack(candidate.left).1 >= unpack(node.sum).1;
    }
    candidate
}
