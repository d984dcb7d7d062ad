//! Parameters of isolation forests and their limits.

use arsenal_core::{Result, value_error};

/// How to grow an isolation forest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Number of trees, those of an earlier fit that goes on included.
    pub n_estimators: usize,
    /// Rows that each tree draws.
    pub max_samples: usize,
    /// Columns that each tree draws.
    pub max_features: usize,
    /// Whether rows are drawn with replacement.
    pub bootstrap: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// Threads; the result does not depend on it.
    pub n_threads: usize,
}

impl Params {
    /// Checks every parameter that can be checked without the table.
    ///
    /// # Errors
    /// `Value` that names the parameter, what it is and what was wanted.
    pub fn validate(&self) -> Result<()> {
        let whole = [
            ("n_estimators", self.n_estimators),
            ("max_samples", self.max_samples),
            ("max_features", self.max_features),
            ("n_threads", self.n_threads),
        ];
        match whole.iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => value_error!("{name} is 0, wanted at least 1"),
            None => Ok(()),
        }
    }
}
