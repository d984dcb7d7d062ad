//! What is minimised: initial scores, derivatives and mean losses.

use arsenal_core::ensemble::Link;
use arsenal_core::{Result, pool, value_error};
use arsenal_simd::gradient::{self, Derivatives, SoftmaxRows};
use arsenal_simd::math::{exp, ln};

/// Rows that are summed up together; sums do not depend on threads.
pub(super) const BLOCK: usize = 8192;

/// What is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Targets are numbers; half the squared error is minimised.
    SquaredError,
    /// Targets are class indices below this number, at least 2; log loss is minimised.
    Classes(usize),
}

impl Task {
    /// Sums per row.
    pub fn n_targets(self) -> usize {
        match self {
            Self::SquaredError | Self::Classes(2) => 1,
            Self::Classes(n) => n,
        }
    }

    /// How sums become predictions.
    pub fn link(self) -> Link {
        match self {
            Self::SquaredError => Link::Identity,
            Self::Classes(2) => Link::Logistic,
            Self::Classes(_) => Link::Softmax,
        }
    }

    /// Refuses targets that the task cannot have.
    pub(super) fn check(self, targets: &[f64]) -> Result<()> {
        let bad = targets.iter().position(|&target| match self {
            Self::SquaredError => !target.is_finite(),
            Self::Classes(n) => !(target >= 0.0 && target < n as f64 && target.fract() == 0.0),
        });
        match (bad, self) {
            (None, Self::Classes(n)) if n < 2 => value_error!("got {n} class, wanted at least 2"),
            (None, _) => Ok(()),
            (Some(row), Self::SquaredError) => value_error!("target {row} is {}, wanted a finite number", targets[row]),
            (Some(row), Self::Classes(n)) => {
                value_error!("target {row} is {}, wanted a class index below {n}", targets[row])
            }
        }
    }

    /// The best constant score per target; `rows` have a positive weight.
    pub(super) fn initial_scores(self, targets: &[f64], weights: Option<&[f64]>, rows: &[u32]) -> Vec<f64> {
        let weight = |row: u32| weights.map_or(1.0, |weights| weights[row as usize]);
        let total: f64 = rows.iter().map(|&row| weight(row)).sum();
        let share = |class: f64| {
            rows.iter().filter(|&&row| targets[row as usize] == class).map(|&row| weight(row)).sum::<f64>() / total
        };
        match self {
            Self::SquaredError => {
                vec![rows.iter().map(|&row| weight(row) * targets[row as usize]).sum::<f64>() / total]
            }
            Self::Classes(2) => {
                let p = share(1.0).clamp(SMALLEST_SHARE, 1.0 - SMALLEST_SHARE);
                vec![ln(p) - ln(1.0 - p)]
            }
            Self::Classes(n) => (0..n).map(|class| ln(share(class as f64).max(SMALLEST_SHARE))).collect(),
        }
    }

    /// Derivatives of a block by the score of one target. `scores[target][row]`; `terms` are the block's softmax terms.
    pub(super) fn derivatives(
        self,
        scores: &[&[f64]],
        target: usize,
        targets: &[f64],
        terms: &SoftmaxTerms,
        out: Derivatives<'_>,
    ) {
        match self {
            Self::SquaredError => gradient::squared_error(scores[target], targets, out),
            Self::Classes(2) => gradient::log_loss(scores[target], targets, out),
            Self::Classes(n) => {
                // Friedman (2001), algorithm 6: n / (n − 1) makes up for the classes' shared constraint.
                let factor = n as f64 / (n - 1) as f64;
                let rows = SoftmaxRows { targets, largest: &terms.largest, sums: &terms.sums };
                gradient::softmax_loss(scores[target], rows, target as f64, factor, out);
            }
        }
    }

    /// Mean loss over rows, weighted, by fixed blocks of rows; `scores[target][row]`.
    pub(super) fn mean_loss(self, scores: &[Vec<f64>], targets: &[f64], weights: Option<&[f64]>) -> f64 {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let mut blocks: Vec<(usize, f64, f64)> =
            (0..targets.len()).step_by(BLOCK).map(|first| (first, 0.0, 0.0)).collect();
        pool::for_each(&mut blocks, &|(first, loss, total)| {
            for row in (*first..targets.len().min(*first + BLOCK)).filter(|&row| weight(row) > 0.0) {
                *loss += weight(row) * self.loss(scores, row, targets[row]);
                *total += weight(row);
            }
        });
        let (loss, total) = blocks.iter().fold((0.0, 0.0), |sums, block| (sums.0 + block.1, sums.1 + block.2));
        loss / total
    }

