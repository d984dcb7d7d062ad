//! How much the trees of an ensemble use each column.

use arsenal_core::ensemble::TreeEnsemble;

/// What [`importances`] adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// Gains.
    Gain,
    /// Numbers of splits.
    Split,
}

/// Sum of the gains of every split by each column, or the number of splits. O(splits).
pub fn importances(ensemble: &TreeEnsemble, by: Importance) -> Vec<f64> {
    let mut importances = vec![0.0; ensemble.features.len()];
    for split in ensemble.trees.iter().flat_map(|tree| &tree.splits) {
        importances[split.feature as usize] += match by {
            Importance::Gain => split.gain,
            Importance::Split => 1.0,
        };
    }
    importances
}
