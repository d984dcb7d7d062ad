//! What a fit tells while it runs.

use std::fmt::Debug;
use std::sync::atomic::AtomicUsize;

use arsenal_core::Result;

/// What a fit tells while it runs, and whom.
#[derive(Debug, Default)]
pub struct Progress<'a> {
    /// Iterations done.
    pub iterations: AtomicUsize,
    /// Who wants to hear after each iteration.
    pub observer: Option<&'a dyn Observer>,
}

/// Someone who measures and decides beside the fit.
pub trait Observer: Sync + Debug {
    /// Whether [`Observer::metric`] stands in for the loss wherever it is measured.
    fn has_metric(&self) -> bool;

    /// What to minimise on a set of rows: 0 is the training rows, 1 the first evaluation table. `predictions[output][row]` are what the
    /// model predicts so far; two classes have one output, the probability of the second.
    ///
    /// # Errors
    /// Whatever keeps the observer from it; the fit returns it.
    fn metric(&self, set: usize, predictions: &[Vec<f64>]) -> Result<f64>;

    /// Told after each iteration, counted from 1, what was measured; true ends the fit.
    ///
    /// # Errors
    /// Whatever keeps the observer from it; the fit returns it.
    fn after_iteration(&self, iteration: usize, train_loss: Option<f64>, evaluation_losses: &[f64]) -> Result<bool>;
}

impl Progress<'_> {
    /// Tells the observer the last of each list of losses.
    pub(super) fn tell<'l>(
        &self,
        iteration: usize,
        train_losses: &[f64],
        evaluation_losses: impl Iterator<Item = &'l Vec<f64>>,
    ) -> Result<bool> {
        let Some(observer) = self.observer else { return Ok(false) };
        let last: Vec<f64> = evaluation_losses.filter_map(|losses| losses.last().copied()).collect();
        observer.after_iteration(iteration, train_losses.last().copied(), &last)
    }
}
