//! Going on from an earlier fit: its bins, its trees, and what they score.

use arsenal_core::ensemble::{Child, Dtype, Link, Tree};
use arsenal_core::{Result, value_error};

use super::params::Params;
use super::state::State;
use crate::trees::binning::Binning;
use crate::trees::constraints::Bounds;
use crate::trees::grow::{Branch, GrownSplit, GrownTree};
use crate::trees::grown::of_bins;

/// Refuses a state that a fit of `n_targets` sums on `table` cannot go on from.
pub(super) fn check(state: &State, dtype: Dtype, n_targets: usize, link: Link, params: &Params) -> Result<()> {
    let State { ensemble, binning, .. } = state;
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
    if binning.dtype == Dtype::F32 && dtype == Dtype::F64 {
        return value_error!("X holds float64, the model to continue was fitted on float32");
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
