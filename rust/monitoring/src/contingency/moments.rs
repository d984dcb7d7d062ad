//! The mean and variance of Pearson's χ² over all ways to deal the pooled values into the two samples.

/// Exact for every table, by the factorial moments of the hypergeometric distribution (Haldane 1940). O(k).
pub(super) fn mean_and_variance(totals: &[u64], first: u64, second: u64) -> (f64, f64) {
    let k = totals.len() as f64;
    let (n1, n2) = (first as f64, second as f64);
    let n = n1 + n2;
    // How far the totals are from equal: Σ 1/t − k²/n, as a sum that does not cancel.
    let even = n / k;
    let unevenness: f64 = totals.iter().map(|&t| (even - t as f64).powi(2) / (t as f64 * even * even)).sum();
    let mean = n * (k - 1.0) / (n - 1.0);
    let equal_part = 2.0 * (n1 - 1.0) * (n2 - 1.0) * (k - 1.0) * (n - k);
    let uneven_part = (n - 1.0) * (n * (n + 1.0) - 6.0 * n1 * n2) * unevenness;
    let variance = n.powi(3) * (equal_part + uneven_part) / (n1 * n2 * (n - 1.0).powi(2) * (n - 2.0) * (n - 3.0));
    (mean, variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to deal values of these categories into samples of `first` and the rest.
    fn enumerated(totals: &[u64], first: u64) -> (f64, f64) {
        let labels: Vec<usize> =
            totals.iter().enumerate().flat_map(|(label, &total)| std::iter::repeat_n(label, total as usize)).collect();
        let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for deal in (0u32..1 << labels.len()).filter(|deal| u64::from(deal.count_ones()) == first) {
            let mut table: Vec<[u64; 2]> = vec![[0; 2]; totals.len()];
            for (i, &label) in labels.iter().enumerate() {
                table[label][1 - (deal >> i & 1) as usize] += 1;
            }
            let statistic = super::super::pearson(&table, first, labels.len() as u64 - first);
            n += 1.0;
            sum += statistic;
            squares += statistic * statistic;
        }
        (sum / n, squares / n - (sum / n).powi(2))
    }

    #[test]
    fn moments_are_those_of_all_deals() {
        for (totals, first) in [(vec![3, 4, 5], 5), (vec![1, 1, 2, 6], 3), (vec![2; 6], 6), (vec![1, 10], 2)] {
            let second = totals.iter().sum::<u64>() - first;
            let (got, wanted) = (mean_and_variance(&totals, first, second), enumerated(&totals, first));
            assert!((got.0 - wanted.0).abs() < 1e-12 && (got.1 - wanted.1).abs() < 1e-11, "{got:?} {wanted:?}");
        }
    }
}
