//! The learner's own state: what warm start, explanations and merging need beyond the exported model.

use arsenal_core::Result;
use arsenal_core::ensemble::TreeEnsemble;
use serde::{Deserialize, Serialize};

use crate::trees::binning::Binning;
use crate::trees::state;

/// What a fit leaves behind besides the exported model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The trees with gains and covers.
    pub ensemble: TreeEnsemble,
    /// How values become bins.
    pub binning: Binning,
    /// The constant score per target that the first trees' leaves include.
    pub initial_scores: Vec<f64>,
}

const MAGIC: [u8; 8] = *b"ARSGBDT2";

impl State {
    /// The state as bytes, little-endian, versioned by their first eight.
    ///
    /// # Errors
    /// `Value` if memory for the bytes cannot be had.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        state::to_bytes(MAGIC, self)
    }

    /// Reads what [`State::to_bytes`] wrote.
    ///
    /// # Errors
    /// `Corrupt` if the bytes are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        state::from_bytes(MAGIC, "gradient boosting", bytes)
    }
}
