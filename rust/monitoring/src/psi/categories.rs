//! Bins of categories: the reference's most frequent ones, its others, unseen ones, missing.

use std::sync::atomic::{AtomicBool, Ordering};

use arsenal_core::rng::Rng;
use arsenal_core::{Error, Result};

use super::{Label, Psi, index, with_chi2_tail};
use crate::contingency::deal::{draw_by_category, steps_by_category};

const MAX_DEALS: f64 = 999.0;
const MIN_DEALS: f64 = 99.0;
/// The steps that all deals together should take.
const MAX_STEPS: f64 = 2e7;

/// The index of a table of `[reference, current]` counts per category. `None` if a sample has no rows.
///
/// The `max_categories` most frequent categories of the reference (ties: the earlier row of the table) have bins of their own.
/// Which those are, and what is unseen, is itself chance where categories are rare or many; then threshold and p-value are
/// found by dealing the pooled rows at random and choosing bins anew for each deal, as often as (k+1)/(N+1) says, N = 999
/// (fewer, not below 99, where a deal is long). Deals are seeded. O(k), or O(k) per deal.
///
/// # Errors
/// `Interrupted` once `stop` is set.
pub fn of_categories(
    counts: &[[u64; 2]],
    missing: [u64; 2],
    max_categories: usize,
    alpha: f64,
    stop: &AtomicBool,
) -> Result<Option<Psi>> {
    let sizes = [0, 1].map(|side| counts.iter().map(|row| row[side]).sum::<u64>() + missing[side]);
    if sizes.contains(&0) {
        return Ok(None);
    }
    let (value, bins) = index(bins_of(counts, missing, max_categories));
    // The row of missing values is dealt too; it comes last.
    let table: Vec<[u64; 2]> = counts.iter().copied().chain([missing]).filter(|row| row[0] + row[1] > 0).collect();
    let n = sizes[0] + sizes[1];
    let smaller_share = sizes[0].min(sizes[1]) as f64 / n as f64;
    let is_dense = table.iter().all(|row| (row[0] + row[1]) as f64 * smaller_share >= 5.0);
    if is_dense && table.len() <= max_categories {
        return Ok(Some(with_chi2_tail(value, bins, alpha)));
    }
    let totals: Vec<u64> = table.iter().map(|row| row[0] + row[1]).collect();
    let has_missing = missing[0] + missing[1] > 0;
    let n_deals = (MAX_STEPS / steps_by_category(&totals, sizes[0].min(sizes[1]))).clamp(MIN_DEALS, MAX_DEALS) as usize;
    let mut rng = Rng::new(n);
    let mut dealt = Vec::with_capacity(n_deals);
    let mut deal: Vec<[u64; 2]> = Vec::with_capacity(totals.len());
    for _ in 0..n_deals {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        deal.clear();
        deal.extend(draw_by_category(&totals, n, sizes[0], &mut rng).zip(&totals).map(|(o, &total)| [o, total - o]));
        let missing = if has_missing { deal.pop().unwrap_or_default() } else { [0, 0] };
        dealt.push(index(bins_of(&deal, missing, max_categories)).0);
    }
    let bar = value * (1.0 - 1e-9);
    let p_value = (dealt.iter().filter(|&&other| other >= bar).count() + 1) as f64 / (n_deals + 1) as f64;
    // An index above the threshold has p ≤ alpha: at most alpha (N + 1) − 1 deals reach it.
    dealt.sort_unstable_by(f64::total_cmp);
    let allowed = (alpha * (n_deals + 1) as f64).floor() as usize;
    let threshold = if allowed == 0 { f64::INFINITY } else { dealt[n_deals - allowed] };
    Ok(Some(Psi { value, threshold, p_value, is_simulated: true, bins }))
}

fn bins_of(counts: &[[u64; 2]], missing: [u64; 2], max_categories: usize) -> impl Iterator<Item = (Label, [u64; 2])> {
    let mut seen: Vec<usize> = (0..counts.len()).filter(|&category| counts[category][0] > 0).collect();
    let by_frequency = |&category: &usize| (std::cmp::Reverse(counts[category][0]), category);
    if seen.len() > max_categories {
        seen.select_nth_unstable_by_key(max_categories, by_frequency);
    }
    let n_other = seen.len().saturating_sub(max_categories);
    let add = |sum: [u64; 2], row: [u64; 2]| [sum[0] + row[0], sum[1] + row[1]];
    let other = seen.drain(seen.len() - n_other..).map(|category| counts[category]).fold([0, 0], add);
    seen.sort_unstable_by_key(by_frequency);
    let unseen = counts.iter().filter(|row| row[0] == 0 && row[1] > 0);
    let (n_unseen, unseen) = unseen.fold((0, [0, 0]), |(n, sum), &row| (n + 1, add(sum, row)));
    let own: Vec<_> = seen.into_iter().map(|category| (Label::Category(category), counts[category])).collect();
    own.into_iter().chain([
        (Label::Other(n_other), other),
        (Label::Unseen(n_unseen), unseen),
        (Label::Missing, missing),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    static RUN: AtomicBool = AtomicBool::new(false);

    fn of(counts: &[[u64; 2]], missing: [u64; 2], max_categories: usize) -> Psi {
        of_categories(counts, missing, max_categories, 0.05, &RUN).unwrap().unwrap()
    }

    #[test]
    fn frequent_other_unseen_missing() {
        let psi = of(&[[5, 1], [90, 40], [0, 7], [5, 2], [3, 0], [0, 1], [50, 60]], [4, 6], 3);
        let got: Vec<_> = psi.bins.iter().map(|bin| (bin.label, bin.counts)).collect();
        let wanted = [
            (Label::Category(1), [90, 40]),
            (Label::Category(6), [50, 60]),
            (Label::Category(0), [5, 1]),
            (Label::Other(2), [8, 2]),
            (Label::Unseen(2), [0, 8]),
            (Label::Missing, [4, 6]),
        ];
        assert_eq!(got, wanted);
        assert!(psi.is_simulated && psi.value > psi.threshold && psi.p_value < 0.05, "{psi:?}");
        assert_eq!(psi, of(&[[5, 1], [90, 40], [0, 7], [5, 2], [3, 0], [0, 1], [50, 60]], [4, 6], 3));
    }

    #[test]
    fn dense_tables_have_the_chi2_tail() {
        let psi = of(&[[500, 480], [500, 520]], [0, 0], 50);
        assert!(!psi.is_simulated && psi.p_value > 0.3 && psi.threshold > psi.value);
        assert_eq!(of_categories(&[[5, 0]], [0, 0], 50, 0.05, &RUN), Ok(None));
        assert_eq!(of_categories(&[[1, 2]], [0, 1], 50, 0.05, &AtomicBool::new(true)), Err(Error::Interrupted));
    }

    #[test]
    fn many_rare_categories_give_no_false_alarms() {
        // 200 equally frequent categories: three quarters of them are without a bin, by chance alone.
        let rng = Rng::new(4);
        let replicates = 60;
        let alarms = (0..replicates)
            .filter(|&replicate| {
                let mut rng = rng.fork(replicate);
                let mut counts = vec![[0u64; 2]; 200];
                for side in [0, 1] {
                    for _ in 0..300 {
                        counts[rng.below(200) as usize][side] += 1;
                    }
                }
                let psi = of(&counts, [0, 0], 50);
                assert_eq!(psi.value > psi.threshold, psi.p_value <= 0.05);
                psi.value > psi.threshold
            })
            .count();
        // Mean 3, four standard deviations 6.8.
        assert!(alarms <= 9, "{alarms} of {replicates}");
    }
}
