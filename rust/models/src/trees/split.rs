//! The best split of one node by one numeric column.

use arsenal_simd::cuts::{Cuts, MAX_BINS, Scores, scores};
use arsenal_simd::histogram::unpack;

use super::categories::CategoryParams;
use super::constraints::Bounds;

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
    pub bounds: Bounds,
}

/// Which bins go left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BinCondition {
    /// Bins `1 ..= bin`, and bin 0 if `missing_left`.
    AtMost { bin: u16, missing_left: bool },
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

    /// The least whole hessian of a side that is allowed; `None` if not even the whole node is. Allowed is monotone in the hessian.
    fn least_hessian(&self, node: &Node) -> Option<u32> {
        let rows_per_hessian = node.rows_per_hessian();
        let is_allowed = |hessian: u64| self.allows(node.side(hessian, rows_per_hessian));
        let whole = u64::from(node.sum as u32);
        if !is_allowed(whole) {
            return None;
        }
        let samples = (self.min_samples_leaf - 0.5) / rows_per_hessian;
        let estimate = samples.max(self.min_child_weight / node.units.hessian) as u64;
        let mut least = estimate.min(whole);
        while !is_allowed(least) {
            least += 1;
        }
        while least > 1 && is_allowed(least - 1) {
            least -= 1;
        }
        Some(least.max(1) as u32)
    }
}

/// The search of one node's numeric columns: what no column changes is worked out once.
pub(super) struct NumericSearch<'n> {
    pub node: &'n Node,
    params: &'n SplitParams,
    rows_per_hessian: f64,
    /// The score of the node as it is.
    whole: f64,
    least: Option<u32>,
    /// In whole units of the rounded hessian.
    l2: f32,
    /// What an approximate score counts.
    score_unit: f64,
}

impl<'n> NumericSearch<'n> {
    pub fn new(node: &'n Node, params: &'n SplitParams) -> Self {
        Self {
            node,
            params,
            rows_per_hessian: node.rows_per_hessian(),
            whole: params.whole(node),
            least: params.least_hessian(node),
            l2: (params.l2 / node.units.hessian) as f32,
            score_unit: node.units.gradient * node.units.gradient / node.units.hessian,
        }
    }

    /// The best split by a column whose bins are `histogram`; `None` if no split is allowed or gains anything, and where the best
    /// surely gains less than `beaten`.
    ///
    /// Ties go to the lower threshold, then to missing values on the right. `room` is overwritten.
    pub fn best(&self, histogram: &[u64], column: usize, beaten: Option<f64>, room: &mut Scores) -> Option<Candidate> {
        let least = self.least?;
        let missing = histogram[0];
        let last = histogram.len() - 1;
        let cuts = ExactCuts {
            histogram,
            column,
            node: self.node,
            params: self.params,
            rows_per_hessian: self.rows_per_hessian,
        };
        // Subtracting a penalty from a gradient can leave little but its rounding error, and numbers beyond 2³² may overflow in f32.
        let is_plain = self.params.l1 == 0.0 && self.l2 <= 4e9;
        let best = if is_plain {
            let approximate = Cuts { whole: self.node.sum, start: 0, least: least as i32, l2: self.l2 };
            let floor = beaten.map_or(0.0, |gain| (gain + self.whole) / self.score_unit) as f32;
            in_both_directions(missing, last, |best, start, last_bin, missing_left| {
                cuts.scan_promising(best, Cuts { start, ..approximate }, last_bin, missing_left, floor, room);
            })
        } else {
            in_both_directions(missing, last, |best, start, last_bin, missing_left| {
                cuts.scan_all(best, start, last_bin, missing_left);
            })
        };
        finish(best, self.whole, self.params)
            .map(|candidate| send_unseen_missing_to_the_larger_side(candidate, missing, self.node))
    }
}

/// Scans with missing values on the right, and on the left if there are any: `scan(best, start, last bin, missing left)`.
fn in_both_directions(
    missing: u64,
    last: usize,
    mut scan: impl FnMut(&mut Option<Candidate>, u64, usize, bool),
) -> Option<Candidate> {
    let mut best = None;
    if missing == 0 {
        scan(&mut best, 0, last.saturating_sub(1), false);
    } else {
        scan(&mut best, 0, last, false);
        scan(&mut best, missing, last.saturating_sub(1), true);
    }
    best
}

/// The cuts of one column of one node.
struct ExactCuts<'c> {
    histogram: &'c [u64],
    column: usize,
    node: &'c Node,
    params: &'c SplitParams,
    rows_per_hessian: f64,
}

