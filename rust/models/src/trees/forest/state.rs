//! The learner's own state: what warm start and inspection need beyond the exported model.

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
    /// For numbers, per tree: row-major, the targets of one training row of each leaf, which was drawn by weight. Empty for classes.
    pub draws: Vec<Vec<f64>>,
}

const MAGIC: [u8; 8] = *b"ARSFRST2";

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
        state::from_bytes(MAGIC, "forest", bytes)
    }

    /// Mean over the trees of each column's share in the tree's decrease of impurity; a tree without a split has no share.
    pub fn importances(&self) -> Vec<f64> {
        let mut importances = vec![0.0; self.ensemble.features.len()];
        let mut n_split = 0.0;
        for tree in self.ensemble.trees.iter().filter(|tree| !tree.splits.is_empty()) {
            n_split += 1.0;
            let total: f64 = tree.splits.iter().map(|split| split.gain).sum();
            if total > 0.0 {
                tree.splits.iter().for_each(|split| importances[split.feature as usize] += split.gain / total);
            }
        }
        let total: f64 = if n_split > 0.0 { importances.iter().sum() } else { 0.0 };
        importances.iter_mut().filter(|_| total > 0.0).for_each(|importance| *importance /= total);
        importances
    }

    /// A forest of one of the trees alone.
    pub fn tree(&self, tree: usize) -> Option<Self> {
        let trees = vec![self.ensemble.trees.get(tree)?.clone()];
        Some(Self {
            ensemble: TreeEnsemble { trees, features: self.ensemble.features.clone(), ..self.ensemble },
            binning: self.binning.clone(),
            draws: self.draws.get(tree).map(|draws| vec![draws.clone()]).unwrap_or_default(),
        })
    }
}
