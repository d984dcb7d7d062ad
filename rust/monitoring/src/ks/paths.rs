//! Exact tails by lattice paths.
//!
//! Deal the pooled values in rising order: a step right for the first sample, up for the second. Under equal distributions
//! every path from (0, 0) to (n₁, n₂) is equally likely, and the statistic reaches `height` where a path leaves a band
//! around the diagonal.

use std::sync::atomic::{AtomicBool, Ordering};

use arsenal_core::{Error, Result};

use super::Alternative;
use super::gap::greatest_common_divisor;

/// The probability that a statistic in units of 1 / lcm(n₁, n₂) is at least `height`.
///
/// With `ends` (see [`tie_ends`](super::tie_ends)) paths are looked at only where a group of equal values ends.
pub fn tail(
    n1: usize,
    n2: usize,
    height: i64,
    alternative: Alternative,
    ends: Option<&[bool]>,
    stop: &AtomicBool,
) -> Result<f64> {
    if height <= 0 {
        return Ok(1.0);
    }
    if n1 == n2 && ends.is_none() {
        return Ok(equal_sizes(n1, height as usize, alternative == Alternative::TwoSided));
    }
    banded(n1, n2, height, alternative, ends, stop)
}

/// Gnedenko and Korolyuk: by reflection, `Σₖ ±2 (2n over n − kh) / (2n over n)`, or its first half term.
fn equal_sizes(n: usize, h: usize, two_sided: bool) -> f64 {
    // Each coefficient over the one before it: at most 1, so that the nested sum 2r₁(1 − r₂(1 − …)) cancels nothing big.
    let ratio = |k: usize| {
        let from = (k - 1) * h;
        (from..from + h).map(|i| (n - i) as f64 / (n + i + 1) as f64).product::<f64>()
    };
    if !two_sided {
        return ratio(1);
    }
    2.0 * (1..=n / h).rev().fold(0.0, |rest, k| ratio(k) * (1.0 - rest))
}

/// The share of paths that leave the band, point by point: a path to (x, y) came from the left with probability x / (x + y).
///
/// Only sums of products of positive numbers, so the relative error stays near √(n₁ + n₂) ε however small the result is.
/// Points with the same x + y depend on the diagonal before them alone, which makes the inner loop a vector loop.
fn banded(
    n1: usize,
    n2: usize,
    height: i64,
    alternative: Alternative,
    ends: Option<&[bool]>,
    stop: &AtomicBool,
) -> Result<f64> {
    let divisor = greatest_common_divisor(n1, n2);
    let (right, up) = ((n2 / divisor) as i64, (n1 / divisor) as i64);
    let width = right + up;
    let columns: Vec<f64> = (0..=n1 + 1).map(|x| x as f64).collect();
    // Index x + 1 holds column x, so that there is always a left neighbour. Outside the window every share is 1.
    let mut before = vec![1.0; n1 + 3];
    let mut after = vec![1.0; n1 + 3];
    before[1] = 0.0;
    let (mut low, mut high) = (0i64, 0i64);
    for sum in 1..=(n1 + n2) {
        if sum % 1024 == 0 && stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let diagonal = sum as i64;
        // A window's right end may move right with a step; between ties' ends nothing cuts it back.
        high = (high + 1).min(n1 as i64).min(diagonal);
        low = low.max(diagonal - n2 as i64);
        if ends.is_none_or(|ends| ends[sum - 1]) {
            // Inside: −height < x · width − diagonal · up < height.
            let centre = diagonal * up;
            if alternative != Alternative::Less {
                high = high.min((centre + height - 1).div_euclid(width));
            }
            if alternative != Alternative::Greater {
                low = low.max((centre - height).div_euclid(width) + 1);
            }
        }
        if low > high {
            return Ok(1.0);
        }
        let (first, last) = (low as usize, high as usize);
        let (total, scale) = (sum as f64, 1.0 / sum as f64);
        let left = &before[first..=last];
        let below = &before[first + 1..=last + 1];
        let shares = &mut after[first + 1..=last + 1];
        for (((share, &x), &from_left), &from_below) in shares.iter_mut().zip(&columns[first..]).zip(left).zip(below) {
            *share = (x * from_left + (total - x) * from_below) * scale;
        }
        after[first] = 1.0;
        after[last + 2] = 1.0;
        std::mem::swap(&mut before, &mut after);
    }
    Ok(before[n1 + 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Walks every path.
    fn enumerated(n1: usize, n2: usize, height: i64, alternative: Alternative, ends: &[bool]) -> f64 {
        let divisor = greatest_common_divisor(n1, n2) as i64;
        let (mut outside, mut all) = (0u32, 0u32);
        for order in (0u32..1 << (n1 + n2)).filter(|order| order.count_ones() as usize == n1) {
            let (mut x, mut y, mut out) = (0i64, 0i64, false);
            for (step, &end) in ends.iter().enumerate() {
                if order >> step & 1 == 1 {
                    x += 1;
                } else {
                    y += 1;
                }
                let difference = (x * n2 as i64 - y * n1 as i64) / divisor;
                out |= end
                    && match alternative {
                        Alternative::TwoSided => difference.abs() >= height,
                        Alternative::Greater => difference >= height,
                        Alternative::Less => -difference >= height,
                    };
            }
            all += 1;
            outside += u32::from(out);
        }
        f64::from(outside) / f64::from(all)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]
        #[test]
        fn tails_count_paths(n1 in 1usize..8, n2 in 1usize..8, h in 1i64..30, ties in any::<u16>(), side in 0..3) {
            let alternative = [Alternative::TwoSided, Alternative::Greater, Alternative::Less][side as usize];
            let height = h.min((n1 * n2 / greatest_common_divisor(n1, n2)) as i64);
            let run = AtomicBool::new(false);
            let none = vec![true; n1 + n2];
            let mut some: Vec<bool> = (0..n1 + n2).map(|i| ties >> i & 1 == 1).collect();
            *some.last_mut().unwrap() = true;
            let plain = tail(n1, n2, height, alternative, None, &run).unwrap();
            prop_assert!((plain - enumerated(n1, n2, height, alternative, &none)).abs() < 1e-13);
            let tied = tail(n1, n2, height, alternative, Some(&some), &run).unwrap();
            prop_assert!((tied - enumerated(n1, n2, height, alternative, &some)).abs() < 1e-13);
        }

        #[test]
        fn both_ways_to_count_agree(n in 2usize..200, part in 0.02f64..1.0) {
            let height = ((n as f64 * part) as i64).max(1);
            let run = AtomicBool::new(false);
            for alternative in [Alternative::TwoSided, Alternative::Greater, Alternative::Less] {
                let closed = tail(n, n, height, alternative, None, &run).unwrap();
                let walked = banded(n, n, height, alternative, None, &run).unwrap();
                prop_assert!((closed - walked).abs() <= 1e-12 * closed, "{closed:e} {walked:e}");
            }
        }
    }
}
