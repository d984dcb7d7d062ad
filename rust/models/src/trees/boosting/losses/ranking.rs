//! `LambdaMART`: pairs of documents of one query pull on each other by how much NDCG would change if they changed places.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use arsenal_core::{Result, pool, value_error};
use arsenal_simd::gradient::Derivatives;
use arsenal_simd::math::{exp, ln};
use arsenal_simd::ranking::{Documents, Lambdas, lambda_pairs};

use crate::trees::boosting::fit::Labels;
use crate::trees::boosting::loss::{BLOCK, Block, Loss, Ranking, check_each};

/// Gains stay whole numbers that an f64 holds, as in LightGBM.
const LARGEST_RELEVANCE: f64 = 31.0;

/// Burges, "From `RankNet` to `LambdaRank` to `LambdaMART`: an overview", MSR-TR-2010-82, with the truncation and the normalisation that
/// LightGBM documents. O(documents · truncation level) per iteration; every sum runs within one query, in an order that no thread decides.
pub struct LambdaRank {
    ranking: Ranking,
    queries: Queries,
    /// Gain of each document, in the order of `queries.rows`.
    gains: Vec<f64>,
    /// One over the best DCG of each query; 0 where nothing is relevant.
    inverse_best: Vec<f64>,
    discounts: Vec<f64>,
}

/// The rows of positive weight, query by query.
#[derive(Default)]
struct Queries {
    rows: Vec<u32>,
    ranges: Vec<Range<usize>>,
}

impl Queries {
    /// O(rows): a counting sort, stable.
    fn new(labels: Labels<'_>) -> Self {
        let queries = labels.queries.unwrap_or_default();
        let kept = || (0..queries.len() as u32).filter(|&row| labels.weight(row) > 0.0);
        let mut ends = vec![0; queries.iter().max().map_or(0, |&last| last as usize + 1)];
        kept().for_each(|row| ends[queries[row as usize] as usize] += 1);
        let mut ranges = Vec::with_capacity(ends.len());
        let mut start = 0;
        for end in &mut ends {
            let size = std::mem::replace(end, start);
            ranges.push(start..start + size);
            start += size;
        }
        let mut rows = vec![0; start];
        for row in kept() {
            let place = &mut ends[queries[row as usize] as usize];
            rows[*place] = row;
            *place += 1;
        }
        ranges.retain(|range| !range.is_empty());
        Self { rows, ranges }
    }

    /// The length of the longest query.
    fn longest(&self) -> usize {
        self.ranges.iter().map(ExactSizeIterator::len).max().unwrap_or(0)
    }

    /// Ranges of queries with about [`BLOCK`] documents each, or one query that is longer.
    fn blocks(&self) -> Vec<Range<usize>> {
        let mut blocks = Vec::new();
        let mut first = 0;
        while first < self.ranges.len() {
            let start = self.ranges[first].start;
            let n = self.ranges[first..].iter().take_while(|range| range.end - start <= BLOCK).count().max(1);
            blocks.push(first..first + n);
            first += n;
        }
        blocks
    }
}

/// `2^relevance − 1`.
fn gain(relevance: f64) -> f64 {
    if relevance.fract() == 0.0 {
        f64::from((1u64 << relevance as u64) as u32) - 1.0
    } else {
        exp(relevance * std::f64::consts::LN_2) - 1.0
    }
}

/// `1 / log2(2 + place)` of the first `n` places.
fn discounts(n: usize) -> Vec<f64> {
    (0..n).map(|place| ln(2.0) / ln(2.0 + place as f64)).collect()
}

/// DCG of gains in their order, cut off after `level`.
fn dcg(gains: impl Iterator<Item = f64>, discounts: &[f64], level: usize) -> f64 {
    gains.zip(discounts).take(level).fold(0.0, |sum, (gain, discount)| sum + gain * discount)
}

/// The best DCG that an order of `gains` has.
fn best_dcg(gains: &[f64], discounts: &[f64], level: usize) -> f64 {
    let mut sorted = gains.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    dcg(sorted.into_iter(), discounts, level)
}

/// Places of the documents in falling order of their scores; the earlier of equals first.
fn order(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    order
}

