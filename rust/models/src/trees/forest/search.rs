//! The split of one node.

use arsenal_core::rng::Rng;

use super::grow::Limits;
use super::params::Splitter;
use super::target::Target;
use crate::trees::binned::BinnedTable;
use crate::trees::binning::ColumnBins;
use crate::trees::split::BinCondition;

/// A node about to be split.
pub(super) struct Node<'n, T: Target> {
    pub ids: &'n [u32],
    pub rows: &'n [T::Row],
    pub tally: &'n T::Tally,
    /// Where monotonic constraints keep its values.
    pub bounds: (f64, f64),
}

/// A split and what it is worth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<T> {
    /// Decrease of impurity times weight.
    pub gain: f64,
    pub column: usize,
    pub condition: BinCondition,
    /// Sums of the left rows.
    pub left: T,
}

/// Looks for splits, reusing its buffers.
pub(super) struct Search<'a, T: Target> {
    pub table: &'a BinnedTable,
    pub columns: &'a [ColumnBins],
    pub target: &'a T,
    /// Sums per bin; all zero between columns.
    histogram: Vec<T::Tally>,
    /// The columns in the order of the last draw.
    order: Vec<u32>,
}

/// The cut of a column with the greatest sum of merits so far.
struct Cut<T> {
    merits: f64,
    condition: BinCondition,
    left: T,
}

/// Bins that occur, as 256 bits.
type Bins = [u64; 4];

impl<'a, T: Target> Search<'a, T> {
    pub fn new(table: &'a BinnedTable, columns: &'a [ColumnBins], target: &'a T) -> Self {
        let order = (0..columns.len() as u32).collect();
        Self { table, columns, target, histogram: vec![T::ZERO; 256], order }
    }

    /// The best split by `max_features` columns drawn at random, or by more while all of these are constant in the node.
    pub fn best(&mut self, node: &Node<'_, T>, limits: &Limits, rng: &mut Rng) -> Option<Found<T::Tally>> {
        let whole = self.target.merit(node.tally);
        let mut best: Option<Found<T::Tally>> = None;
        let n_columns = self.order.len();
        let (mut drawn, mut any_varies) = (0, false);
        while drawn < n_columns && (drawn < limits.max_features || !any_varies) {
            if limits.max_features < n_columns || limits.splitter == Splitter::Random {
                let other = drawn + rng.below((n_columns - drawn) as u64) as usize;
                self.order.swap(drawn, other);
            }
            let column = self.order[drawn] as usize;
            drawn += 1;
            let (varies, cut) = self.search_column(node, column, limits, rng);
            any_varies |= varies;
            if let Some(cut) = cut {
                let gain = cut.merits - whole;
                if best.as_ref().is_none_or(|best| gain > best.gain) {
                    best = Some(Found { gain, column, condition: cut.condition, left: cut.left });
                }
            }
        }
        // Rounding may leave a gain that is nothing; scikit-learn takes such splits too, as does a node whose classes only part further
        // below (exclusive or).
        best.filter(|found| found.gain.max(0.0) >= limits.min_gain)
    }

    /// Whether the column varies in the node, and its cut.
    fn search_column(
        &mut self,
        node: &Node<'_, T>,
        column: usize,
        limits: &Limits,
        rng: &mut Rng,
    ) -> (bool, Option<Cut<T::Tally>>) {
        let bins = self.table.column(column).narrow();
        let mut occurring = [0; 4];
        // Bins are bytes, so with this length no access needs a check.
        let Some(histogram) = self.histogram.first_chunk_mut::<256>() else {
            unreachable!("a histogram has 256 entries")
        };
        for (&id, &row) in node.ids.iter().zip(node.rows) {
            let bin = usize::from(bins[id as usize]);
            self.target.add(row, &mut histogram[bin]);
            occurring[bin / 64] |= 1u64 << (bin % 64);
        }
        let n_occurring: u32 = occurring.iter().map(|word| word.count_ones()).sum();
        let cut = if n_occurring < 2 {
            None
        } else {
            let sign = limits.monotonic.get(column).copied().unwrap_or(0);
            let scan = Scan { target: self.target, bins, histogram, node, limits, sign };
            match (&self.columns[column], limits.splitter) {
                (ColumnBins::Bounds(_), Splitter::Best) => scan.best(occurring),
                (ColumnBins::Bounds(bounds), Splitter::Random) => scan.random(occurring, bounds, rng),
                (_, Splitter::Best) => scan.categories(occurring),
                (_, Splitter::Random) => scan.random_categories(occurring, rng),
            }
        };
        for bin in members(occurring) {
            histogram[bin] = T::ZERO;
        }
        (n_occurring > 1, cut)
    }
}

/// One column of one node, its sums at hand.
struct Scan<'s, T: Target> {
    target: &'s T,
    bins: &'s [u8],
    histogram: &'s [T::Tally; 256],
    node: &'s Node<'s, T>,
    limits: &'s Limits,
    /// Whether predictions must rise (1) or fall (−1) with the column.
    sign: i8,
}

