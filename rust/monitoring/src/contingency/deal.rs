//! Random deals of the pooled values into two samples.

use std::sync::atomic::{AtomicBool, Ordering};

use arsenal_core::rng::Rng;
use arsenal_core::{Error, Result};

use crate::special::ln_binomial;

const MAX_DEALS: u32 = 9_999;
/// As soon as this many deals are as extreme as the data, their share is the p-value (Besag and Clifford 1991).
const ENOUGH: u32 = 100;

/// About how many steps one deal takes.
pub(super) fn steps(totals: &[u64], small: u64) -> f64 {
    steps_by_category(totals, small).min(small as f64)
}

/// A draw per category, each of as many steps as its count has standard deviations.
pub(crate) fn steps_by_category(totals: &[u64], small: u64) -> f64 {
    totals.len() as f64 + (totals.len() as f64 * small as f64).sqrt()
}

/// The share of deals whose χ² is at least `statistic`.
pub(super) fn p_value(totals: &[u64], small: u64, statistic: f64, stop: &AtomicBool) -> Result<f64> {
    let n = totals.iter().sum::<u64>() as f64;
    let share = small as f64 / n;
    // χ² share (1 − share) = Σ o²/t − small²/n. Deals that tie with the data count, whatever rounding did to them.
    let centre = share * small as f64;
    let bar = centre * (1.0 - 1e-12) + statistic * share * (1.0 - share) * (1.0 - 1e-9);
    let mut rng = Rng::new(n as u64);
    let mut dealer = Dealer::new(totals, small);
    let mut extreme = 0;
    for deal in 1..=MAX_DEALS {
        if deal % 64 == 0 && stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        if dealer.deal(&mut rng) >= bar {
            extreme += 1;
            if extreme == ENOUGH {
                return Ok(f64::from(extreme) / f64::from(deal));
            }
        }
    }
    Ok(f64::from(extreme + 1) / f64::from(MAX_DEALS + 1))
}

/// Deals the smaller sample.
enum Dealer<'a> {
    /// Category by category, from the hypergeometric distribution of what is left.
    ByCategory { totals: &'a [u64], n: u64, small: u64 },
    /// Value by value, without putting back: for many categories and a small sample.
    ByValue {
        totals: &'a [u64],
        category_of: Vec<u32>,
        dealt_in: Vec<u32>,
        counts: Vec<(u32, u32)>,
        small: u64,
        round: u32,
    },
}

impl<'a> Dealer<'a> {
    fn new(totals: &'a [u64], small: u64) -> Self {
        if steps_by_category(totals, small) <= small as f64 {
            return Self::ByCategory { totals, n: totals.iter().sum(), small };
        }
        Self::by_value(totals, small)
    }

    fn by_value(totals: &'a [u64], small: u64) -> Self {
        let runs = totals.iter().enumerate().map(|(category, &t)| std::iter::repeat_n(category as u32, t as usize));
        let category_of: Vec<u32> = runs.flatten().collect();
        let dealt_in = vec![0; category_of.len()];
        Self::ByValue { totals, category_of, dealt_in, counts: vec![(0, 0); totals.len()], small, round: 0 }
    }

    /// `Σ o²/t` of a new deal, o of a category's t values in the smaller sample.
    fn deal(&mut self, rng: &mut Rng) -> f64 {
        match self {
            Self::ByCategory { totals, n, small } => {
                let drawn = draw_by_category(totals, *n, *small, rng);
                drawn.zip(*totals).map(|(drawn, &total)| drawn as f64 * (drawn as f64 / total as f64)).sum()
            }
            Self::ByValue { totals, category_of, dealt_in, counts, small, round } => {
                // Marking with the round's number saves clearing what the round before has marked.
                *round += 1;
                let (mut wanted, mut sum) = (*small, 0.0);
                // The smaller sample has half of the values at most, so every second try at least is new.
                while wanted > 0 {
                    let value = rng.below(category_of.len() as u64) as usize;
                    if dealt_in[value] == *round {
                        continue;
                    }
                    dealt_in[value] = *round;
                    wanted -= 1;
                    let category = category_of[value] as usize;
                    let (seen_in, count) = &mut counts[category];
                    if *seen_in != *round {
                        (*seen_in, *count) = (*round, 0);
                    }
                    sum += f64::from(2 * *count + 1) / totals[category] as f64;
                    *count += 1;
                }
                sum
            }
        }
    }
}

