//! Going on from an earlier fit: its bins, its trees, and what they score.

use arsenal_core::ensemble::{Child, Dtype, Tree};
use arsenal_core::{Result, value_error};

use super::fit::Training;
use super::loss::Loss;
use super::params::Params;
use super::state::State;
use crate::trees::binning::Binning;
use crate::trees::constraints::Bounds;
use crate::trees::grow::{Branch, GrownSplit, GrownTree};
use crate::trees::grown::of_bins;

/// Refuses a state that this fit cannot go on from.
pub(super) fn check(state: &State, training: &Training<'_, '_>, loss: &dyn Loss, params: &Params) -> Result<()> {
    let State { ensemble, binning, .. } = state;
    let (link, n_targets) = (loss.link(), loss.n_targets());
    if ensemble.link != link {
        return value_error!("the model to continue has the link {:?}, this loss asks for {link:?}", ensemble.link);
    }
    if ensemble.n_targets != n_targets {
        return value_error!(
            "the model to continue has {} sums per row, this target asks for {n_targets}",
            ensemble.n_targets
        );
    }
    let n_done = ensemble.trees.len() / n_targets;
    if params.n_estimators < n_done {
        return value_error!(
            "n_estimators is {}, wanted at least {n_done}: so many iterations the model to continue has",
            params.n_estimators
        );
    }
    if binning.dtype == Dtype::F32 && training.table.dtype() == Dtype::F64 {
        return value_error!("X holds float64, the model to continue was fitted on float32");
    }
    check_categories(training, binning)
}

/// Bins that were learned of numbers cannot tell categories apart, nor the reverse.
fn check_categories(training: &Training<'_, '_>, binning: &Binning) -> Result<()> {
    let in_words = |is_category: bool| if is_category { "a category" } else { "numbers" };
    for (column, (bins, name)) in binning.columns.iter().zip(training.names).enumerate() {
        let is_category = training.is_category[column] || training.table.is_text(column);
        if is_category != bins.is_category() {
            return value_error!(
                "column {name:?} is {} by categorical_features and the type of X, in the model to continue it is {}",
                in_words(is_category),
                in_words(bins.is_category())
            );
        }
    }
    Ok(())
}

/// Refuses to go on in float32 with targets that need float64; their mean is for the message.
pub(super) fn check_dtype(state: &State, fits_f32: bool, mean: f64) -> Result<()> {
    if fits_f32 || state.binning.dtype == Dtype::F64 {
        return Ok(());
    }
    value_error!(
        "y lies too close around {mean:e} for the float32 of the model to continue: fit it anew, which makes it one of float64"
    )
}

/// A tree in terms of bins again, to be walked over binned rows.
pub(super) fn in_bins(tree: &Tree, binning: &Binning) -> GrownTree {
    let branch = |child: Child| match child {
        Child::Split(split) => Branch::Split(split as usize),
        Child::Leaf(leaf) => Branch::Leaf(leaf as usize),
    };
    let split = |split: &arsenal_core::ensemble::Split| GrownSplit {
        column: split.feature as usize,
        condition: of_bins(&split.condition, &binning.columns[split.feature as usize]),
        gain: split.gain,
        children: [branch(split.left), branch(split.right)],
    };
    GrownTree {
        root: branch(tree.root),
        splits: tree.splits.iter().map(split).collect(),
        leaves: vec![0..0; tree.n_leaves()],
        bounds: vec![Bounds::FREE; tree.n_leaves()],
        groups: None,
    }
}
