//! Exact leaf values for losses whose best step is no matter of sums: middles of the leaf's residuals.

use std::ops::Range;

use arsenal_core::pool;

use super::fit::Labels;

/// Which middle of a set of residuals minimises the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Center {
    /// The weighted quantile of this level.
    Quantile(f64),
    /// The median plus the weighted mean of the distances from it, cut off at ±`delta` (Friedman 2001, equation 14).
    Huber { delta: f64 },
}

impl Center {
    /// The middle of (residual, weight) pairs, whose order it changes. O(n) without weights, O(n log n) with.
    fn of(self, residuals: &mut [(f64, f64)], is_weighted: bool) -> f64 {
        match self {
            Self::Quantile(level) => quantile_of(residuals, level, is_weighted),
            Self::Huber { delta } => {
                // Before the median moves the pairs: sums keep the order of the rows.
                let rows = residuals.to_vec();
                let median = quantile_of(residuals, 0.5, is_weighted);
                let (sum, total) = rows.iter().fold((0.0, 0.0), |(sum, total), &(residual, weight)| {
                    (sum + weight * (residual - median).clamp(-delta, delta), total + weight)
                });
                median + sum / total
            }
        }
    }

    /// The middle of the targets of `rows`.
    pub fn of_targets(self, labels: Labels<'_>, rows: &[u32]) -> f64 {
        let target = |&row: &u32| (labels.targets[row as usize], labels.weight(row));
        self.of(&mut rows.iter().map(target).collect::<Vec<_>>(), labels.weights.is_some())
    }

    /// The middle of `target − score` in each leaf; `leaves` are ranges of `rows`, all of positive weight.
    pub fn of_leaves(self, labels: Labels<'_>, scores: &[f64], rows: &[u32], leaves: &[Range<usize>]) -> Vec<f64> {
        let mut parts: Vec<(&[u32], f64)> = leaves.iter().map(|leaf| (&rows[leaf.clone()], 0.0)).collect();
        pool::for_each(&mut parts, &|(rows, center)| {
            let residual = |&row: &u32| (labels.targets[row as usize] - scores[row as usize], labels.weight(row));
            *center = self.of(&mut rows.iter().map(residual).collect::<Vec<_>>(), labels.weights.is_some());
        });
        parts.into_iter().map(|(_, center)| center).collect()
    }
}

/// Shares of a total that differ by no more than this many ulps of the total are the same: a level such as 0.07 and weights such as 0.1
/// are themselves rounded.
const ULPS: f64 = 8.0;

/// The smallest value whose weights, added up from below, reach `level` of the total; where they do so exactly (but for rounding), the
/// middle between it and the next. So a weight of 2 counts as the row twice, a common factor of all weights changes nothing, and the median
/// of an even number is the usual one.
///
/// The order of equal values does not matter, so neither does the order of `values`, which it changes.
pub(super) fn quantile_of(values: &mut [(f64, f64)], level: f64, is_weighted: bool) -> f64 {
    if !is_weighted {
        let place = level * values.len() as f64;
        let is_whole = (place - place.round()).abs() <= slack(values.len() as f64);
        let n_reached = if is_whole { place.round() } else { place.ceil() };
        let last = (n_reached as usize).clamp(1, values.len()) - 1;
        let (_, &mut (value, _), above) = values.select_nth_unstable_by(last, |a, b| a.0.total_cmp(&b.0));
        if !is_whole || n_reached < 1.0 || above.is_empty() {
            return value;
        }
        return middle(value, above.iter().map(|pair| pair.0).fold(f64::INFINITY, f64::min));
    }
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut total = Sum::default();
    for pair in values.iter() {
        total.add(pair.1);
    }
    let (wanted, slack) = (level * total.value(), slack(total.value()));
    let mut reached = Sum::default();
    for (place, &(value, weight)) in values.iter().enumerate() {
        reached.add(weight);
        if reached.value() >= wanted - slack {
            let next = values.get(place + 1).filter(|_| reached.value() <= wanted + slack);
            return next.map_or(value, |next| middle(value, next.0));
        }
    }
    values[values.len() - 1].0
}

fn slack(total: f64) -> f64 {
    ULPS * f64::EPSILON * total
}

