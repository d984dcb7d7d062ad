//! What a column of numbers looks like: a few figures and a histogram on a scale that suits both samples.

use crate::order::{Ordered, Sample};

/// The usual figures of a sample of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How many values are infinite.
    pub n_infinite: usize,
    /// Mean of the finite values; NaN if there are none.
    pub mean: f64,
    /// Standard deviation of the finite values with n − 1 in the denominator; NaN if there are less than two.
    pub std: f64,
    /// Smallest value, quartiles by linear interpolation, largest value.
    pub quartiles: [f64; 5],
}

/// Counts of both samples side by side.
#[derive(Clone, Debug, PartialEq)]
pub enum Histogram {
    /// Value by value, in rising order.
    Values(Vec<(f64, [u64; 2])>),
    /// In intervals of equal width, the last one closed on the right.
    Intervals {
        /// One more than there are intervals.
        edges: Vec<f64>,
        /// Counts in each.
        counts: Vec<[u64; 2]>,
        /// How many values lie below the first edge.
        below: [u64; 2],
        /// How many values lie above the last edge.
        above: [u64; 2],
    },
}

/// The figures of a sorted sample, or `None` of an empty one. O(n), one pass for the mean and one for the deviation.
pub fn summary<T: Ordered + Into<f64>>(sample: &Sample<T>) -> Option<Summary> {
    if sample.n() == 0 {
        return None;
    }
    let finite = || sample.values().map(Into::into).filter(|x: &f64| x.is_finite());
    let n_finite = finite().count() as f64;
    let mut mean = finite().sum::<f64>() / n_finite;
    if mean.is_infinite() {
        mean = finite().map(|x| x / n_finite).sum();
    }
    let squares: f64 = finite().map(|x| (x - mean) * (x - mean)).sum();
    let std = if n_finite < 2.0 { f64::NAN } else { (squares / (n_finite - 1.0)).sqrt() };
    let quartiles = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile(sample, share));
    Some(Summary { n_infinite: sample.n() - n_finite as usize, mean, std, quartiles })
}

/// The value at `share` of the way from the smallest to the largest, between neighbours by linear interpolation.
fn quantile<T: Ordered + Into<f64>>(sample: &Sample<T>, share: f64) -> f64 {
    let place = share * (sample.n() - 1) as f64;
    let at = |i: usize| -> f64 { T::from_key(sample.keys[i]).into() };
    let (low, high) = (at(place.floor() as usize), at(place.ceil() as usize));
    let part = place.fract();
    if low == high || part == 0.0 { low } else { low * (1.0 - part) + high * part }
}

/// Every value of either sample with its counts, if there are at most `max` of them. O(max · log n).
pub fn few_values<T: Ordered>(a: &Sample<T>, b: &Sample<T>, max: usize) -> Option<Vec<(T, [u64; 2])>> {
    let (mut left, mut right) = (a.keys.as_slice(), b.keys.as_slice());
    let mut values = Vec::new();
    while let Some(&key) = left.first().into_iter().chain(right.first()).min() {
        if values.len() == max {
            return None;
        }
        let counts = [&mut left, &mut right].map(|keys| {
            let count = keys.partition_point(|&k| k <= key);
            *keys = &keys[count..];
            count as u64
        });
        values.push((T::from_key(key), counts));
    }
    Some(values)
}

/// Counts in `n_bins` intervals between the outer ones of both samples' 0.5 % and 99.5 % points: no outlier can flatten the
/// picture, and a sample that moved far away is still in it.
///
/// Where these coincide or are infinite, between the reference's, its smallest and largest finite values, then those of both
/// samples. `None` if there is no scale at all: no finite value, or one alone.
pub fn histogram<T: Ordered + Into<f64>>(
    reference: &Sample<T>,
    current: &Sample<T>,
    n_bins: usize,
) -> Option<Histogram> {
    let ends = |sample: &Sample<T>| {
        let mut finite = sample.values().map(Into::into).filter(|x: &f64| x.is_finite());
        finite.next().map(|first| (first, finite.next_back().unwrap_or(first)))
    };
    let (inner, outer) = ([reference, current].map(inner), [reference, current].map(ends));
    let both = |of: [Option<(f64, f64)>; 2]| of.into_iter().flatten().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let is_scale = |&(low, high): &(f64, f64)| low.is_finite() && high.is_finite() && low < high;
    let scales = [both(inner), inner[0], outer[0], both(outer)];
    let (low, high) = scales.into_iter().flatten().find(is_scale)?;
    let edge = |i: usize| {
        let part = i as f64 / n_bins as f64;
        low * (1.0 - part) + high * part
    };
    let edges: Vec<f64> = (0..=n_bins).map(edge).collect();
    let below = |sample: &Sample<T>, edge: f64, or_at: bool| {
        let is_below = |&key: &T::Key| {
            let value: f64 = T::from_key(key).into();
            value < edge || (or_at && value == edge)
        };
        sample.keys.partition_point(is_below) as u64
    };
    let both_below = |i: usize| [reference, current].map(|sample| below(sample, edges[i], i == n_bins));
    let ends: Vec<[u64; 2]> = (0..=n_bins).map(both_below).collect();
    let counts = ends.windows(2).map(|pair| [0, 1].map(|side| pair[1][side] - pair[0][side])).collect();
    let sizes = [reference.n() as u64, current.n() as u64];
    let above = [0, 1].map(|side| sizes[side] - ends[n_bins][side]);
    Some(Histogram::Intervals { counts, below: ends[0], above, edges })
}

