//! Bins of numbers: between quantiles of the reference, open at both ends.

use super::{Label, Psi, index, with_chi2_tail};
use crate::order::{Ordered, Sample};

/// Where one bin ends and the next begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boundary {
    /// The number.
    pub at: f64,
    /// Whether the number itself belongs to the bin below.
    pub is_below: bool,
}

/// Bins fixed on one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervals<T: Ordered> {
    /// Boundaries in rising order: the place, and whether it belongs to the bin below.
    boundaries: Vec<(T::Key, bool)>,
}

impl<T: Ordered + Into<f64>> Intervals<T> {
    /// At most `n_bins` bins (and two more, see below) that hold about equally many of the reference's values each.
    ///
    /// Boundaries are values of the reference, the i-th the smallest with at least a share i / `n_bins` at or below it. Where
    /// the smallest or largest value is so frequent that it fills a bin, another bin holds what lies beyond it, so that even
    /// a constant reference sees values that leave it. The reference must not be empty. O(`n_bins`).
    pub fn on(reference: &Sample<T>, n_bins: usize) -> Self {
        let n = reference.n();
        let mut boundaries: Vec<(T::Key, bool)> = Vec::with_capacity(n_bins);
        for i in 1..n_bins {
            let place = (i as u128 * n as u128).div_ceil(n_bins as u128) as usize;
            let boundary = (reference.keys[place.max(1) - 1], true);
            if boundaries.last() != Some(&boundary) {
                boundaries.push(boundary);
            }
        }
        let (smallest, largest) = (reference.keys[0], reference.keys[n - 1]);
        // At the two ends, the number of values on the smaller side of a key is the number that equal it.
        let fills_a_bin = |key| {
            let at_least = n - reference.keys.partition_point(|&k| k < key);
            let at_most = reference.keys.partition_point(|&k| k <= key);
            at_least.min(at_most) * n_bins >= n
        };
        if boundaries.first().is_none_or(|first| first.0 == smallest) && fills_a_bin(smallest) {
            boundaries.insert(0, (smallest, false));
        }
        if boundaries.last().is_none_or(|last| last.0 != largest || !last.1) && fills_a_bin(largest) {
            boundaries.push((largest, true));
        }
        Self { boundaries }
    }

    /// How many values each bin holds. O(bins · log n).
    pub fn count(&self, sample: &Sample<T>) -> Vec<u64> {
        let ends = self.boundaries.iter().map(|&(at, is_below)| {
            sample.keys.partition_point(|&key| if is_below { key <= at } else { key < at }) as u64
        });
        let mut before = 0;
        ends.chain([sample.n() as u64]).map(|end| end - std::mem::replace(&mut before, end)).collect()
    }

    fn labels(&self) -> impl Iterator<Item = Label> {
        let boundary = |&(at, is_below): &(T::Key, bool)| Boundary { at: T::from_key(at).into(), is_below };
        let lower = std::iter::once(None).chain(self.boundaries.iter().map(move |b| Some(boundary(b))));
        let upper = self.boundaries.iter().map(move |b| Some(boundary(b))).chain([None]);
        lower.zip(upper).map(|(lower, upper)| Label::Between(lower, upper))
    }
}

