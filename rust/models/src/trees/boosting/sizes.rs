//! Targets and weights so large in size that floats cannot hold what is computed from them.

use arsenal_core::ensemble::{Dtype, Link};
use arsenal_core::{Result, value_error};
use arsenal_simd::math::ln;

use super::fit::Labels;
use super::loss::{Loss, mean};

/// Scores that differ from the constant around which they lie by less than this share of it have the last 14 of a float32's 24 bits for
/// what is learned about them; each tree's sum rounds off some of those.
const CLOSE: f64 = 1.0 / 1024.0;

/// Whether a model of float32 leaves can tell the targets of the rows that count apart.
pub(super) fn fits_f32(loss: &dyn Loss, constants: &[f64], labels: Labels<'_>, rows: &[u32]) -> bool {
    let center = |&constant: &f64| if loss.starts_at_its_best() { constant } else { mean(labels, rows) };
    constants.iter().map(center).all(|center| are_apart(loss.link(), center, labels, rows))
}

/// Whether most of the scores that are not on their center are not close to it either; those of classes and ranks never are too close.
fn are_apart(link: Link, center: f64, labels: Labels<'_>, rows: &[u32]) -> bool {
    let score: fn(f64) -> f64 = match link {
        Link::Identity => |target| target,
        Link::Exp => ln,
        _ => return true,
    };
    let (mut n_close, mut n_apart) = (0, 0);
    for &row in rows {
        let distance = (score(labels.targets[row as usize]) - center).abs();
        if distance >= CLOSE * center.abs() {
            n_apart += usize::from(distance > 0.0);
        } else {
            n_close += usize::from(distance > 0.0);
        }
    }
    n_close <= n_apart
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn told_apart(link: Link, center: f64, targets: &[f64]) -> bool {
        let rows: Vec<u32> = (0..targets.len() as u32).collect();
        are_apart(link, center, Labels { targets, weights: None, queries: None }, &rows)
    }

    #[test]
    fn small_differences_of_large_targets_need_float64() {
        let around = |center: f64, width: f64| -> Vec<f64> {
            (0..100).map(|row| center + width * (f64::from(row) - 49.5) / 50.0).collect()
        };
        for (center, width, wanted) in
            [(0.0, 1e-30, true), (100.0, 10.0, true), (2000.0, 20.0, true), (1e6, 3.0, false), (-1e8, 3.0, false)]
        {
            assert_eq!(told_apart(Link::Identity, center, &around(center, width)), wanted, "{center} ± {width}");
        }
        assert!(told_apart(Link::Exp, ln(1e9), &around(1e9, 9e8)));
        assert!(!told_apart(Link::Exp, ln(1e9), &around(1e9, 1e3)));
        assert!(told_apart(Link::Exp, ln(0.25), &[0.0, 0.0, 0.0, 1.0]));
        assert!(told_apart(Link::Logistic, 1e9, &around(1e9, 1.0)));
        // One far row does not hide the others, and rows on the constant say nothing.
        assert!(!told_apart(Link::Identity, 1e8, &[1e8 - 1.0, 1e8, 1e8 + 2.0, 1e12]));
        assert!(told_apart(Link::Identity, 1e8, &[1e8, 1e8, 1e8, 0.0]));
        assert!(told_apart(Link::Identity, 1e8, &[1e8; 5]));
    }
}