impl LambdaRank {
    pub fn new(ranking: Ranking) -> Result<Self> {
        for (name, value) in [("truncation_level", ranking.truncation_level), ("eval_at", ranking.eval_at)] {
            if value == 0 {
                return value_error!("{name} is 0, wanted at least 1");
            }
        }
        let (gains, inverse_best, discounts) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { ranking, queries: Queries::default(), gains, inverse_best, discounts })
    }

    /// First and second derivatives of a query's documents; any numbers once `stop` is set.
    fn query(
        &self,
        query: usize,
        all_scores: &[f64],
        labels: Labels<'_>,
        found: &mut Vec<(f32, f32)>,
        stop: &AtomicBool,
    ) {
        let range = self.queries.ranges[query].clone();
        let rows = &self.queries.rows[range.clone()];
        let scores: Vec<f64> = rows.iter().map(|&row| all_scores[row as usize]).collect();
        let order = order(&scores);
        let sorted = |of: &[f64]| order.iter().map(|&document| of[document]).collect::<Vec<f64>>();
        let (gains, scores) = (sorted(&self.gains[range]), sorted(&scores));
        let documents = Documents {
            scores: &scores,
            gains: &gains,
            discounts: &self.discounts[..rows.len()],
            inverse_best: self.inverse_best[query],
            by_distance: self.ranking.normalize && scores[0] > scores[rows.len() - 1],
        };
        let (mut gradients, mut hessians, mut total) = (vec![0.0; rows.len()], vec![0.0; rows.len()], 0.0);
        if documents.inverse_best > 0.0 {
            let places = 0..self.ranking.truncation_level.min(rows.len() - 1);
            for place in places.take_while(|_| pool::go_on(stop).is_ok()) {
                let out = Lambdas { gradients: &mut gradients, hessians: &mut hessians, total: &mut total };
                lambda_pairs(documents, place, out);
            }
        }
        let factor = if self.ranking.normalize && total > 0.0 { ln(1.0 + total) / (ln(2.0) * total) } else { 1.0 };
        let first = found.len();
        found.resize(first + rows.len(), (0.0, 0.0));
        for (place, &document) in order.iter().enumerate() {
            let factor = factor * labels.weight(rows[document]);
            found[first + document] = ((factor * gradients[place]) as f32, (factor * hessians[place]) as f32);
        }
    }
}

impl Loss for LambdaRank {
    fn check(&self, labels: Labels<'_>) -> Result<()> {
        let Some(queries) = labels.queries else {
            return value_error!("got no queries, wanted the number of its query for each row");
        };
        if queries.len() != labels.targets.len() {
            return value_error!("got {} query numbers, wanted {}", queries.len(), labels.targets.len());
        }
        if let Some(row) = queries.iter().position(|&query| query as usize >= queries.len()) {
            return value_error!("query number {row} is {}, wanted one below {}", queries[row], queries.len());
        }
        check_each(labels.targets, &format!("a relevance of 0 to {LARGEST_RELEVANCE}"), |target| {
            (0.0..=LARGEST_RELEVANCE).contains(&target)
        })
    }

    fn initial_scores(&mut self, labels: Labels<'_>, _rows: &[u32]) -> Result<Vec<f64>> {
        self.queries = Queries::new(labels);
        self.gains = self.queries.rows.iter().map(|&row| gain(labels.targets[row as usize])).collect();
        self.discounts = discounts(self.queries.longest());
        let inverse = |range: &Range<usize>| {
            let best = best_dcg(&self.gains[range.clone()], &self.discounts, self.ranking.truncation_level);
            if best > 0.0 { 1.0 / best } else { 0.0 }
        };
        self.inverse_best = self.queries.ranges.iter().map(inverse).collect();
        Ok(vec![0.0])
    }

    fn derivatives_of_all(
        &self,
        scores: &[Vec<f64>],
        labels: Labels<'_>,
        out: Derivatives<'_>,
        stop: &AtomicBool,
    ) -> Result<bool> {
        let mut parts: Vec<_> =
            self.queries.blocks().into_iter().map(|queries| (queries, Vec::<(f32, f32)>::new())).collect();
        pool::for_each_until(&mut parts, stop, &|(queries, found)| {
            for query in queries.clone() {
                self.query(query, &scores[0], labels, found, stop);
            }
        })?;
        let Derivatives { gradients, hessians } = out;
        gradients.fill(0.0);
        hessians.fill(0.0);
        for (&row, (gradient, hessian)) in self.queries.rows.iter().zip(parts.into_iter().flat_map(|part| part.1)) {
            (gradients[row as usize], hessians[row as usize]) = (gradient, hessian);
        }
        Ok(true)
    }

    fn derivatives(&self, _block: Block<'_>, _target: usize, _out: Derivatives<'_>) {
        unreachable!("the derivatives of all rows are written at once")
    }

    fn loss(&self, _scores: &[Vec<f64>], _row: usize, _target: f64) -> f64 {
        f64::NAN
    }

    /// 1 − the mean NDCG; a query without anything relevant counts as 1, a query's weight is the mean of its rows'.
    fn least_loss(&self, _labels: Labels<'_>) -> Option<f64> {
        None
    }

