//! What is minimised: one [`Task`] names it, one [`Loss`] is all that the boosting loop knows of it.

use std::fmt::Debug;
use std::sync::atomic::AtomicBool;

use arsenal_core::ensemble::Link;
use arsenal_core::{Result, pool, value_error};
use arsenal_simd::gradient::Derivatives;
use arsenal_simd::math::{exp, logistic};

use super::fit::Labels;
use super::losses::{Binary, Custom, Huber, LambdaRank, LogLink, Multiclass, Pinball, SquaredError};
use super::renewal::Center;

/// Rows that are summed up together; sums do not depend on threads.
pub(super) const BLOCK: usize = 8192;

/// What is learned.
#[derive(Clone, Copy, Debug)]
pub enum Task<'a> {
    /// Targets are numbers; half the squared error is minimised.
    SquaredError,
    /// Targets are class indices below this number, at least 2; log loss is minimised.
    Classes(usize),
    /// Targets are numbers; their median is learned.
    AbsoluteError,
    /// Targets are numbers; each of these quantiles, within (0, 1), gets a score of its own.
    Quantiles(&'a [f64]),
    /// Targets are numbers; errors beyond the quantile `alpha` of their sizes count linearly.
    Huber {
        /// Within (0, 1).
        alpha: f64,
    },
    /// Targets are at least 0; half the Poisson deviance, with a log link.
    Poisson,
    /// Targets are above 0; half the gamma deviance, with a log link.
    Gamma,
    /// Targets are at least 0; half the Tweedie deviance, with a log link.
    Tweedie {
        /// Within (1, 2).
        power: f64,
    },
    /// Targets are relevances within queries.
    LambdaRank(Ranking),
    /// The caller says what the derivatives are.
    Custom(&'a dyn Objective),
}

/// How queries are ranked and judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranking {
    /// Pairs count whose better placed document is among so many first; NDCG of the derivatives is cut off here.
    pub truncation_level: usize,
    /// Whether pairs count less with the distance of their scores, and queries by the logarithm of their pull.
    pub normalize: bool,
    /// The loss that is reported is 1 − NDCG of so many first documents.
    pub eval_at: usize,
}

/// Derivatives that a caller computes.
pub trait Objective: Send + Sync + Debug {
    /// First and second derivatives by the score of each row, weights included; hessians are at least 0.
    ///
    /// # Errors
    /// Whatever keeps the caller from it; the fit returns it.
    fn derivatives(&self, scores: &[f64], out: Derivatives<'_>) -> Result<()>;
}

/// Some rows with their scores: `scores[target][row]`.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub scores: &'a [&'a [f64]],
    pub targets: &'a [f64],
}

/// All that boosting knows of what it minimises. Rows of weight 0 are never among `rows`.
pub(super) trait Loss: Send + Sync {
    /// Sums per row.
    fn n_targets(&self) -> usize {
        1
    }

    /// How sums become predictions.
    fn link(&self) -> Link {
        Link::Identity
    }

