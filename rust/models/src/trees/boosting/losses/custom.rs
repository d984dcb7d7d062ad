//! A caller's own derivatives.

use std::sync::atomic::AtomicBool;

use arsenal_core::Result;
use arsenal_simd::gradient::Derivatives;

use crate::trees::boosting::fit::Labels;
use crate::trees::boosting::loss::{Block, Loss, Objective, check_each};

/// Starts from 0; has derivatives but no value.
pub struct Custom<'a>(pub &'a dyn Objective);

impl Loss for Custom<'_> {
    fn check(&self, labels: Labels<'_>) -> Result<()> {
        check_each(labels.targets, "a finite number", f64::is_finite)
    }

    fn initial_scores(&mut self, _labels: Labels<'_>, _rows: &[u32]) -> Result<Vec<f64>> {
        Ok(vec![0.0])
    }

    fn starts_at_its_best(&self) -> bool {
        false
    }

    fn derivatives_of_all(
        &self,
        scores: &[Vec<f64>],
        _labels: Labels<'_>,
        out: Derivatives<'_>,
        _stop: &AtomicBool,
    ) -> Result<bool> {
        self.0.derivatives(&scores[0], out).map(|()| true)
    }

    fn derivatives(&self, _block: Block<'_>, _target: usize, _out: Derivatives<'_>) {
        unreachable!("the derivatives of all rows are written at once")
    }

    fn loss(&self, _scores: &[Vec<f64>], _row: usize, _target: f64) -> f64 {
        f64::NAN
    }

    fn mean_loss(&self, _scores: &[Vec<f64>], _labels: Labels<'_>) -> Option<f64> {
        None
    }
}