impl<T: Target> Scan<'_, T> {
    /// The best cut between bins in order, missing values (bin 0) on either side, or apart from all others.
    fn best(&self, mut occurring: Bins) -> Option<Cut<T::Tally>> {
        let missing = occurring[0] & 1 == 1;
        occurring[0] &= !1;
        let mut best = None;
        if missing {
            self.cuts(occurring, T::ZERO, false, &mut best);
            self.cuts(occurring, self.histogram[0], true, &mut best);
            let last = last_member(occurring);
            let condition = BinCondition::AtMost { bin: u16::from(last), missing_left: false };
            let left = self.target.less(self.node.tally, &self.histogram[0]);
            self.offer(condition, left, self.gains(members(occurring)).last(), &mut best);
            return best;
        }
        self.cuts(occurring, T::ZERO, false, &mut best);
        best.map(|cut| self.send_unseen_missing_to_the_larger_side(cut))
    }

    /// Offers every cut between two occurring bins; `left` is what lies left of the first.
    fn cuts(&self, occurring: Bins, mut left: T::Tally, missing_left: bool, best: &mut Option<Cut<T::Tally>>) {
        let mut before: Option<usize> = None;
        let gains = self.gains((0..usize::from(missing_left)).chain(members(occurring)));
        for (place, bin) in members(occurring).enumerate() {
            if let Some(before) = before {
                // In the middle of the gap between them: a row of a later table falls to the nearer side.
                let cut = (before + bin - 1) / 2;
                let condition = BinCondition::AtMost { bin: cut as u16, missing_left };
                self.offer(condition, left, gains.get(place - usize::from(!missing_left)), best);
            }
            self.target.merge(&mut left, &self.histogram[bin]);
            before = Some(bin);
        }
    }

    /// What is gained where the rows of an order's first 1, 2, … bins go left; empty where sums tell.
    #[inline(always)]
    fn gains(&self, order: impl Iterator<Item = usize>) -> Vec<f64> {
        if T::BY_SUMS { Vec::new() } else { self.gains_by_rows(&order.collect::<Vec<_>>()) }
    }

    fn gains_by_rows(&self, order: &[usize]) -> Vec<f64> {
        let mut places = [order.len(); 256];
        for (place, &bin) in order.iter().enumerate() {
            places[bin] = place;
        }
        let place_of = |id: u32| places[usize::from(self.bins[id as usize])];
        let mut rows: Vec<(usize, T::Row)> =
            self.node.ids.iter().zip(self.node.rows).map(|(&id, &row)| (place_of(id), row)).collect();
        rows.sort_by_key(|row| row.0);
        let ends: Vec<usize> = (0..order.len()).map(|place| rows.partition_point(|row| row.0 <= place)).collect();
        let rows: Vec<T::Row> = rows.into_iter().map(|row| row.1).collect();
        self.target.gains(&rows, &ends)
    }

    /// Keeps a cut if it is allowed and better than the best. `gain` is what it gains if sums do not tell.
    #[inline(always)]
    fn offer(&self, condition: BinCondition, left: T::Tally, gain: Option<&f64>, best: &mut Option<Cut<T::Tally>>) {
        let right = self.target.less(self.node.tally, &left);
        if !self.allows(&left) || !self.allows(&right) || (self.sign != 0 && !self.is_monotonic(&left, &right)) {
            return;
        }
        let merits = gain.copied().unwrap_or_else(|| self.target.merits(&left, &right));
        if best.as_ref().is_none_or(|best| merits > best.merits) && merits > f64::NEG_INFINITY {
            *best = Some(Cut { merits, condition, left });
        }
    }

    #[inline(always)]
    fn allows(&self, side: &T::Tally) -> bool {
        (self.limits.min_samples_leaf <= 1.0 || self.target.count(side) >= self.limits.min_samples_leaf)
            && self.target.weight(side) > 0.0
            && self.target.weight(side) >= self.limits.min_weight_leaf
    }

    fn is_monotonic(&self, left: &T::Tally, right: &T::Tally) -> bool {
        let (left, right) = (self.target.level(left), self.target.level(right));
        let (low, high) = self.node.bounds;
        let within = |level: f64| level >= low && level <= high;
        within(left) && within(right) && (right - left) * f64::from(self.sign) >= 0.0
    }

    /// Where no training row of the node misses the value, a later one goes with the majority.
    fn send_unseen_missing_to_the_larger_side(&self, mut cut: Cut<T::Tally>) -> Cut<T::Tally> {
        if let BinCondition::AtMost { missing_left, .. } = &mut cut.condition {
            *missing_left = 2.0 * self.target.count(&cut.left) > self.target.count(self.node.tally);
        }
        cut
    }

    /// A cut at a place drawn uniformly between the node's smallest and largest value, at the nearest bound of bins.
    fn random(&self, mut occurring: Bins, bounds: &[f64], rng: &mut Rng) -> Option<Cut<T::Tally>> {
        let missing = occurring[0] & 1 == 1;
        occurring[0] &= !1;
        let (first, last) = (first_member(occurring), last_member(occurring));
        let mut best = None;
        if first == last {
            let condition = BinCondition::AtMost { bin: u16::from(last), missing_left: false };
            let gains = self.gains(members(occurring));
            self.offer(condition, self.histogram[usize::from(last)], gains.last(), &mut best);
            return best;
        }
        // Bin b ends at bounds[b - 1]; a cut behind the last occurring bin would part nothing.
        let (low, high) = (usize::from(first) - 1, usize::from(last) - 2);
        let drawn = bounds[low] + rng.uniform() * (bounds[high] - bounds[low]);
        let above = (low + bounds[low..high].partition_point(|&bound| bound < drawn)).min(high);
        let nearer_below = above > low && drawn - bounds[above - 1] < bounds[above] - drawn;
        let bin = if nearer_below { above } else { above + 1 };
        let missing_left = missing && rng.below(2) == 1;
        let mut left = if missing_left { self.histogram[0] } else { T::ZERO };
        for member in members(occurring).take_while(|&member| member <= bin) {
            self.target.merge(&mut left, &self.histogram[member]);
        }
        let on_the_left = members(occurring).take_while(|&member| member <= bin);
        let gains = self.gains((0..usize::from(missing_left)).chain(on_the_left));
        self.offer(BinCondition::AtMost { bin: bin as u16, missing_left }, left, gains.last(), &mut best);
        if missing { best } else { best.map(|cut| self.send_unseen_missing_to_the_larger_side(cut)) }
    }

    /// The best set of categories among those that a cut of their order by level makes (Fisher 1958). Bin 0 goes right.
    fn categories(&self, mut occurring: Bins) -> Option<Cut<T::Tally>> {
        occurring[0] &= !1;
        let mut order: Vec<(f64, usize)> =
            members(occurring).map(|bin| (self.target.level(&self.histogram[bin]), bin)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut best = None;
        // Bin 0 goes right, so both ends of the order are tried as the left side.
        self.prefixes(order.iter().map(|&(_, bin)| bin), &mut best);
        if self.target.weight(&self.histogram[0]) > 0.0 {
            self.prefixes(order.iter().rev().map(|&(_, bin)| bin), &mut best);
        }
        best
    }

    fn prefixes(&self, order: impl Iterator<Item = usize> + Clone, best: &mut Option<Cut<T::Tally>>) {
        let (mut left, mut set) = (T::ZERO, [0; 4]);
        let gains = self.gains(order.clone());
        for (place, bin) in order.enumerate() {
            self.target.merge(&mut left, &self.histogram[bin]);
            insert(&mut set, bin);
            self.offer_set(set, left, gains.get(place), best);
        }
    }

    /// Offers a set of categories unless it is all that occurs: a difference of weights may leave a rest of nothing, one of counts does not.
    fn offer_set(&self, set: Bins, left: T::Tally, gain: Option<&f64>, best: &mut Option<Cut<T::Tally>>) {
        if self.target.count(&left) < self.target.count(self.node.tally) {
            self.offer(BinCondition::Among(set), left, gain, best);
        }
    }

    /// Each occurring category goes left or right by a coin.
    fn random_categories(&self, mut occurring: Bins, rng: &mut Rng) -> Option<Cut<T::Tally>> {
        occurring[0] &= !1;
        let (mut left, mut set) = (T::ZERO, [0; 4]);
        for bin in members(occurring).filter(|_| rng.below(2) == 1) {
            self.target.merge(&mut left, &self.histogram[bin]);
            insert(&mut set, bin);
        }
        let mut best = None;
        if set != [0; 4] {
            self.offer_set(set, left, self.gains(members(set)).last(), &mut best);
        }
        best
    }
}

/// The bins of a set, rising.
#[inline(always)]
fn members(set: Bins) -> Members {
    Members { set, word: 0 }
}

struct Members {
    set: Bins,
    word: usize,
}

impl Iterator for Members {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.set[self.word] == 0 {
            if self.word == 3 {
                return None;
            }
            self.word += 1;
        }
        let bits = &mut self.set[self.word];
        let bin = bits.trailing_zeros() as usize;
        *bits &= *bits - 1;
        Some(self.word * 64 + bin)
    }
}

fn insert(set: &mut Bins, bin: usize) {
    set[bin / 64] |= 1 << (bin % 64);
}

fn first_member(set: Bins) -> u8 {
    members(set).next().unwrap_or(0) as u8
}

fn last_member(set: Bins) -> u8 {
    let word = (0..4).rev().find(|&word| set[word] != 0).unwrap_or(0);
    (word * 64 + 63usize.saturating_sub(set[word].leading_zeros() as usize)) as u8
}
