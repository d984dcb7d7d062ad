//! Where two empirical distribution functions are furthest apart, in whole numbers.

/// The extremes of `F₁ − F₂` over the pooled values, in units of 1 / `unit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap<K> {
    /// The least common multiple of the sample sizes.
    pub unit: i64,
    /// The largest difference, ≥ 0.
    pub highest: i64,
    /// The smallest value where it is reached; always a value of the first sample.
    pub highest_at: K,
    /// The smallest difference, ≤ 0.
    pub lowest: i64,
    /// The smallest value of the first sample where it is reached, or if there is none, of the second.
    pub lowest_at: K,
}

/// Merges two sorted samples, neither empty. O(n₁ + n₂).
pub fn largest<K: Copy + Ord>(a: &[K], b: &[K]) -> Gap<K> {
    let divisor = greatest_common_divisor(a.len(), b.len());
    let (rise, fall) = ((b.len() / divisor) as i64, (a.len() / divisor) as i64);
    let mut highest = (i64::MIN, a[0]);
    let mut lowest_in_a = (i64::MAX, a[0]);
    let mut lowest_in_b = (i64::MAX, b[0]);
    let (mut i, mut j, mut difference) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        let in_a = a[i] == value;
        while i < a.len() && a[i] == value {
            i += 1;
            difference += rise;
        }
        while j < b.len() && b[j] == value {
            j += 1;
            difference -= fall;
        }
        if difference > highest.0 {
            highest = (difference, value);
        }
        if in_a && difference < lowest_in_a.0 {
            lowest_in_a = (difference, value);
        }
        if !in_a && difference < lowest_in_b.0 {
            lowest_in_b = (difference, value);
        }
    }
    // What is left of one sample leads back to 0 without a turn; only the 0 itself, at the last value, can be an extreme.
    let (last_a, last_b) = (a[a.len() - 1], b[b.len() - 1]);
    if i < a.len() && highest.0 < 0 {
        highest = (0, last_a);
    }
    if j < b.len() && lowest_in_b.0 > 0 && lowest_in_a.0 > 0 {
        lowest_in_b = (0, last_b);
    }
    let lowest = if lowest_in_a.0 <= lowest_in_b.0 { lowest_in_a } else { lowest_in_b };
    Gap {
        unit: rise * a.len() as i64,
        highest: highest.0,
        highest_at: highest.1,
        lowest: lowest.0,
        lowest_at: lowest.1,
    }
}

/// For each number of pooled values 1 … n₁ + n₂, whether a group of equal values ends there.
pub fn tie_ends<K: Copy + Ord>(a: &[K], b: &[K]) -> Vec<bool> {
    let (mut i, mut j) = (0, 0);
    let mut ends = Vec::with_capacity(a.len() + b.len());
    let mut previous = None;
    while i < a.len() || j < b.len() {
        let from_a = j == b.len() || (i < a.len() && a[i] <= b[j]);
        let value = if from_a { a[i] } else { b[j] };
        if previous.is_some() {
            ends.push(previous != Some(value));
        }
        previous = Some(value);
        if from_a { i += 1 } else { j += 1 }
    }
    if previous.is_some() {
        ends.push(true);
    }
    ends
}

pub(super) fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every pooled value, both functions counted afresh.
    fn naive(a: &[u8], b: &[u8]) -> Gap<u8> {
        let (n1, n2) = (a.len() as i64, b.len() as i64);
        let unit = n1 * n2 / greatest_common_divisor(a.len(), b.len()) as i64;
        let count = |sample: &[u8], value| sample.iter().filter(|&&x| x <= value).count() as i64;
        let at = |value| unit / n1 * count(a, value) - unit / n2 * count(b, value);
        let pooled: Vec<u8> = a.iter().chain(b).copied().collect();
        let highest = pooled.iter().map(|&v| at(v)).max().unwrap();
        let lowest = pooled.iter().map(|&v| at(v)).min().unwrap();
        let first = |wanted| pooled.iter().copied().find(|&v| at(v) == wanted).unwrap();
        Gap { unit, highest, highest_at: first(highest), lowest, lowest_at: first(lowest) }
    }

    proptest! {
        #[test]
        fn the_merge_finds_what_counting_finds(
            mut a in proptest::collection::vec(0u8..12, 1..20),
            mut b in proptest::collection::vec(0u8..12, 1..20),
        ) {
            a.sort_unstable();
            b.sort_unstable();
            prop_assert_eq!(largest(&a, &b), naive(&a, &b));
            let mut pooled: Vec<u8> = a.iter().chain(&b).copied().collect();
            pooled.sort_unstable();
            let ends: Vec<bool> = (0..pooled.len()).map(|i| pooled.get(i + 1) != Some(&pooled[i])).collect();
            prop_assert_eq!(tie_ends(&a, &b), ends);
        }
    }
}