/// The index of two sorted samples, missing values in a bin of their own. `None` if either sample has no rows at all.
///
/// A reference of missing values alone has one bin for all numbers.
pub fn of_numbers<T: Ordered + Into<f64>>(
    reference: &Sample<T>,
    current: &Sample<T>,
    n_bins: usize,
    alpha: f64,
) -> Option<Psi> {
    if reference.n() + reference.n_missing == 0 || current.n() + current.n_missing == 0 {
        return None;
    }
    let bins = if reference.n() == 0 { Intervals { boundaries: Vec::new() } } else { Intervals::on(reference, n_bins) };
    let counts = bins.count(reference).into_iter().zip(bins.count(current)).map(|(r, c)| [r, c]);
    let missing = (Label::Missing, [reference.n_missing as u64, current.n_missing as u64]);
    let (value, bins) = index(bins.labels().zip(counts).chain([missing]));
    Some(with_chi2_tail(value, bins, alpha))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arsenal_core::rng::Rng;

    fn sample(values: &[f64]) -> Sample<f64> {
        Sample::sorted(values.iter().copied())
    }

    fn counts(psi: &Psi) -> Vec<[u64; 2]> {
        psi.bins.iter().map(|bin| bin.counts).collect()
    }

    #[test]
    fn quantiles_of_the_reference_decide() {
        let reference: Vec<f64> = (1..=10).map(f64::from).collect();
        let psi = of_numbers(&sample(&reference), &sample(&[0.0, 2.0, 2.5, 1e6, f64::NAN]), 5, 0.05).unwrap();
        assert_eq!(counts(&psi), [[2, 2], [2, 1], [2, 0], [2, 0], [2, 1], [0, 1]]);
        let shares = [2.5 / 13.0, 2.5 / 8.0];
        let first = (shares[0] - shares[1]) * f64::ln(shares[0] / shares[1]);
        assert!((psi.bins[0].contribution - first).abs() < 1e-15);
        assert!((psi.value - psi.bins.iter().map(|bin| bin.contribution).sum::<f64>()).abs() < 1e-15);
        assert_eq!(psi.bins[5].label, Label::Missing);
    }

    #[test]
    fn a_constant_reference_sees_both_sides() {
        let psi = of_numbers(&sample(&[5.0; 20]), &sample(&[4.0, 5.0, 6.0, 7.0]), 10, 0.05).unwrap();
        assert_eq!(counts(&psi), [[0, 1], [20, 1], [0, 2]]);
        let at = |is_below| Some(Boundary { at: 5.0, is_below });
        assert_eq!(psi.bins[1].label, Label::Between(at(false), at(true)));
        let same = of_numbers(&sample(&[5.0; 20]), &sample(&[5.0; 9]), 10, 0.05).unwrap();
        assert_eq!((same.value, same.threshold, same.p_value, same.bins.len()), (0.0, 0.0, 1.0, 1));
    }

    #[test]
    fn frequent_ends_have_bins_of_their_own() {
        let zeros_and_more: Vec<f64> = (0..100).map(|i| if i < 60 { 0.0 } else { f64::from(i) }).collect();
        let psi = of_numbers(&sample(&zeros_and_more), &sample(&[-1.0, 0.0, 200.0]), 10, 0.05).unwrap();
        assert_eq!(psi.bins[0].counts, [0, 1]);
        assert_eq!(psi.bins[1].counts, [60, 1]);
        assert_eq!(psi.bins.last().unwrap().counts, [10, 1]);
    }

    #[test]
    fn empty_and_missing_samples() {
        assert_eq!(of_numbers(&sample(&[]), &sample(&[1.0]), 10, 0.05), None);
        assert_eq!(of_numbers(&sample(&[1.0]), &sample(&[]), 10, 0.05), None);
        let psi = of_numbers(&sample(&[f64::NAN]), &sample(&[1.0, 2.0]), 10, 0.05).unwrap();
        assert_eq!(counts(&psi), [[0, 2], [1, 0]]);
    }

    #[test]
    fn false_alarms_come_as_often_as_asked() {
        let mut rng = Rng::new(1);
        for (n, m) in [(1000, 1000), (2000, 300)] {
            let replicates = 1500;
            let alarms = (0..replicates)
                .filter(|_| {
                    let mut draw = |size: usize| {
                        Sample::sorted((0..size).map(|_| rng.uniform()).collect::<Vec<f64>>().into_iter())
                    };
                    let (a, b) = (draw(n), draw(m));
                    let psi = of_numbers(&a, &b, 10, 0.05).unwrap();
                    assert_eq!(psi.value > psi.threshold, psi.p_value < 0.05);
                    psi.value > psi.threshold
                })
                .count();
            // Four standard errors around 0.05.
            let rate = alarms as f64 / f64::from(replicates);
            assert!((0.027..0.073).contains(&rate), "{n}, {m}: {rate}");
        }
    }
}
