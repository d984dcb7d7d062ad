//! Poisson, gamma and Tweedie: the score is the logarithm of the mean.

use arsenal_core::ensemble::Link;
use arsenal_core::{Result, value_error};
use arsenal_simd::gradient::{self, Derivatives};
use arsenal_simd::math::{exp, ln};

use crate::trees::boosting::fit::Labels;
use crate::trees::boosting::loss::{Block, Loss, check_each, mean};

/// Half the Tweedie deviance without its constant (Jørgensen 1987): `power` 1 is Poisson's, 2 the gamma distribution's.
///
/// The loss is `a / (2 − power) + b / (power − 1)` with `a = exp((2 − power) score)`, `b = target · exp((1 − power) score)`; its limits
/// are `exp(score) − target · score` and `score + target · exp(−score)`.
pub struct LogLink {
    /// 1 to 2.
    pub power: f64,
}

impl Loss for LogLink {
    fn link(&self) -> Link {
        Link::Exp
    }

    fn check(&self, labels: Labels<'_>) -> Result<()> {
        if self.power >= 2.0 {
            check_each(labels.targets, "a finite number above 0", |target| target > 0.0 && target.is_finite())
        } else {
            check_each(labels.targets, "a finite number of at least 0", |target| target >= 0.0 && target.is_finite())
        }
    }

    fn initial_scores(&mut self, labels: Labels<'_>, rows: &[u32]) -> Result<Vec<f64>> {
        match mean(labels, rows) {
            mean if mean >= f64::MIN_POSITIVE && mean.is_finite() => Ok(vec![ln(mean)]),
            0.0 => value_error!("the targets add up to 0, wanted at least one above 0"),
            mean => value_error!("the targets have the mean {mean}, wanted one that a logarithm can be taken of"),
        }
    }

    fn derivatives(&self, block: Block<'_>, target: usize, out: Derivatives<'_>) {
        gradient::log_link(block.scores[target], block.targets, self.power, out);
    }

    /// Newton's step, but never beyond the leaf's best step `ln(Σ b / Σ a)`, which the two sums of derivatives hold as well: Newton's
    /// step overshoots without bound where a leaf's mean is far from its scores.
    fn step(&self, gradient: f64, hessian: f64, newton: f64) -> f64 {
        let a = hessian + (self.power - 1.0) * gradient;
        let b = hessian - (2.0 - self.power) * gradient;
        if a < f64::MIN_POSITIVE || b < f64::MIN_POSITIVE {
            return newton;
        }
        let best = ln(b) - ln(a);
        if best.abs() < newton.abs() { best } else { newton }
    }

    /// That of scores whose exponential is the target; it tends to 0 with the target.
    fn least_loss(&self, labels: Labels<'_>) -> Option<f64> {
        let (mut sum, mut total) = (0.0, 0.0);
        for (row, &target) in labels.targets.iter().enumerate() {
            let weight = labels.weight(row as u32);
            total += weight;
            if weight > 0.0 && target > 0.0 {
                sum += weight * self.loss(&[vec![ln(target)]], 0, target);
            }
        }
        Some(sum / total)
    }

    fn loss(&self, scores: &[Vec<f64>], row: usize, target: f64) -> f64 {
        let (score, rise, fall) = (scores[0][row], 2.0 - self.power, self.power - 1.0);
        if fall <= 0.0 {
            exp(score) - target * score
        } else if rise <= 0.0 {
            score + target * exp(-score)
        } else {
            exp(rise * score) / rise + target * exp(-fall * score) / fall
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_score_has_less_than_the_least_loss() {
        let targets = [0.0, 0.25, 1.0, 9.0];
        let labels = |range| Labels { targets: &targets[range], weights: None, queries: None };
        for power in [1.0, 1.3, 1.9, 2.0] {
            let loss = LogLink { power };
            for (row, target) in targets.into_iter().enumerate().skip(usize::from(power >= 2.0)) {
                let least = loss.least_loss(labels(row..row + 1)).unwrap();
                for score in (-40..40).map(|tenths| f64::from(tenths) / 10.0) {
                    let got = loss.loss(&[vec![score]], 0, target);
                    assert!(least <= got + 1e-12, "{power} {target} {score}: {least} {got}");
                }
            }
        }
    }

    #[test]
    fn steps_stay_between_the_scores_and_the_best() {
        for power in [1.0, 1.5, 2.0] {
            let loss = LogLink { power };
            for (scores, targets) in
                [([0.0, 0.5], [900.0, 700.0]), ([5.0, 6.0], [0.25, 0.125]), ([0.0, 0.1], [1.1, 0.9])]
            {
                let (mut gradients, mut hessians) = ([0.0; 2], [0.0; 2]);
                let out = Derivatives { gradients: &mut gradients, hessians: &mut hessians };
                loss.derivatives(Block { scores: &[&scores], targets: &targets }, 0, out);
                let (g, h) = (f64::from(gradients[0] + gradients[1]), f64::from(hessians[0] + hessians[1]));
                let step = loss.step(g, h, -g / h);
                let at = |step: f64| {
                    let moved = vec![scores.iter().map(|score| score + step).collect::<Vec<_>>()];
                    loss.loss(&moved, 0, targets[0]) + loss.loss(&moved, 1, targets[1])
                };
                assert!(at(step) <= at(0.0) && step * g <= 0.0, "{power}: {step}");
                assert!(at(step) <= at(0.9 * step) + 1e-9 && step.abs() <= (g / h).abs(), "{power}: {step}");
            }
            // Without any positive target left the best step is −∞.
            assert_eq!(loss.step(2.0, 2.0 * (2.0 - power), -1.0), -1.0);
        }
    }
}
