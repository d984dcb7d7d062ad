//! Log loss of two classes and of more.

use arsenal_core::Result;
use arsenal_core::ensemble::Link;
use arsenal_simd::gradient::{self, Derivatives, SoftmaxRows};
use arsenal_simd::math::{exp, ln};

use crate::trees::boosting::fit::Labels;
use crate::trees::boosting::loss::{Block, Loss, check_each};

/// A class without rows still gets a finite score.
const SMALLEST_SHARE: f64 = 1e-15;

/// Two classes, one score: the log-odds of the second.
pub struct Binary;

impl Loss for Binary {
    fn link(&self) -> Link {
        Link::Logistic
    }

    fn check(&self, labels: Labels<'_>) -> Result<()> {
        check_classes(2, labels)
    }

    fn initial_scores(&mut self, labels: Labels<'_>, rows: &[u32]) -> Result<Vec<f64>> {
        let p = share(labels, rows, 1.0).clamp(SMALLEST_SHARE, 1.0 - SMALLEST_SHARE);
        Ok(vec![ln(p) - ln(1.0 - p)])
    }

    fn derivatives(&self, block: Block<'_>, target: usize, out: Derivatives<'_>) {
        gradient::log_loss(block.scores[target], block.targets, out);
    }

    fn least_loss(&self, _labels: Labels<'_>) -> Option<f64> {
        None
    }

    fn loss(&self, scores: &[Vec<f64>], row: usize, target: f64) -> f64 {
        let margin = if target > 0.5 { scores[0][row] } else { -scores[0][row] };
        // ln(1 + e^−m) without overflow on either side.
        ln(1.0 + exp(-margin.abs())) + (-margin).max(0.0)
    }
}

/// This many classes, at least 3, with a score each.
pub struct Multiclass(pub usize);

impl Loss for Multiclass {
    fn n_targets(&self) -> usize {
        self.0
    }

    fn link(&self) -> Link {
        Link::Softmax
    }

    fn check(&self, labels: Labels<'_>) -> Result<()> {
        check_classes(self.0, labels)
    }

    fn initial_scores(&mut self, labels: Labels<'_>, rows: &[u32]) -> Result<Vec<f64>> {
        Ok((0..self.0).map(|class| ln(share(labels, rows, class as f64).max(SMALLEST_SHARE))).collect())
    }

    fn derivatives(&self, block: Block<'_>, target: usize, out: Derivatives<'_>) {
        let n_rows = block.targets.len();
        let (mut largest, mut sums) = (vec![0.0; n_rows], vec![0.0; n_rows]);
        gradient::softmax_terms(block.scores, &mut largest, &mut sums);
        // Friedman (2001), algorithm 6: n / (n − 1) makes up for the classes' shared constraint.
        let factor = self.0 as f64 / (self.0 - 1) as f64;
        let rows = SoftmaxRows { targets: block.targets, largest: &largest, sums: &sums };
        gradient::softmax_loss(block.scores[target], rows, target as f64, factor, out);
    }

    fn least_loss(&self, _labels: Labels<'_>) -> Option<f64> {
        None
    }

    fn loss(&self, scores: &[Vec<f64>], row: usize, target: f64) -> f64 {
        let largest = scores.iter().map(|class| class[row]).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|class| exp(class[row] - largest)).sum();
        ln(sum) + largest - scores[target as usize][row]
    }
}

fn check_classes(n: usize, labels: Labels<'_>) -> Result<()> {
    check_each(labels.targets, &format!("a class index below {n}"), |target| {
        target >= 0.0 && target < n as f64 && target.fract() == 0.0
    })
}

/// The weighted share of a class.
fn share(labels: Labels<'_>, rows: &[u32], class: f64) -> f64 {
    let total: f64 = rows.iter().map(|&row| labels.weight(row)).sum();
    let of_class = rows.iter().filter(|&&row| labels.targets[row as usize] == class);
    of_class.map(|&row| labels.weight(row)).sum::<f64>() / total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(targets: &[f64]) -> Labels<'_> {
        Labels { targets, weights: None, queries: None }
    }

    #[test]
    fn initial_scores_are_the_logarithms_of_shares() {
        let binary = Binary.initial_scores(labels(&[0.0, 1.0, 1.0, 1.0]), &[0, 1, 2, 3]).unwrap();
        assert!((binary[0] - 3.0f64.ln()).abs() < 1e-15);
        let three = Multiclass(3).initial_scores(labels(&[0.0, 1.0, 1.0, 2.0]), &[0, 1, 2, 3]).unwrap();
        assert!((three[1] - 0.5f64.ln()).abs() < 1e-15);
        assert!(Binary.initial_scores(labels(&[1.0]), &[0]).unwrap()[0].is_finite());
    }

    #[test]
    fn losses_match_their_formulas() {
        let scores = vec![vec![2.0, -1.0, 0.5]];
        let log = |p: f64| -p.ln();
        let p = |s: f64| 1.0 / (1.0 + (-s).exp());
        let wanted = (log(p(2.0)) + log(1.0 - p(-1.0)) + log(1.0 - p(0.5))) / 3.0;
        assert!((Binary.mean_loss(&scores, labels(&[1.0, 0.0, 0.0])).unwrap() - wanted).abs() < 1e-14);
        let classes = vec![vec![0.0], vec![1.0], vec![2.0]];
        let total = 1.0 + 1.0f64.exp() + 2.0f64.exp();
        assert!((Multiclass(3).mean_loss(&classes, labels(&[1.0])).unwrap() - (total.ln() - 1.0)).abs() < 1e-14);
    }
}