/// The values at 0.5 % and 99.5 %, in from the ends by at least one where there are more than two.
fn inner<T: Ordered + Into<f64>>(sample: &Sample<T>) -> Option<(f64, f64)> {
    let last = sample.n().checked_sub(1)?;
    let cut = ((0.005 * last as f64).ceil() as usize).min(last / 2);
    let at = |i: usize| -> f64 { T::from_key(sample.keys[i]).into() };
    Some((at(cut), at(last - cut)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample<f64> {
        Sample::sorted(values.iter().copied())
    }

    #[test]
    fn figures() {
        let got = summary(&sample(&[4.0, 1.0, 2.0, f64::INFINITY, f64::NAN])).unwrap();
        assert_eq!((got.n_infinite, got.quartiles), (1, [1.0, 1.75, 3.0, f64::INFINITY, f64::INFINITY]));
        assert!((got.mean - 7.0 / 3.0).abs() < 1e-15 && (got.std - (7.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(summary(&sample(&[f64::NAN])), None);
        let one = summary(&sample(&[5.0])).unwrap();
        assert!(one.mean == 5.0 && one.std.is_nan() && one.quartiles == [5.0; 5]);
        assert!(summary(&sample(&[f64::INFINITY])).unwrap().mean.is_nan());
        assert_eq!(summary(&sample(&[f64::MAX, f64::MAX])).unwrap().mean, f64::MAX);
    }

    #[test]
    fn few_values_are_counted() {
        let (a, b) = (sample(&[1.0, 2.0, 1.0]), sample(&[3.0, 2.0]));
        assert_eq!(few_values(&a, &b, 3), Some(vec![(1.0, [2, 0]), (2.0, [1, 1]), (3.0, [0, 1])]));
        assert_eq!(few_values(&a, &b, 2), None);
    }

    #[test]
    fn histograms_show_both_samples_whatever_the_outliers() {
        let reference: Vec<f64> = (0..=200).map(f64::from).collect();
        let Some(Histogram::Intervals { edges, counts, below, above }) =
            histogram(&sample(&reference), &sample(&[-5.0, 1.0, 50.5, 199.0, 199.0, f64::INFINITY]), 2)
        else {
            panic!("no histogram")
        };
        assert_eq!(edges, [1.0, 100.0, 199.0]);
        assert_eq!((counts, below, above), (vec![[99, 2], [100, 2]], [1, 1], [1, 1]));
        let moved: Vec<f64> = (1000..=1200).map(f64::from).collect();
        let Some(Histogram::Intervals { edges, counts, .. }) = histogram(&sample(&reference), &sample(&moved), 4)
        else {
            panic!("no histogram")
        };
        assert_eq!((edges[0], edges[4]), (1.0, 1199.0));
        assert_eq!((counts[0][0], counts[3][1]), (200, 200));
        let ends = |reference: &[f64], current: &[f64]| match histogram(&sample(reference), &sample(current), 1) {
            Some(Histogram::Intervals { edges, .. }) => Some((edges[0], edges[1])),
            _ => None,
        };
        let mut spike = vec![0.0; 999];
        spike.push(7.0);
        assert_eq!(ends(&spike, &[]), Some((0.0, 7.0)));
        assert_eq!(ends(&[3.0], &[5.0]), Some((3.0, 5.0)));
        assert_eq!(ends(&[], &[5.0, 6.0]), Some((5.0, 6.0)));
        assert_eq!(ends(&[3.0], &[f64::INFINITY]), None);
        assert_eq!(ends(&[-f64::MAX, f64::MAX], &[]), Some((-f64::MAX, f64::MAX)));
        assert_eq!(ends(&[1.0, 2.0], &[f64::NEG_INFINITY, 1.0]), Some((1.0, 2.0)));
    }
}
