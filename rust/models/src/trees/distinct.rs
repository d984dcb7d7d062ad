//! Distinct values of a column and how often each occurs.

use super::values::Number;

/// Keys below which a comparison sort is as fast.
const FEW: usize = 1 << 11;
/// Bits that one pass of the radix sort looks at: a table of 2¹¹ places fits the first-level cache.
const DIGIT_BITS: u32 = 11;

/// Distinct values in rising order with their counts; NaN left out, −0.0 and 0.0 are one value. O(values) beyond [`FEW`].
pub(super) fn count<T: Number>(values: impl IntoIterator<Item = T>) -> Vec<(f64, usize)> {
    // Adding 0.0 turns −0.0 into 0.0. NaN is no value.
    let mut keys: Vec<T::Key> = values
        .into_iter()
        .filter(|value| value.partial_cmp(value).is_some())
        .map(|value| (value + T::default()).to_key())
        .collect();
    sort(&mut keys);
    keys.chunk_by(|a, b| a == b).map(|run| (T::from_key(run[0]).to_f64(), run.len())).collect()
}

/// Rising order, by digits from the least significant one; digits that all keys share are skipped.
fn sort<K: Copy + Ord + Into<u64>>(keys: &mut Vec<K>) {
    if keys.len() < FEW {
        return keys.sort_unstable();
    }
    let differing = keys.iter().fold(0u64, |bits, &key| bits | (key.into() ^ keys[0].into()));
    let mut from = keys.clone();
    for shift in (0..u64::BITS).step_by(DIGIT_BITS as usize) {
        let digit = |key: K| (key.into() >> shift) as usize & ((1 << DIGIT_BITS) - 1);
        if (differing >> shift) & ((1 << DIGIT_BITS) - 1) == 0 {
            continue;
        }
        std::mem::swap(keys, &mut from);
        let mut places = [0usize; 1 << DIGIT_BITS];
        for &key in &from {
            places[digit(key)] += 1;
        }
        let mut first = 0;
        for place in &mut places {
            first += std::mem::replace(place, first);
        }
        for &key in &from {
            let place = &mut places[digit(key)];
            keys[*place] = key;
            *place += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arsenal_core::rng::Rng;

    #[test]
    fn few_and_many_values_are_counted_as_by_comparison() {
        let mut rng = Rng::new(1);
        for n in [0, 1, 5, FEW - 1, FEW, 3 * FEW] {
            let values: Vec<f64> = (0..n)
                .map(|_| match rng.below(20) {
                    0 => f64::NAN,
                    1 => -0.0,
                    2 => 0.0,
                    3 => f64::NEG_INFINITY,
                    4 => f64::INFINITY,
                    5..10 => rng.below(7) as f64 - 3.0,
                    _ => (rng.uniform() - 0.5) * 10f64.powi(rng.below(600) as i32 - 300),
                })
                .collect();
            check(&values);
            check(&values.iter().map(|&value| value as f32).collect::<Vec<_>>());
        }
    }

    fn check<T: Number>(values: &[T]) {
        let mut wanted: Vec<f64> =
            values.iter().map(|value| value.to_f64() + 0.0).filter(|value| !value.is_nan()).collect();
        wanted.sort_by(f64::total_cmp);
        let counted = count(values.iter().copied());
        assert!(counted.is_sorted_by(|a, b| a.0 < b.0));
        let again: Vec<f64> = counted.iter().flat_map(|&(value, n)| std::iter::repeat_n(value, n)).collect();
        assert_eq!(
            again.iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
            wanted.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        );
    }
}
