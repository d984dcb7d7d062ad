//! Distances from medians: what an order of rows gains at each cut, and what a leaf says.

use super::target::Target;

/// One number or several per row, predicted by medians.
///
/// Distances from a median are no sums, so each order of bins is swept twice, once from either end, with the rows of one side in a
/// tree of sums over the sorted targets: O(n log n) per column of a node of `n` rows.
pub(super) struct Medians<'a> {
    /// Row-major, `n_outputs` per row.
    pub targets: &'a [f64],
    pub n_outputs: usize,
}

impl Medians<'_> {
    fn of(&self, id: u32) -> &[f64] {
        &self.targets[id as usize * self.n_outputs..][..self.n_outputs]
    }
}

impl Target for Medians<'_> {
    type Row = (u32, f64);
    /// Rows, weights, weighted targets of all outputs.
    type Tally = [f64; 3];
    const ZERO: [f64; 3] = [0.0; 3];
    const BY_SUMS: bool = false;

    fn row(&self, id: u32, weight: f64) -> (u32, f64) {
        (id, weight)
    }
    fn add(&self, (id, weight): (u32, f64), tally: &mut [f64; 3]) {
        self.merge(tally, &[1.0, weight, weight * self.of(id).iter().sum::<f64>()]);
    }
    fn merge(&self, tally: &mut [f64; 3], other: &[f64; 3]) {
        tally.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
    }
    fn less(&self, whole: &[f64; 3], part: &[f64; 3]) -> [f64; 3] {
        std::array::from_fn(|k| whole[k] - part[k])
    }
    fn count(&self, tally: &[f64; 3]) -> f64 {
        tally[0]
    }
    fn weight(&self, tally: &[f64; 3]) -> f64 {
        tally[1]
    }
    /// Gains are measured as such, see [`Target::gains`].
    fn merit(&self, _: &[f64; 3]) -> f64 {
        0.0
    }
    fn gains(&self, rows: &[(u32, f64)], ends: &[usize]) -> Vec<f64> {
        let mut gains = vec![0.0; ends.len()];
        for output in 0..self.n_outputs {
            let of_output: Vec<(f64, f64)> = rows.iter().map(|&(id, w)| (self.of(id)[output], w)).collect();
            for (sum, gain) in gains.iter_mut().zip(gains_of(&of_output, ends)) {
                *sum += gain / self.n_outputs as f64;
            }
        }
        gains
    }
    /// The mean: it orders categories well enough. Constraints, which would need the median, are refused.
    fn level(&self, tally: &[f64; 3]) -> f64 {
        tally[2] / tally[1]
    }
    fn same(&self, a: (u32, f64), b: (u32, f64)) -> bool {
        self.of(a.0) == self.of(b.0)
    }
    fn leaf(&self, _: &[u32], rows: &[(u32, f64)], _: &[f64; 3], values: &mut Vec<f64>) {
        values.extend((0..self.n_outputs).map(|output| median(rows.iter().map(|&(id, w)| (self.of(id)[output], w)))));
    }
}

/// How much nearer the rows are to two medians than to one, if those before each of `ends` have one and the others another.
fn gains_of(rows: &[(f64, f64)], ends: &[usize]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| rows[a as usize].0.total_cmp(&rows[b as usize].0).then(a.cmp(&b)));
    let mut places = vec![0; rows.len()];
    for (place, &row) in order.iter().enumerate() {
        places[row as usize] = place;
    }
    let sorted: Vec<f64> = order.iter().map(|&row| rows[row as usize].0).collect();
    let mut side = Side::new(&sorted);
    let mut first = 0;
    let mut gains: Vec<f64> = Vec::with_capacity(ends.len());
    for &end in ends {
        (first..end).for_each(|row| side.insert(places[row], rows[row]));
        gains.push(-side.distance());
        first = end;
    }
    (first..rows.len()).for_each(|row| side.insert(places[row], rows[row]));
    let whole = side.distance();
    side = Side::new(&sorted);
    let mut last = rows.len();
    for (gain, &end) in gains.iter_mut().zip(ends).rev() {
        (end..last).for_each(|row| side.insert(places[row], rows[row]));
        *gain += whole - side.distance();
        last = end;
    }
    gains
}