/// A sum of numbers of at least 0 that keeps what each addition rounds off (Kahan 1965): its error does not grow with their number.
#[derive(Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, x: f64) {
        let x = x - self.lost;
        let sum = self.sum + x;
        self.lost = (sum - self.sum) - x;
        self.sum = sum;
    }

    fn value(&self) -> f64 {
        self.sum
    }
}

fn middle(a: f64, b: f64) -> f64 {
    0.5 * a + 0.5 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By definition: rows repeated by their weight, sorted.
    fn naive(values: &[(f64, f64)], level: f64) -> f64 {
        let mut repeated: Vec<f64> =
            values.iter().flat_map(|&(value, weight)| std::iter::repeat_n(value, weight as usize)).collect();
        repeated.sort_unstable_by(f64::total_cmp);
        let place = level * repeated.len() as f64;
        let value = repeated[(place.ceil() as usize).max(1) - 1];
        if place.fract() == 0.0 { 0.5 * value + 0.5 * repeated[place as usize] } else { value }
    }

    #[test]
    fn quantiles_are_those_of_repeated_rows() {
        let mut rng = arsenal_core::rng::Rng::new(1);
        for n in 1..60 {
            let values: Vec<(f64, f64)> =
                (0..n).map(|_| (rng.below(20) as f64 - 9.5, rng.below(4) as f64 + 1.0)).collect();
            let ones: Vec<(f64, f64)> = values.iter().map(|&(value, _)| (value, 1.0)).collect();
            for level in [0.03125, 0.25, 0.5, 0.75, 0.96875] {
                assert_eq!(quantile_of(&mut values.clone(), level, true), naive(&values, level), "{level} {values:?}");
                assert_eq!(quantile_of(&mut ones.clone(), level, false), naive(&ones, level), "{level} {ones:?}");
                assert_eq!(quantile_of(&mut ones.clone(), level, true), naive(&ones, level));
            }
        }
    }

    #[test]
    fn rounded_levels_and_weights_reach_their_share() {
        for n in [10, 100, 2000, 300_000] {
            for percent in [7, 10, 29, 50, 57, 70, 90] {
                let level = f64::from(percent) / 100.0;
                let rows: Vec<f64> = (0..n).map(f64::from).collect();
                let exact = f64::from(n) * f64::from(percent);
                let wanted = if exact % 100.0 == 0.0 { exact / 100.0 - 0.5 } else { (exact / 100.0).floor() };
                for weight in [1.0, 0.1, 0.3, 1e-3, 1e-300, 7.0, 1e300 / f64::from(n)] {
                    let mut pairs: Vec<(f64, f64)> = rows.iter().map(|&row| (row, weight)).collect();
                    assert_eq!(quantile_of(&mut pairs, level, true), wanted, "{n} {level} {weight}");
                }
                let mut pairs: Vec<(f64, f64)> = rows.iter().map(|&row| (row, 1.0)).collect();
                assert_eq!(quantile_of(&mut pairs, level, false), wanted, "{n} {level}");
            }
        }
        // The smallest shares are those of the first row, the largest those of the last.
        for level in [1e-300, 1.0 - f64::EPSILON] {
            for is_weighted in [false, true] {
                let value = quantile_of(&mut [(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)], level, is_weighted);
                assert_eq!(value, if level < 0.5 { 1.0 } else { 3.0 });
            }
        }
    }

    #[test]
    fn leaves_get_their_own_middles() {
        let targets = [1.0, 5.0, 2.0, 8.0, 100.0, 3.0];
        let labels = Labels { targets: &targets, weights: None, queries: None };
        let scores = [1.0; 6];
        let (rows, leaves) = ([0, 2, 5, 1, 3, 4], [0..3, 3..6]);
        assert_eq!(Center::Quantile(0.5).of_leaves(labels, &scores, &rows, &leaves), [1.0, 7.0]);
        let weighted = Labels { weights: Some(&[1.0, 1.0, 1.0, 1.0, 3.0, 9.0]), ..labels };
        assert_eq!(Center::Quantile(0.5).of_leaves(weighted, &scores, &rows, &leaves), [2.0, 99.0]);
        // Residuals 4, 7, 99: the median 7, and the mean of −2, 0, 2 around it.
        assert_eq!(Center::Huber { delta: 2.0 }.of_leaves(labels, &scores, &rows, &leaves)[1], 7.0);
        assert_eq!(Center::Huber { delta: 6.0 }.of_leaves(labels, &scores, &rows, &leaves)[1], 8.0);
    }
}