/// Each category's count in a sample of `size` among all `n` values, dealt at random.
pub(crate) fn draw_by_category(totals: &[u64], n: u64, size: u64, rng: &mut Rng) -> impl Iterator<Item = u64> {
    totals.iter().scan((n, size), |(left, wanted), &total| {
        *left -= total;
        let drawn = hypergeometric(total, *left, *wanted, rng);
        *wanted -= drawn;
        Some(drawn)
    })
}

/// How many of `drawn` values fall on `good` ones among `good + bad`: inversion outwards from the mode, O(standard deviation).
fn hypergeometric(good: u64, bad: u64, drawn: u64, rng: &mut Rng) -> u64 {
    let (low, high) = (drawn.saturating_sub(bad), drawn.min(good));
    if low == high {
        return low;
    }
    let (g, b, d) = (good as f64, bad as f64, drawn as f64);
    let mode = (((d + 1.0) * (g + 1.0) / (g + b + 2.0)).floor() as u64).clamp(low, high);
    let at_mode = ln_binomial(g, mode as f64) + ln_binomial(b, d - mode as f64) - ln_binomial(g + b, d);
    let mut u = rng.uniform();
    let (mut below, mut above) = (mode, mode);
    let mut p_below = at_mode.exp();
    let mut p_above = p_below;
    u -= p_below;
    while u >= 0.0 && (below > low || above < high) {
        if above < high {
            let x = above as f64;
            p_above *= (g - x) * (d - x) / ((x + 1.0) * (b - d + x + 1.0));
            above += 1;
            u -= p_above;
            if u < 0.0 {
                return above;
            }
        }
        if below > low {
            let x = below as f64;
            p_below *= x * (b - d + x) / ((g - x + 1.0) * (d - x + 1.0));
            below -= 1;
            u -= p_below;
            if u < 0.0 {
                return below;
            }
        }
        if p_above <= 0.0 && p_below <= 0.0 {
            break;
        }
    }
    mode
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_hypergeometric_distribution() {
        let mut rng = Rng::new(3);
        for (good, bad, drawn) in [(5u64, 7, 4), (40, 2, 30), (300, 5000, 700), (3, 1, 4), (0, 5, 2)] {
            let n = 20_000;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..n {
                let x = hypergeometric(good, bad, drawn, &mut rng);
                assert!(x <= good.min(drawn) && x >= drawn.saturating_sub(bad));
                sum += x as f64;
                squares += (x * x) as f64;
            }
            let (g, all, d) = (good as f64, (good + bad) as f64, drawn as f64);
            let mean = d * g / all;
            let variance = mean * (1.0 - g / all) * (all - d) / (all - 1.0);
            let got = sum / f64::from(n);
            assert!((got - mean).abs() <= 5.0 * (variance / f64::from(n)).sqrt(), "{got} {mean}");
            assert!((squares / f64::from(n) - got * got - variance).abs() <= 0.05 * variance + 1e-12);
        }
    }

    #[test]
    fn both_dealers_agree() {
        let totals = [40, 3, 2, 2, 1, 1, 1];
        let (n, small, share) = (50.0, 20, 0.4);
        let (mean, variance) = super::super::moments::mean_and_variance(&totals, 20, 30);
        for mut dealer in [Dealer::ByCategory { totals: &totals, n: 50, small }, Dealer::by_value(&totals, small)] {
            let mut rng = Rng::new(9);
            let deals = 20_000;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..deals {
                let statistic = (dealer.deal(&mut rng) - share * share * n) / (share * (1.0 - share));
                sum += statistic / f64::from(deals);
                squares += statistic * statistic / f64::from(deals);
            }
            assert!((sum - mean).abs() < 5.0 * (variance / f64::from(deals)).sqrt(), "{sum} {mean}");
            assert!((squares - sum * sum - variance).abs() < 0.05 * variance);
        }
        assert!(matches!(Dealer::new(&totals, small), Dealer::ByCategory { .. }));
        assert!(matches!(Dealer::new(&[1; 40], small), Dealer::ByValue { .. }));
    }

    #[test]
    fn deals_repeat_and_stop() {
        let totals = [40, 3, 2, 2, 1, 1, 1];
        let run = AtomicBool::new(false);
        let twice = [0, 1].map(|_| p_value(&totals, 20, 9.0, &run).unwrap());
        assert_eq!(twice[0].to_bits(), twice[1].to_bits());
        assert_eq!(p_value(&totals, 20, 0.0, &run), Ok(1.0));
        assert_eq!(p_value(&[500, 3, 2, 1], 200, 1e9, &AtomicBool::new(true)), Err(Error::Interrupted));
    }
}