/// Rows of one side as sums over the sorted targets of all rows: a binary indexed tree (Fenwick 1994). Rows are only ever put in, as
/// taking them out would leave the rounding behind.
struct Side<'s> {
    sorted: &'s [f64],
    /// Weight and weighted target of the places that end at each place.
    sums: Vec<(f64, f64)>,
    whole: (f64, f64),
}

impl<'s> Side<'s> {
    fn new(sorted: &'s [f64]) -> Self {
        Self { sorted, sums: vec![(0.0, 0.0); sorted.len() + 1], whole: (0.0, 0.0) }
    }

    fn insert(&mut self, place: usize, (target, weight): (f64, f64)) {
        let add = |sums: &mut (f64, f64)| *sums = (sums.0 + weight, sums.1 + weight * target);
        add(&mut self.whole);
        let mut at = place + 1;
        while at < self.sums.len() {
            add(&mut self.sums[at]);
            at += at & at.wrapping_neg();
        }
    }

    /// The weighted sum of the distances from the median.
    fn distance(&self) -> f64 {
        let (mut at, mut below) = (0, (0.0, 0.0));
        let mut step = self.sorted.len().checked_ilog2().map_or(0, |bits| 1 << bits);
        while step > 0 {
            if let Some(sums) = self.sums.get(at + step)
                && below.0 + sums.0 < 0.5 * self.whole.0
            {
                at += step;
                below = (below.0 + sums.0, below.1 + sums.1);
            }
            step /= 2;
        }
        // The rows before this place weigh less than half, those up to it half or more.
        let median = self.sorted[at.min(self.sorted.len() - 1)];
        let above = (self.whole.0 - below.0, self.whole.1 - below.1);
        (median * below.0 - below.1) + (above.1 - median * above.0)
    }
}

/// The weighted median: where exactly half of the weight lies on either side, the middle between the two nearest targets.
fn median(rows: impl Iterator<Item = (f64, f64)>) -> f64 {
    let mut sorted: Vec<(f64, f64)> = rows.collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let half = 0.5 * sorted.iter().map(|row| row.1).sum::<f64>();
    let mut below = 0.0;
    for (place, &(target, weight)) in sorted.iter().enumerate() {
        below += weight;
        // Sums of weights such as 0.1 miss the half by their rounding.
        if (below - half).abs() <= HALF_TOLERANCE * half {
            return sorted.get(place + 1).map_or(target, |next| f64::midpoint(target, next.0));
        }
        if below > half {
            return target;
        }
    }
    f64::NAN
}

const HALF_TOLERANCE: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use super::*;
    use arsenal_core::rng::Rng;

    fn naive_distance(rows: &[(f64, f64)]) -> f64 {
        let about = |center: f64| rows.iter().map(|&(y, w)| w * (y - center).abs()).sum::<f64>();
        // The sum of distances is least at one of the targets.
        rows.iter().map(|row| about(row.0)).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn gains_are_what_distances_from_both_medians_give() {
        let mut rng = Rng::new(7);
        for n in [2, 3, 10, 64, 65, 200] {
            let rows: Vec<(f64, f64)> =
                (0..n).map(|_| (rng.below(20) as f64 - 7.0, 1.0 + rng.below(3) as f64)).collect();
            let ends: Vec<usize> = (1..n).step_by(1 + n / 9).collect();
            for (gain, &end) in gains_of(&rows, &ends).iter().zip(&ends) {
                let wanted = naive_distance(&rows) - naive_distance(&rows[..end]) - naive_distance(&rows[end..]);
                assert!((gain - wanted).abs() < 1e-9, "{n} {end}: {gain} {wanted}");
            }
        }
    }

    #[test]
    fn the_median_lies_in_the_middle_of_two_targets_where_half_of_the_weight_does() {
        let of = |rows: &[(f64, f64)]| median(rows.iter().copied());
        assert_eq!(of(&[(3.0, 1.0)]), 3.0);
        assert_eq!(of(&[(3.0, 1.0), (1.0, 1.0)]), 2.0);
        assert_eq!(of(&[(3.0, 2.0), (1.0, 1.0)]), 3.0);
        assert_eq!(of(&[(1.0, 1.0), (2.0, 1.0), (9.0, 2.0)]), 5.5);
        let thirds: Vec<(f64, f64)> = (0..2000).map(|k| (f64::from(k), 0.1)).collect();
        assert_eq!(of(&thirds), 999.5);
    }
}
