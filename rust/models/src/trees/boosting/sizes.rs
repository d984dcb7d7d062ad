//! Targets and weights so large in size that floats cannot hold what is computed from them.

use arsenal_core::ensemble::Dtype;
use arsenal_core::{Result, value_error};

/// Leaves hold the scores from which they start, in the model's type.
pub(super) fn check_scores(scores: &[f64], dtype: Dtype) -> Result<()> {
    let is_held = |score: f64| match dtype {
        Dtype::F32 => (score as f32).is_finite(),
        Dtype::F64 => score.is_finite(),
    };
    match scores.iter().find(|score| !is_held(**score)) {
        Some(score) if score.is_finite() => value_error!(
            "y is about {score:e}, wanted numbers that a model of float32 columns can hold (up to 3.4e38): scale y, or give X in float64"
        ),
        Some(_) => value_error!("y is too large in size to be added up, wanted numbers of which float64 holds the sum"),
        None => Ok(()),
    }
}

/// The scale of rounding is a whole number divided by the largest derivative, and f32 holds it for derivatives up to this.
const LARGEST_DERIVATIVE: f32 = 1e36;

/// `largest` are those of gradients and hessians.
pub(super) fn check_derivatives([gradient, hessian]: [f32; 2]) -> Result<()> {
    match [("gradient", gradient), ("hessian", hessian)].into_iter().find(|(_, size)| *size > LARGEST_DERIVATIVE) {
        Some((name, size)) => value_error!(
            "a {name} of the loss is {size:e} in size, wanted at most {LARGEST_DERIVATIVE:e}: y or sample_weight is too large, scale it"
        ),
        None => Ok(()),
    }
}