impl ExactCuts<'_> {
    /// The definition: every cut, exactly. The oracle of the approximate search.
    fn scan_all(&self, best: &mut Option<Candidate>, start: u64, last_bin: usize, missing_left: bool) {
        let mut left = start;
        for bin in 1..=last_bin {
            left = left.wrapping_add(self.histogram[bin]);
            self.consider(best, bin, left, missing_left);
        }
    }

    /// Exactly those cuts whose approximate score is near the largest of their part of the bins and not below `floor`.
    fn scan_promising(
        &self,
        best: &mut Option<Candidate>,
        approximate: Cuts,
        last_bin: usize,
        missing_left: bool,
        floor: f32,
        room: &mut Scores,
    ) {
        let add = |sum: u64, bins: &[u64]| bins.iter().fold(sum, |sum, &bin| sum.wrapping_add(bin));
        let mut start = approximate.start;
        for (part, bins) in self.histogram[1..=last_bin].chunks(MAX_BINS).enumerate() {
            scores(bins, Cuts { start, ..approximate }, room);
            let first = 1 + part * MAX_BINS;
            let (mut left, mut n_added) = (start, 0);
            room.near_largest(bins.len(), floor, |place| {
                left = add(left, &bins[n_added..=place]);
                n_added = place + 1;
                self.consider(best, first + place, left, missing_left);
            });
            if first + bins.len() <= last_bin {
                start = add(left, &bins[n_added..]);
            }
        }
    }

    /// Keeps the cut behind `bin` if it is allowed and better. A cut behind an empty bin is no better than the one before.
    #[inline(always)]
    fn consider(&self, best: &mut Option<Candidate>, bin: usize, left: u64, missing_left: bool) {
        let Self { node, params, rows_per_hessian, .. } = *self;
        let side = node.side(left, rows_per_hessian);
        let other = node.side(node.sum.wrapping_sub(left), rows_per_hessian);
        if self.histogram[bin] == 0 || !params.allows(side) || !params.allows(other) {
            return;
        }
        let gain = params.score(side, params.l2) + params.score(other, params.l2);
        if best.is_none_or(|best| gain > best.gain) {
            let condition = BinCondition::AtMost { bin: bin as u16, missing_left };
            *best = Some(Candidate { gain, column: self.column, condition, left });
        }
    }
}

/// Turns a sum of scores into a gain over not splitting.
pub(super) fn finish(best: Option<Candidate>, whole: f64, params: &SplitParams) -> Option<Candidate> {
    best.map(|candidate| Candidate { gain: candidate.gain - whole, ..candidate })
        .filter(|candidate| candidate.gain > params.min_split_gain)
}

/// Where no training row of the node misses the value, a later one goes with the majority.
pub(super) fn send_unseen_missing_to_the_larger_side(mut candidate: Candidate, missing: u64, node: &Node) -> Candidate {
    if let BinCondition::AtMost { missing_left, .. } = &mut candidate.condition
        && missing == 0
    {
        *missing_left = 2 * unpack(candidate.left).1 >= unpack(node.sum).1;
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;
    use arsenal_core::rng::Rng;
    use arsenal_simd::histogram::{pack, widen};

    fn params(min_samples_leaf: f64, min_child_weight: f64, l2: f64) -> SplitParams {
        let category = CategoryParams { smoothing: 10.0, l2: 10.0, max_set: 32, min_group: 100.0, one_hot: 4 };
        SplitParams { min_samples_leaf, min_child_weight, l1: 0.0, l2, min_split_gain: 0.0, category }
    }

    #[test]
    fn the_promising_cuts_hold_the_best_of_all() {
        let mut rng = Rng::new(5);
        let mut room = Scores::default();
        for round in 0..400u64 {
            let n_bins = 2 + rng.below(if round % 4 == 3 { 2000 } else { 255 }) as usize;
            let n_rows = 2 + rng.below(3000) as usize;
            let (mut histogram, mut sum) = (vec![0u64; n_bins], 0u64);
            // Few distinct pairs make ties; the first bin is empty in every other round.
            let spread = if round % 3 == 0 { 2 } else { 2001 };
            for _ in 0..n_rows {
                let hessian = 1 + rng.below(spread) as u16;
                let row = widen(pack(rng.below(2 * spread + 1) as i16 - spread as i16, hessian));
                let bin = rng.below(n_bins as u64) as usize;
                let bin = if round % 2 == 0 { bin.max(1) } else { bin };
                histogram[bin] = histogram[bin].wrapping_add(row);
                sum = sum.wrapping_add(row);
            }
            let node = Node { sum, n_rows, units: Units { gradient: 1e-3, hessian: 2e-4 }, bounds: Bounds::FREE };
            for params in
                [params(20.0, 1e-3, 0.0), params(1.0, 0.0, 1.0), params(1.0, 0.05, 0.1), params(1e9, 0.0, 0.0)]
            {
                let search = NumericSearch::new(&node, &params);
                let fast = search.best(&histogram, 3, None, &mut room);
                if let Some(best) = fast {
                    // A column that is as good is shown, one that is surely worse need not be.
                    assert_eq!(search.best(&histogram, 3, Some(best.gain), &mut room), fast);
                    assert_eq!(search.best(&histogram, 3, Some(1.01 * (best.gain + search.whole)), &mut room), None);
                }
                let exact = ExactCuts {
                    histogram: &histogram,
                    column: 3,
                    node: &node,
                    params: &params,
                    rows_per_hessian: node.rows_per_hessian(),
                };
                let slow = in_both_directions(histogram[0], n_bins - 1, |best, start, last_bin, missing_left| {
                    exact.scan_all(best, start, last_bin, missing_left);
                });
                let slow = finish(slow, params.whole(&node), &params)
                    .map(|candidate| send_unseen_missing_to_the_larger_side(candidate, histogram[0], &node));
                assert_eq!(fast, slow, "round {round}, {n_bins} bins, {params:?}");
            }
        }
    }
}