    fn loss(self, scores: &[Vec<f64>], row: usize, target: f64) -> f64 {
        match self {
            Self::SquaredError => 0.5 * (scores[0][row] - target) * (scores[0][row] - target),
            Self::Classes(2) => {
                let margin = if target > 0.5 { scores[0][row] } else { -scores[0][row] };
                // ln(1 + e^−m) without overflow on either side.
                ln(1.0 + exp(-margin.abs())) + (-margin).max(0.0)
            }
            Self::Classes(_) => {
                let largest = scores.iter().map(|class| class[row]).fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = scores.iter().map(|class| exp(class[row] - largest)).sum();
                ln(sum) + largest - scores[target as usize][row]
            }
        }
    }
}

/// A class without rows still gets a finite score.
const SMALLEST_SHARE: f64 = 1e-15;

/// Per row, what the softmax of all targets shares.
#[derive(Debug, Default)]
pub(super) struct SoftmaxTerms {
    pub largest: Vec<f64>,
    pub sums: Vec<f64>,
}

impl SoftmaxTerms {
    /// Terms of a block, or nothing where the task has one target.
    pub fn of(scores: &[&[f64]]) -> Self {
        if scores.len() < 2 {
            return Self::default();
        }
        let n_rows = scores[0].len();
        let mut terms = Self { largest: vec![0.0; n_rows], sums: vec![0.0; n_rows] };
        gradient::softmax_terms(scores, &mut terms.largest, &mut terms.sums);
        terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_checked() {
        assert!(Task::SquaredError.check(&[1.0, f64::NAN]).unwrap_err().to_string().starts_with("target 1 is NaN"));
        assert!(Task::Classes(2).check(&[0.0, 2.0]).unwrap_err().to_string().contains("below 2"));
        assert!(Task::Classes(1).check(&[0.0]).unwrap_err().to_string().contains("at least 2"));
        assert_eq!(Task::Classes(3).check(&[0.0, 2.0]), Ok(()));
    }

    #[test]
    fn initial_scores_are_the_best_constants() {
        let targets = [0.0, 1.0, 1.0, 2.0];
        assert_eq!(Task::SquaredError.initial_scores(&targets, None, &[0, 1, 2, 3]), [1.0]);
        assert_eq!(Task::SquaredError.initial_scores(&targets, Some(&[0.0, 1.0, 1.0, 2.0]), &[1, 2, 3]), [1.5]);
        let binary = Task::Classes(2).initial_scores(&[0.0, 1.0, 1.0, 1.0], None, &[0, 1, 2, 3]);
        assert!((binary[0] - 3.0f64.ln()).abs() < 1e-15);
        let three = Task::Classes(3).initial_scores(&targets, None, &[0, 1, 2, 3]);
        assert!((three[1] - 0.5f64.ln()).abs() < 1e-15);
        assert!(Task::Classes(2).initial_scores(&[1.0], None, &[0])[0].is_finite());
    }

    #[test]
    fn losses_match_their_formulas() {
        let scores = vec![vec![2.0, -1.0, 0.5]];
        let log = |p: f64| -p.ln();
        let p = |s: f64| 1.0 / (1.0 + (-s).exp());
        let wanted = (log(p(2.0)) + log(1.0 - p(-1.0)) + log(1.0 - p(0.5))) / 3.0;
        assert!((Task::Classes(2).mean_loss(&scores, &[1.0, 0.0, 0.0], None) - wanted).abs() < 1e-14);
        assert_eq!(Task::SquaredError.mean_loss(&scores, &[0.0, -1.0, 0.5], Some(&[1.0, 1.0, 2.0])), 0.5);
        let classes = vec![vec![0.0], vec![1.0], vec![2.0]];
        let total = 1.0 + 1.0f64.exp() + 2.0f64.exp();
        assert!((Task::Classes(3).mean_loss(&classes, &[1.0], None) - (total.ln() - 1.0)).abs() < 1e-14);
    }
}
