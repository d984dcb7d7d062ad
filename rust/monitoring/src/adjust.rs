//! Corrections of p-values for how many were looked at.

/// A correction for multiplicity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// Holm's step-down: rejecting where the result is ≤ α errs anywhere with probability ≤ α, whatever the dependence.
    Holm,
    /// Benjamini and Hochberg's step-up: of the rejected, at most a share α is expected to be wrong (independent or
    /// positively dependent tests).
    BenjaminiHochberg,
}

/// The smallest level at which each hypothesis is rejected. None of the p-values may be NaN. O(n log n).
pub fn adjust(p_values: &[f64], correction: Correction) -> Vec<f64> {
    let n = p_values.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    let mut adjusted = vec![0.0; n];
    match correction {
        Correction::Holm => {
            let mut so_far = 0.0f64;
            for (rank, &i) in order.iter().enumerate() {
                so_far = so_far.max(((n - rank) as f64 * p_values[i]).min(1.0));
                adjusted[i] = so_far;
            }
        }
        Correction::BenjaminiHochberg => {
            let mut so_far = 1.0f64;
            for (rank, &i) in order.iter().enumerate().rev() {
                so_far = so_far.min(n as f64 / (rank + 1) as f64 * p_values[i]);
                adjusted[i] = so_far;
            }
        }
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples() {
        assert_eq!(adjust(&[0.01, 0.04, 0.03, 0.005], Correction::Holm), [0.03, 0.06, 0.06, 0.02]);
        let got = adjust(&[0.01, 0.04, 0.03, 0.005], Correction::BenjaminiHochberg);
        for (got, wanted) in got.into_iter().zip([0.02, 0.04, 0.04, 0.02]) {
            assert!((got - wanted).abs() < 1e-15);
        }
        assert_eq!(adjust(&[0.9, 0.8], Correction::Holm), [1.0, 1.0]);
        assert!(adjust(&[], Correction::Holm).is_empty());
    }
}
