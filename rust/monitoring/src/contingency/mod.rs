//! The χ² test that two samples have the same shares of categories, calibrated however rare the categories are.

pub(crate) mod deal;
mod moments;

use std::sync::atomic::AtomicBool;

use arsenal_core::{Error, Result};

use crate::special::{chi2_sf, ln_binomial};

/// How the p-value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// The χ² distribution with k − 1 degrees of freedom.
    Asymptotic,
    /// The hypergeometric distribution, for two categories.
    Exact,
    /// (b + 1) / (B + 1) over B random deals of the pooled values, or b / B if b = 100 came before B = 9,999.
    Permutation,
    /// A χ² distribution scaled to the exact mean and variance over all deals.
    Moments,
}

/// What the test found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContingencyTest {
    /// Pearson's χ² of the 2 × k table, without correction.
    pub statistic: f64,
    /// The probability of a statistic this large if both samples come from one distribution.
    pub p_value: f64,
    /// k − 1, the number of categories that occur less one.
    pub dof: usize,
    /// How the p-value was found.
    pub tail: Tail,
}

/// Up to this many steps a random deal may take; beyond, the moments decide.
const MAX_DEAL_STEPS: f64 = 20_000.0;

/// Tests a table of `[first, second]` counts, one row per category; rows of zeros do not count.
///
/// The tail is chosen from the pooled counts alone, so the choice cannot favour a result: asymptotic where every expected
/// count is at least 5, or at least 1 with 5 categories or more; else exact for two categories; else random deals; else, if a
/// deal would be long, moments. Random deals are seeded: the same counts give the same result. O(k), or O(k) per deal.
///
/// # Errors
/// `Value` if a sample is empty; `Interrupted` once `stop` is set.
pub fn two_sample(counts: &[[u64; 2]], stop: &AtomicBool) -> Result<ContingencyTest> {
    let table: Vec<[u64; 2]> = counts.iter().copied().filter(|row| row[0] + row[1] > 0).collect();
    let [first, second] = [0, 1].map(|side| table.iter().map(|row| row[side]).sum::<u64>());
    if first == 0 || second == 0 {
        return Err(Error::Value(format!("samples have {first} and {second} values, wanted at least 1 each")));
    }
    let n_categories = table.len();
    let statistic = pearson(&table, first, second);
    let dof = n_categories - 1;
    if dof == 0 {
        return Ok(ContingencyTest { statistic: 0.0, p_value: 1.0, dof, tail: Tail::Exact });
    }
    // Deals are drawn for the smaller sample.
    let (small, large) = (first.min(second), first.max(second));
    let mut totals: Vec<u64> = table.iter().map(|row| row[0] + row[1]).collect();
    let rarest = totals.iter().copied().min().unwrap_or(0) as f64;
    let expected = rarest * (small as f64 / (small + large) as f64);
    let (p_value, tail) = if expected >= 5.0 || (expected >= 1.0 && n_categories >= 5) {
        (chi2_sf(statistic, dof as f64), Tail::Asymptotic)
    } else if n_categories == 2 {
        (hypergeometric_tail([totals[0], totals[1]], table[0][0], first, second), Tail::Exact)
    } else if deal::steps(&totals, small) <= MAX_DEAL_STEPS {
        // Deals do not depend on the order of the categories either.
        totals.sort_unstable_by(|a, b| b.cmp(a));
        (deal::p_value(&totals, small, statistic, stop)?, Tail::Permutation)
    } else {
        let (mean, variance) = moments::mean_and_variance(&totals, first, second);
        // a χ²(b) with a b = mean and 2 a² b = variance.
        let scale = variance / (2.0 * mean);
        (chi2_sf(statistic / scale, mean / scale), Tail::Moments)
    };
    Ok(ContingencyTest { statistic, p_value: p_value.clamp(0.0, 1.0), dof, tail })
}

/// `N² / (n m) Σ (o − t n / N)² / t` over the categories, o of t values in the first sample.
fn pearson(table: &[[u64; 2]], first: u64, second: u64) -> f64 {
    let share = first as f64 / (first + second) as f64;
    let squares = table.iter().map(|row| {
        let total = (row[0] + row[1]) as f64;
        let excess = row[0] as f64 - total * share;
        excess * excess / total
    });
    squares.sum::<f64>() / (share * (1.0 - share))
}

