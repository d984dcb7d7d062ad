//! Losses of numbers that the score itself predicts.

use arsenal_core::Result;
use arsenal_simd::gradient::{self, Derivatives};

use crate::trees::boosting::fit::Labels;
use crate::trees::boosting::loss::{Block, Loss, check_each, mean};
use crate::trees::boosting::renewal::{Center, quantile_of};

fn check_numbers(labels: Labels<'_>) -> Result<()> {
    check_each(labels.targets, "a finite number", f64::is_finite)
}

/// `(target − score)² / 2`.
pub struct SquaredError;

impl Loss for SquaredError {
    fn check(&self, labels: Labels<'_>) -> Result<()> {
        check_numbers(labels)
    }

    fn initial_scores(&mut self, labels: Labels<'_>, rows: &[u32]) -> Result<Vec<f64>> {
        Ok(vec![mean(labels, rows)])
    }

    fn derivatives(&self, block: Block<'_>, target: usize, out: Derivatives<'_>) {
        gradient::squared_error(block.scores[target], block.targets, out);
    }

    fn loss(&self, scores: &[Vec<f64>], row: usize, target: f64) -> f64 {
        0.5 * (scores[0][row] - target) * (scores[0][row] - target)
    }
}

/// Errors below the target count `under`, errors above it `over`; one score per pair.
pub struct Pinball {
    sides: Vec<Sides>,
}

#[derive(Clone, Copy)]
struct Sides {
    under: f64,
    over: f64,
}

impl Pinball {
    /// `|target − score|`.
    pub fn absolute_error() -> Self {
        Self { sides: vec![Sides { under: 1.0, over: 1.0 }] }
    }

    /// The pinball loss of each quantile (Koenker and Bassett 1978): `q` times the error below, `1 − q` times the error above.
    pub fn quantiles(levels: &[f64]) -> Self {
        Self { sides: levels.iter().map(|&level| Sides { under: level, over: 1.0 - level }).collect() }
    }
}

impl Sides {
    /// The quantile that minimises the loss.
    fn center(self) -> Center {
        Center::Quantile(self.under / (self.under + self.over))
    }
}

impl Loss for Pinball {
    fn n_targets(&self) -> usize {
        self.sides.len()
    }

    fn check(&self, labels: Labels<'_>) -> Result<()> {
        check_numbers(labels)
    }

    fn initial_scores(&mut self, labels: Labels<'_>, rows: &[u32]) -> Result<Vec<f64>> {
        Ok(self.sides.iter().map(|sides| sides.center().of_targets(labels, rows)).collect())
    }

    fn derivatives(&self, block: Block<'_>, target: usize, out: Derivatives<'_>) {
        let Sides { under, over } = self.sides[target];
        gradient::pinball(block.scores[target], block.targets, under, over, out);
    }

    fn center(&self, target: usize) -> Option<Center> {
        Some(self.sides[target].center())
    }

    /// The mean over the quantiles.
    fn loss(&self, scores: &[Vec<f64>], row: usize, target: f64) -> f64 {
        let of = |(sides, scores): (&Sides, &Vec<f64>)| {
            let error = target - scores[row];
            if error >= 0.0 { sides.under * error } else { -sides.over * error }
        };
        self.sides.iter().zip(scores).map(of).sum::<f64>() / self.sides.len() as f64
    }
}

/// Half the squared error up to `delta`, linear beyond (Huber 1964); `delta` is the quantile `alpha` of the sizes of the errors before
/// each iteration (Friedman 2001, algorithm 4).
pub struct Huber {
    alpha: f64,
    delta: f64,
    /// The loss that is reported keeps the first one: a yardstick must not shrink with what it measures.
    first_delta: f64,
}

impl Huber {
    pub fn new(alpha: f64) -> Self {
        Self { alpha, delta: 0.0, first_delta: 0.0 }
    }

    fn delta(&self, score: impl Fn(u32) -> f64, labels: Labels<'_>, rows: &[u32]) -> f64 {
        let size = |&row: &u32| ((labels.targets[row as usize] - score(row)).abs(), labels.weight(row));
        quantile_of(&mut rows.iter().map(size).collect::<Vec<_>>(), self.alpha, labels.weights.is_some())
    }
}

impl Loss for Huber {
    fn check(&self, labels: Labels<'_>) -> Result<()> {
        check_numbers(labels)
    }

    /// One step of [`Center::Huber`] from the median.
    fn initial_scores(&mut self, labels: Labels<'_>, rows: &[u32]) -> Result<Vec<f64>> {
        let median = Center::Quantile(0.5).of_targets(labels, rows);
        self.first_delta = self.delta(|_| median, labels, rows);
        self.delta = self.first_delta;
        Ok(vec![Center::Huber { delta: self.first_delta }.of_targets(labels, rows)])
    }

    fn begin_iteration(&mut self, scores: &[Vec<f64>], labels: Labels<'_>, rows: &[u32]) {
        self.delta = self.delta(|row| scores[0][row as usize], labels, rows);
    }

    fn derivatives(&self, block: Block<'_>, target: usize, out: Derivatives<'_>) {
        gradient::huber(block.scores[target], block.targets, self.delta, out);
    }

    fn center(&self, _target: usize) -> Option<Center> {
        Some(Center::Huber { delta: self.delta })
    }

    fn loss(&self, scores: &[Vec<f64>], row: usize, target: f64) -> f64 {
        let (error, delta) = ((target - scores[0][row]).abs(), self.first_delta);
        if error <= delta { 0.5 * error * error } else { delta * (error - 0.5 * delta) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initial_scores_and_losses_of_the_squared_error() {
        let targets = [0.0, 1.0, 1.0, 2.0];
        let labels = Labels { targets: &targets, weights: None, queries: None };
        assert_eq!(SquaredError.initial_scores(labels, &[0, 1, 2, 3]).unwrap(), [1.0]);
        let weighted = Labels { weights: Some(&[0.0, 1.0, 1.0, 2.0]), ..labels };
        assert_eq!(SquaredError.initial_scores(weighted, &[1, 2, 3]).unwrap(), [1.5]);
        let scores = vec![vec![2.0, -1.0, 0.5]];
        let labels = Labels { targets: &[0.0, -1.0, 0.5], weights: Some(&[1.0, 1.0, 2.0]), queries: None };
        assert_eq!(SquaredError.mean_loss(&scores, labels), Some(0.5));
    }

    #[test]
    fn huber_follows_the_errors_and_keeps_its_yardstick() {
        let targets: Vec<f64> = (0..100).map(f64::from).collect();
        let labels = Labels { targets: &targets, weights: None, queries: None };
        let rows: Vec<u32> = (0..100).collect();
        let mut huber = Huber::new(0.9);
        let start = huber.initial_scores(labels, &rows).unwrap();
        assert_eq!((start[0], huber.delta), (49.5, 45.0));
        huber.begin_iteration(&[targets.iter().map(|y| y - 0.25).collect()], labels, &rows);
        assert_eq!((huber.delta, huber.first_delta), (0.25, 45.0));
        assert_eq!(huber.loss(&[vec![100.0]], 0, 0.0), 45.0 * (100.0 - 22.5));
    }
}