    fn mean_loss(&self, scores: &[Vec<f64>], labels: Labels<'_>) -> Option<f64> {
        let queries = Queries::new(labels);
        let discounts = discounts(queries.longest().min(self.ranking.eval_at));
        let mut parts: Vec<(Range<usize>, f64, f64)> =
            queries.blocks().into_iter().map(|queries| (queries, 0.0, 0.0)).collect();
        pool::for_each(&mut parts, &|(block, sum, total)| {
            for range in &queries.ranges[block.clone()] {
                let rows = &queries.rows[range.clone()];
                let gains: Vec<f64> = rows.iter().map(|&row| gain(labels.targets[row as usize])).collect();
                let scores: Vec<f64> = rows.iter().map(|&row| scores[0][row as usize]).collect();
                let best = best_dcg(&gains, &discounts, self.ranking.eval_at);
                let got =
                    dcg(order(&scores).into_iter().map(|document| gains[document]), &discounts, self.ranking.eval_at);
                let weight = rows.iter().map(|&row| labels.weight(row)).sum::<f64>() / rows.len() as f64;
                *sum += weight * if best > 0.0 { got / best } else { 1.0 };
                *total += weight;
            }
        });
        let (sum, total) = parts.iter().fold((0.0, 0.0), |sums, part| (sums.0 + part.1, sums.1 + part.2));
        Some(1.0 - sum / total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANKING: Ranking = Ranking { truncation_level: 30, normalize: false, eval_at: 3 };

    #[test]
    fn queries_may_come_in_any_order() {
        let labels = Labels {
            targets: &[0.0; 6],
            weights: Some(&[1.0, 1.0, 0.0, 2.0, 1.0, 1.0]),
            queries: Some(&[2, 0, 2, 2, 0, 1]),
        };
        let queries = Queries::new(labels);
        assert_eq!((queries.rows, queries.ranges), (vec![1, 4, 5, 0, 3], vec![0..2, 2..3, 3..5]));
    }

    #[test]
    fn ndcg_by_hand() {
        let (targets, queries) = ([2.0, 0.0, 1.0, 0.0, 0.0], [0, 0, 0, 1, 1]);
        let labels = Labels { targets: &targets, weights: None, queries: Some(&queries) };
        let loss = LambdaRank::new(RANKING).unwrap();
        // Order 1, 2, 0: gains 0, 1, 3. The second query has nothing relevant.
        let scores = vec![vec![-1.0, 3.0, 0.5, 0.0, 1.0]];
        let discount = |place: f64| 1.0 / (2.0 + place).log2();
        let wanted = (discount(1.0) + 3.0 * discount(2.0)) / (3.0 + discount(1.0));
        assert!((loss.mean_loss(&scores, labels).unwrap() - (1.0 - f64::midpoint(wanted, 1.0))).abs() < 1e-14);
    }

    #[test]
    fn derivatives_by_hand() {
        let (targets, queries) = ([1.0, 0.0, 0.0], [0, 0, 1]);
        let labels = Labels { targets: &targets, weights: Some(&[1.0, 2.0, 1.0]), queries: Some(&queries) };
        let mut loss = LambdaRank::new(RANKING).unwrap();
        loss.initial_scores(labels, &[0, 1, 2]).unwrap();
        let scores = vec![vec![0.25, 0.75, 9.0]];
        let (mut gradients, mut hessians) = (vec![7.0; 3], vec![7.0; 3]);
        let out = Derivatives { gradients: &mut gradients, hessians: &mut hessians };
        assert!(loss.derivatives_of_all(&scores, labels, out, &AtomicBool::new(false)).unwrap());
        // The best DCG is 1; changing places changes it by 1 − 1 / log2(3).
        let (delta, p) = (1.0 - 1.0 / 3.0f64.log2(), 1.0 / (1.0 + (-0.5f64).exp()));
        for (got, wanted) in gradients.iter().zip([-delta * p, 2.0 * delta * p, 0.0]) {
            assert!((f64::from(*got) - wanted).abs() < 1e-7);
        }
        for (got, wanted) in hessians.iter().zip([delta * p * (1.0 - p), 2.0 * delta * p * (1.0 - p), 0.0]) {
            assert!((f64::from(*got) - wanted).abs() < 1e-7);
        }
    }

    #[test]
    fn bad_queries_are_named() {
        let loss = LambdaRank::new(RANKING).unwrap();
        let error = |targets: &[f64], queries: Option<&[u32]>| {
            loss.check(Labels { targets, weights: None, queries }).unwrap_err().to_string()
        };
        assert!(error(&[1.0], None).contains("got no queries"));
        assert!(error(&[1.0], Some(&[0, 0])).contains("got 2 query numbers, wanted 1"));
        assert!(error(&[1.0, 1.0], Some(&[0, 2])).contains("query number 1 is 2, wanted one below 2"));
        assert!(error(&[-1.0], Some(&[0])).contains("target 0 is -1, wanted a relevance of 0 to 31"));
        let zero = LambdaRank::new(Ranking { eval_at: 0, ..RANKING });
        assert!(zero.err().unwrap().to_string().contains("eval_at is 0"));
    }
}