/// The probability of a 2 × 2 table at least as far from the expected one, given its margins. O(rarer category).
fn hypergeometric_tail(totals: [u64; 2], seen: u64, first: u64, second: u64) -> f64 {
    let n = first + second;
    let expected = totals[0] as f64 * (first as f64 / n as f64);
    // Tables equally far on both sides differ by rounding alone.
    let distance = (seen as f64 - expected).abs() * (1.0 - 1e-12) - 1e-12;
    let all = ln_binomial(n as f64, totals[0] as f64);
    let (low, high) = (first.saturating_sub(totals[1]), first.min(totals[0]));
    let probability = |o: u64| {
        let chosen = ln_binomial(first as f64, o as f64) + ln_binomial(second as f64, (totals[0] - o) as f64);
        (chosen - all).exp()
    };
    (low..=high).filter(|&o| (o as f64 - expected).abs() >= distance).map(probability).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arsenal_core::rng::Rng;

    static RUN: AtomicBool = AtomicBool::new(false);

    fn assert_close(got: f64, wanted: f64, relative: f64) {
        assert!((got - wanted).abs() <= relative * wanted.abs(), "got {got:e}, wanted {wanted:e}");
    }

    #[test]
    fn a_table_by_hand() {
        // Expected 15, 20, 15 in both: χ² = 2 (25/15 + 0 + 25/15).
        let test = two_sample(&[[10, 20], [20, 20], [0, 0], [20, 10]], &RUN).unwrap();
        assert_close(test.statistic, 20.0 / 3.0, 1e-14);
        assert_close(test.p_value, (-10.0f64 / 3.0).exp(), 1e-13);
        assert_eq!((test.dof, test.tail), (2, Tail::Asymptotic));
    }

    #[test]
    fn two_rare_categories_are_exact() {
        // Fisher's tea: of the 70 ways, 1 + 1 are as far as 4 of 4, and 16 + 16 more as far as 3 of 4.
        let all = two_sample(&[[4, 0], [0, 4]], &RUN).unwrap();
        assert_close(all.p_value, 2.0 / 70.0, 1e-13);
        let three = two_sample(&[[3, 1], [1, 3]], &RUN).unwrap();
        assert_close(three.p_value, 34.0 / 70.0, 1e-13);
        assert_eq!((all.tail, three.tail), (Tail::Exact, Tail::Exact));
    }

    #[test]
    fn one_category_tells_nothing() {
        let test = two_sample(&[[5, 9], [0, 0]], &RUN).unwrap();
        assert_eq!((test.statistic, test.p_value, test.dof), (0.0, 1.0, 0));
        assert!(two_sample(&[[5, 0]], &RUN).unwrap_err().to_string().contains("5 and 0 values"));
    }

    #[test]
    fn one_unseen_category_is_no_catastrophe() {
        let test = two_sample(&[[500, 490], [300, 310], [200, 199], [0, 1]], &RUN).unwrap();
        assert_eq!(test.tail, Tail::Permutation);
        assert!(test.p_value > 0.3, "{test:?}");
    }

    #[test]
    fn new_names_for_everything_are_noticed() {
        let disjoint: Vec<[u64; 2]> = (0..2000).map(|i| if i % 2 == 0 { [3, 0] } else { [0, 3] }).collect();
        let test = two_sample(&disjoint, &RUN).unwrap();
        assert!(test.p_value < 1e-100, "{test:?}");
        let rare: Vec<[u64; 2]> = (0..50_500).map(|i| if i < 50_000 { [2, 0] } else { [0, 2] }).collect();
        let test = two_sample(&rare, &RUN).unwrap();
        assert_eq!(test.tail, Tail::Permutation);
        assert_close(test.p_value, 1e-4, 1e-12);
    }

    /// False-positive rates at α = 0.05 of `replicates` pairs of samples from one distribution.
    fn false_positives(weights: &[f64], n: usize, m: usize, replicates: u64) -> f64 {
        let total: f64 = weights.iter().sum();
        let cumulated: Vec<f64> = weights
            .iter()
            .scan(0.0, |sum, w| {
                *sum += w / total;
                Some(*sum)
            })
            .collect();
        let rng = Rng::new(weights.len() as u64 ^ (n as u64) << 20);
        let alarms = (0..replicates).filter(|&replicate| {
            let mut rng = rng.fork(replicate);
            let mut counts = vec![[0u64; 2]; weights.len()];
            for (side, size) in [n, m].into_iter().enumerate() {
                for _ in 0..size {
                    let u = rng.uniform();
                    counts[cumulated.partition_point(|&c| c < u).min(weights.len() - 1)][side] += 1;
                }
            }
            two_sample(&counts, &RUN).unwrap().p_value <= 0.05
        });
        alarms.count() as f64 / replicates as f64
    }

    #[test]
    fn false_alarms_come_as_often_as_asked() {
        let zipf = |k: usize| (1..=k).map(|i| 1.0 / i as f64).collect::<Vec<_>>();
        // Four standard errors around 0.05 for dense tables; from above alone where the statistic takes few values.
        for (weights, n, m, replicates, discrete) in [
            (vec![1.0; 3], 1000, 1000, 4000, false),
            (zipf(10), 500, 200, 2000, false),
            (vec![1.0; 30], 200, 200, 2000, false),
            (zipf(100), 1000, 500, 300, false),
            (vec![0.99, 0.01], 200, 100, 4000, true),
            (vec![0.97, 0.02, 0.01], 100, 50, 1000, true),
        ] {
            let rate = false_positives(&weights, n, m, replicates);
            let error = 4.0 * (0.05f64 * 0.95 / replicates as f64).sqrt();
            assert!(rate <= 0.05 + error, "{} categories, {n}, {m}: {rate}", weights.len());
            assert!(discrete || rate >= 0.05 - error, "{} categories, {n}, {m}: {rate}", weights.len());
        }
    }
}