    /// Refuses targets that the loss cannot have.
    fn check(&self, labels: Labels<'_>) -> Result<()>;

    /// The constant scores to start from; also where a loss prepares for its training rows.
    fn initial_scores(&mut self, labels: Labels<'_>, rows: &[u32]) -> Result<Vec<f64>>;

    /// Whether no constant improves on the initial scores.
    fn starts_at_its_best(&self) -> bool {
        true
    }

    /// Told of the scores before each iteration, `scores[target][row]`.
    fn begin_iteration(&mut self, _scores: &[Vec<f64>], _labels: Labels<'_>, _rows: &[u32]) {}

    /// Derivatives of a block by the score of one target, without weights.
    fn derivatives(&self, block: Block<'_>, target: usize, out: Derivatives<'_>);

    /// Where rows depend on one another: writes the derivatives of all rows, weights included, and returns true.
    fn derivatives_of_all(
        &self,
        _scores: &[Vec<f64>],
        _labels: Labels<'_>,
        _out: Derivatives<'_>,
        _stop: &AtomicBool,
    ) -> Result<bool> {
        Ok(false)
    }

    /// The leaf's step for its sums of derivatives; `newton` is the one that minimises the second-order objective.
    fn step(&self, _gradient: f64, _hessian: f64, newton: f64) -> f64 {
        newton
    }

    /// Where the step is not a matter of sums: which middle of the leaf's residuals it is.
    fn center(&self, _target: usize) -> Option<Center> {
        None
    }

    /// Mean loss of perfect predictions, where losses have the unit of the targets; `None` where they have no unit.
    fn least_loss(&self, _labels: Labels<'_>) -> Option<f64> {
        Some(0.0)
    }

    /// Loss of one row.
    fn loss(&self, scores: &[Vec<f64>], row: usize, target: f64) -> f64;

    /// Mean loss over rows, weighted, by fixed blocks of rows; `None` where the loss has no value.
    fn mean_loss(&self, scores: &[Vec<f64>], labels: Labels<'_>) -> Option<f64> {
        let targets = labels.targets;
        let weight = |row: usize| labels.weight(row as u32);
        let mut blocks: Vec<(usize, f64, f64)> =
            (0..targets.len()).step_by(BLOCK).map(|first| (first, 0.0, 0.0)).collect();
        pool::for_each(&mut blocks, &|(first, loss, total)| {
            for row in (*first..targets.len().min(*first + BLOCK)).filter(|&row| weight(row) > 0.0) {
                *loss += weight(row) * self.loss(scores, row, targets[row]);
                *total += weight(row);
            }
        });
        let (loss, total) = blocks.iter().fold((0.0, 0.0), |sums, block| (sums.0 + block.1, sums.1 + block.2));
        Some(loss / total)
    }
}

impl<'a> Task<'a> {
    /// The one place where a name becomes a loss.
    pub(super) fn loss(self) -> Result<Box<dyn Loss + 'a>> {
        let within = |name: &str, value: f64, low: f64, high: f64| {
            if value > low && value < high {
                return Ok(());
            }
            value_error!("{name} is {value}, wanted a number between {low} and {high}")
        };
        Ok(match self {
            Self::SquaredError => Box::new(SquaredError),
            Self::Classes(n) if n < 2 => return value_error!("got {n} class, wanted at least 2"),
            Self::Classes(2) => Box::new(Binary),
            Self::Classes(n) => Box::new(Multiclass(n)),
            Self::AbsoluteError => Box::new(Pinball::absolute_error()),
            Self::Quantiles([]) => return value_error!("quantile is empty, wanted at least 1 number between 0 and 1"),
            Self::Quantiles(levels) => {
                levels.iter().try_for_each(|&level| within("quantile", level, 0.0, 1.0))?;
                Box::new(Pinball::quantiles(levels))
            }
            Self::Huber { alpha } => {
                within("alpha", alpha, 0.0, 1.0)?;
                Box::new(Huber::new(alpha))
            }
            Self::Poisson => Box::new(LogLink { power: 1.0 }),
            Self::Gamma => Box::new(LogLink { power: 2.0 }),
            Self::Tweedie { power } => {
                within("tweedie_power", power, 1.0, 2.0)?;
                Box::new(LogLink { power })
            }
            Self::LambdaRank(ranking) => Box::new(LambdaRank::new(ranking)?),
            Self::Custom(objective) => Box::new(Custom(objective)),
        })
    }
}

/// Refuses the first target that `is_good` refuses.
pub(super) fn check_each(targets: &[f64], wanted: &str, is_good: impl Fn(f64) -> bool) -> Result<()> {
    match targets.iter().position(|&target| !is_good(target)) {
        Some(row) => value_error!("target {row} is {}, wanted {wanted}", targets[row]),
        None => Ok(()),
    }
}

/// The weighted mean of the targets of `rows`.
pub(super) fn mean(labels: Labels<'_>, rows: &[u32]) -> f64 {
    let total: f64 = rows.iter().map(|&row| labels.weight(row)).sum();
    rows.iter().map(|&row| labels.weight(row) * labels.targets[row as usize]).sum::<f64>() / total
}

/// What the scores predict: `predictions[output][row]`, where two classes have one output, the probability of the second.
pub(super) fn predictions(link: Link, scores: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let each =
        |of: fn(f64) -> f64| scores.iter().map(|scores| scores.iter().map(|&score| of(score)).collect()).collect();
    match link {
        Link::Identity => scores.to_vec(),
        Link::Exp => each(exp),
        Link::Logistic => each(logistic),
        Link::Softmax => {
            let mut predictions = scores.to_vec();
            for row in 0..scores[0].len() {
                let largest = scores.iter().map(|scores| scores[row]).fold(f64::NEG_INFINITY, f64::max);
                let total: f64 = scores.iter().map(|scores| exp(scores[row] - largest)).sum();
                for (predictions, scores) in predictions.iter_mut().zip(scores) {
                    predictions[row] = exp(scores[row] - largest) / total;
                }
            }
            predictions
        }
        Link::Shares | Link::Isolation { .. } => unreachable!("boosting has none of the forests' links"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(targets: &[f64]) -> Labels<'_> {
        Labels { targets, weights: None, queries: None }
    }

    /// Every loss with its targets.
    fn tasks() -> Vec<(Task<'static>, Vec<f64>)> {
        let numbers = vec![-1.5, 0.25, 0.5, 3.0, 9.0];
        let counts = vec![0.5, 1.0, 2.0, 4.0, 0.125];
        vec![
            (Task::SquaredError, numbers.clone()),
            (Task::AbsoluteError, numbers.clone()),
            (Task::Quantiles(&[0.25, 0.9]), numbers.clone()),
            (Task::Huber { alpha: 0.6 }, numbers),
            (Task::Poisson, counts.clone()),
            (Task::Gamma, counts.clone()),
            (Task::Tweedie { power: 1.4 }, counts),
            (Task::Classes(2), vec![0.0, 1.0, 1.0, 0.0, 1.0]),
            (Task::Classes(3), vec![0.0, 1.0, 2.0, 0.0, 1.0]),
        ]
    }

    #[test]
    fn derivatives_are_those_of_the_loss() {
        for (task, targets) in tasks() {
            let mut loss = task.loss().unwrap();
            let rows: Vec<u32> = (0..5).collect();
            let start = loss.initial_scores(plain(&targets), &rows).unwrap();
            assert_eq!(start.len(), loss.n_targets());
            let scores: Vec<Vec<f64>> = (0..start.len()).map(|k| vec![0.3 + k as f64, -0.7, 1.1, 0.2, -0.4]).collect();
            let is_smooth = matches!(task, Task::Poisson | Task::Gamma | Task::Tweedie { .. } | Task::Classes(2));
            for target in 0..start.len() {
                let (mut gradients, mut hessians) = (vec![0.0; 5], vec![0.0; 5]);
                let views: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
                let out = Derivatives { gradients: &mut gradients, hessians: &mut hessians };
                loss.derivatives(Block { scores: &views, targets: &targets }, target, out);
                for row in 0..5 {
                    let at = |shift: f64| {
                        let mut moved = scores.clone();
                        moved[target][row] += shift;
                        // Several quantiles report their mean loss.
                        let share = if matches!(task, Task::Quantiles(_)) { start.len() as f64 } else { 1.0 };
                        share * loss.loss(&moved, row, targets[row])
                    };
                    let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                    assert!((slope - f64::from(gradients[row])).abs() < 1e-5, "{task:?} {row}: {slope} {gradients:?}");
                    let bend = (at(1e-3) - 2.0 * at(0.0) + at(-1e-3)) / 1e-6;
                    assert!(!is_smooth || (bend - f64::from(hessians[row])).abs() < 1e-4, "{task:?} {row}: {bend}");
                }
            }
        }
    }

    #[test]
    fn no_other_constant_has_a_smaller_loss() {
        let weights = [1.0, 2.0, 0.5, 1.0, 1.5];
        for (task, targets) in tasks() {
            for weights in [None, Some(&weights[..])] {
                let labels = Labels { weights, ..plain(&targets) };
                let mut loss = task.loss().unwrap();
                let start = loss.initial_scores(labels, &[0, 1, 2, 3, 4]).unwrap();
                let at = |target: usize, shift: f64| {
                    let scores: Vec<Vec<f64>> =
                        (0..start.len()).map(|k| vec![start[k] + if k == target { shift } else { 0.0 }; 5]).collect();
                    loss.mean_loss(&scores, labels).unwrap()
                };
                // Huber's start is the first step from the median, not the minimum itself.
                let slack = if matches!(task, Task::Huber { .. }) { 0.02 } else { 1e-12 };
                for target in 0..start.len() {
                    assert!(at(target, 0.0) <= at(target, 0.05).min(at(target, -0.05)) + slack, "{task:?}");
                }
            }
        }
    }

    #[test]
    fn targets_and_parameters_are_checked() {
        let error = |task: Task<'_>, targets: &[f64]| match task.loss() {
            Ok(loss) => loss.check(plain(targets)).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(error(Task::SquaredError, &[1.0, f64::NAN]).starts_with("target 1 is NaN"));
        assert!(error(Task::Classes(2), &[0.0, 2.0]).contains("below 2"));
        assert!(error(Task::Classes(1), &[0.0]).contains("at least 2"));
        assert!(Task::Classes(3).loss().unwrap().check(plain(&[0.0, 2.0])).is_ok());
        assert!(error(Task::Poisson, &[0.0, -1.0]).contains("target 1 is -1, wanted a finite number of at least 0"));
        assert!(error(Task::Gamma, &[0.0]).contains("above 0"));
        assert!(error(Task::Tweedie { power: 2.0 }, &[1.0]).contains("tweedie_power is 2"));
        assert!(error(Task::Quantiles(&[0.5, 1.0]), &[1.0]).contains("quantile is 1, wanted a number between 0 and 1"));
        assert!(error(Task::Quantiles(&[]), &[1.0]).contains("quantile is empty"));
        assert!(error(Task::Huber { alpha: f64::NAN }, &[1.0]).contains("alpha is NaN"));
        for task in [Task::AbsoluteError, Task::Huber { alpha: 0.9 }, Task::Quantiles(&[0.5])] {
            assert!(error(task, &[f64::INFINITY]).contains("wanted a finite number"));
        }
        let zeros = Task::Poisson.loss().unwrap().initial_scores(plain(&[0.0, 0.0]), &[0, 1]);
        assert!(zeros.unwrap_err().to_string().contains("targets add up to 0"));
    }

    #[test]
    fn predictions_are_what_the_link_says() {
        let scores = vec![vec![0.0, 1.0], vec![1.0, -1.0]];
        assert_eq!(predictions(Link::Identity, &scores), scores);
        assert!((predictions(Link::Exp, &scores)[1][0] - 1.0f64.exp()).abs() < 1e-15);
        assert_eq!(predictions(Link::Logistic, &scores)[0][0], 0.5);
        let softmax = predictions(Link::Softmax, &scores);
        assert!((softmax[0][0] + softmax[1][0] - 1.0).abs() < 1e-15);
        assert!((softmax[1][0] / softmax[0][0] - 1.0f64.exp()).abs() < 1e-14);
    }
}
