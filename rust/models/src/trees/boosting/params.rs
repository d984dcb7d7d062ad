//! Parameters of gradient boosting and their limits.

use arsenal_core::{Result, value_error};

use super::dart::Dart;
use super::sampling::Sampling;
use crate::trees::binning::MAX_BINS;
use crate::trees::constraints::Interactions;
use crate::trees::grow::GrowPolicy;

/// How to boost. `Default` is what the estimators default to.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// Boosting iterations; each adds one tree per target.
    pub n_estimators: usize,
    /// Factor of every leaf value.
    pub learning_rate: f64,
    /// Which leaf is split next.
    pub grow_policy: GrowPolicy,
    /// Most leaves of a tree, at least 2.
    pub max_leaf_nodes: usize,
    /// Most splits from the root to a leaf.
    pub max_depth: usize,
    /// Fewest rows in a leaf, counted by their share of the node's hessian.
    pub min_samples_leaf: usize,
    /// Smallest sum of hessians in a leaf.
    pub min_child_weight: f64,
    /// Penalty on the absolute leaf value.
    pub l1_regularization: f64,
    /// Penalty on the squared leaf value.
    pub l2_regularization: f64,
    /// Gain that a split must exceed.
    pub min_split_gain: f64,
    /// Most bins of a column besides the one for missing values, 2 to 65,535; a column of categories has 255 at most.
    pub max_bins: usize,
    /// How the rows of an iteration are drawn.
    pub sampling: Sampling,
    /// Share of rows that each tree sees, drawn without replacement, with [`Sampling::Uniform`].
    pub subsample: f64,
    /// Share of rows kept for their large gradients, with [`Sampling::Goss`].
    pub top_rate: f64,
    /// Share of rows drawn from the others, with [`Sampling::Goss`].
    pub other_rate: f64,
    /// Share of columns that each tree sees.
    pub colsample_bytree: f64,
    /// Share of those that each level of a tree sees.
    pub colsample_bylevel: f64,
    /// Share of those that each node's search sees.
    pub max_features: f64,
    /// 1 for columns that may only raise the prediction, −1 for those that may only lower it, else 0; empty if there are none.
    pub monotonic_cst: Vec<i8>,
    /// Which columns may meet on a path from the root to a leaf.
    pub interaction_cst: Interactions,
    /// Leave earlier iterations out while learning.
    pub dart: Option<Dart>,
    /// Added to a category's hessian before categories are ordered; categories with fewer rows stay with the missing ones.
    pub category_smoothing: f64,
    /// Added to `l2_regularization` when sets of categories are compared.
    pub category_l2: f64,
    /// Most categories in a set.
    pub max_category_set: usize,
    /// Rows by which a set of categories must grow before it is tried again.
    pub min_category_group: usize,
    /// Stop after this many iterations without a better evaluation loss, and keep the best iteration.
    pub n_iter_no_change: Option<usize>,
    /// How much better the evaluation loss must get to count, where targets are numbers as a share of the first loss above that of perfect
    /// predictions.
    pub tol: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// Threads; the result does not depend on it.
    pub n_threads: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            n_estimators: 100,
            learning_rate: 0.1,
            grow_policy: GrowPolicy::default(),
            max_leaf_nodes: 31,
            max_depth: usize::MAX,
            min_samples_leaf: 20,
            min_child_weight: 1e-3,
            l1_regularization: 0.0,
            l2_regularization: 0.0,
            min_split_gain: 0.0,
            max_bins: 255,
            sampling: Sampling::default(),
            subsample: 1.0,
            top_rate: 0.2,
            other_rate: 0.1,
            colsample_bytree: 1.0,
            colsample_bylevel: 1.0,
            max_features: 1.0,
            monotonic_cst: Vec::new(),
            interaction_cst: Interactions::default(),
            dart: None,
            category_smoothing: 10.0,
            category_l2: 10.0,
            max_category_set: 32,
            min_category_group: 100,
            n_iter_no_change: None,
            tol: 1e-7,
            seed: 0,
            n_threads: 1,
        }
    }
}

impl Params {
    /// Checks every parameter.
    ///
    /// # Errors
    /// `Value` that names the parameter, what it is and what was wanted.
    pub fn validate(&self) -> Result<()> {
        let whole = [
            ("n_estimators", self.n_estimators, 1, usize::MAX),
            ("max_leaf_nodes", self.max_leaf_nodes, 2, 65_535),
            ("max_depth", self.max_depth, 1, usize::MAX),
            ("min_samples_leaf", self.min_samples_leaf, 1, usize::MAX),
            ("max_bins", self.max_bins, 2, MAX_BINS),
            ("max_category_set", self.max_category_set, 1, usize::MAX),
            ("n_threads", self.n_threads, 1, usize::MAX),
            ("n_iter_no_change", self.n_iter_no_change.unwrap_or(1), 1, usize::MAX),
        ];
        for (name, value, low, high) in whole {
            if value < low || value > high {
                let wanted = if high == usize::MAX { format!("at least {low}") } else { format!("{low} to {high}") };
                return value_error!("{name} is {value}, wanted {wanted}");
            }
        }
        let shares = [
            ("subsample", self.subsample),
            ("top_rate", self.top_rate),
            ("other_rate", self.other_rate),
            ("colsample_bytree", self.colsample_bytree),
            ("colsample_bylevel", self.colsample_bylevel),
            ("max_features", self.max_features),
        ];
        for (name, value) in shares {
            if !(value > 0.0 && value <= 1.0) {
                return value_error!("{name} is {value}, wanted a share above 0 and at most 1");
            }
        }
        if self.sampling == Sampling::Goss {
            if self.top_rate + self.other_rate > 1.0 {
                let sum = self.top_rate + self.other_rate;
                return value_error!("top_rate and other_rate sum to {sum}, wanted at most 1");
            }
            if self.subsample < 1.0 {
                return value_error!(
                    "subsample is {}, wanted 1 with sampling=\"goss\", which top_rate and other_rate size",
                    self.subsample
                );
            }
        }
        if let Some(dart) = self.dart {
            for (name, chance) in [("drop_rate", dart.drop_rate), ("skip_drop", dart.skip_drop)] {
                if !(0.0..=1.0).contains(&chance) {
                    return value_error!("{name} is {chance}, wanted a chance from 0 to 1");
                }
            }
            if dart.max_drop == 0 {
                return value_error!("max_drop is 0, wanted at least 1");
            }
        }
        let amounts = [
            ("min_child_weight", self.min_child_weight),
            ("l1_regularization", self.l1_regularization),
            ("l2_regularization", self.l2_regularization),
            ("min_split_gain", self.min_split_gain),
            ("category_smoothing", self.category_smoothing),
            ("category_l2", self.category_l2),
            ("tol", self.tol),
        ];
        for (name, value) in amounts {
            if !(value >= 0.0 && value.is_finite()) {
                return value_error!("{name} is {value}, wanted a finite number of at least 0");
            }
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return value_error!("learning_rate is {}, wanted a finite number above 0", self.learning_rate);
        }
        Ok(())
    }

    /// Checks what depends on the table and on the number of sums per row.
    pub(super) fn check_constraints(&self, is_category: &[bool], n_targets: usize) -> Result<()> {
        let n_columns = is_category.len();
        if !self.monotonic_cst.is_empty() {
            if self.monotonic_cst.len() != n_columns {
                return value_error!(
                    "monotonic_cst has {} entries, X has {n_columns} columns",
                    self.monotonic_cst.len()
                );
            }
            if let Some((column, sign)) = self.monotonic_cst.iter().enumerate().find(|(_, sign)| sign.abs() > 1) {
                return value_error!("monotonic_cst is {sign} for column {column}, wanted -1, 0 or 1");
            }
            if let Some(column) = (0..n_columns).find(|&column| is_category[column] && self.monotonic_cst[column] != 0)
            {
                return value_error!("monotonic_cst is not 0 for column {column}, whose categories have no order");
            }
            if n_targets > 1 && self.monotonic_cst.iter().any(|&sign| sign != 0) {
                return value_error!(
                    "monotonic_cst with {n_targets} sums per row, wanted one: two classes, or numbers as targets"
                );
            }
        }
        if let Interactions::Groups(groups) = &self.interaction_cst
            && let Some(column) = groups.iter().flatten().find(|&&column| column as usize >= n_columns)
        {
            return value_error!("interaction_cst has column {column}, X has {n_columns} columns");
        }
        Ok(())
    }

    /// Whether an iteration that found no split may be followed by one that does.
    pub(super) fn is_random(&self) -> bool {
        let shares = [self.subsample, self.colsample_bytree, self.colsample_bylevel, self.max_features];
        self.sampling == Sampling::Goss || self.dart.is_some() || shares.iter().any(|&share| share < 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bad_value_is_named() {
        assert_eq!(Params::default().validate(), Ok(()));
        let bad = [
            (Params { n_estimators: 0, ..Params::default() }, "n_estimators is 0, wanted at least 1"),
            (Params { max_bins: 65_536, ..Params::default() }, "max_bins is 65536, wanted 2 to 65535"),
            (Params { subsample: 0.0, ..Params::default() }, "subsample is 0, wanted a share"),
            (Params { max_features: 1.5, ..Params::default() }, "max_features is 1.5"),
            (Params { l2_regularization: -1.0, ..Params::default() }, "l2_regularization is -1"),
            (Params { tol: f64::NAN, ..Params::default() }, "tol is NaN"),
            (Params { learning_rate: 0.0, ..Params::default() }, "learning_rate is 0, wanted"),
            (Params { n_iter_no_change: Some(0), ..Params::default() }, "n_iter_no_change is 0"),
            (Params { colsample_bytree: 0.0, ..Params::default() }, "colsample_bytree is 0, wanted a share"),
            (
                Params { sampling: Sampling::Goss, top_rate: 0.7, other_rate: 0.5, ..Params::default() },
                "top_rate and other_rate sum to 1.2, wanted at most 1",
            ),
            (
                Params { sampling: Sampling::Goss, subsample: 0.5, ..Params::default() },
                "subsample is 0.5, wanted 1 with sampling",
            ),
            (
                Params { dart: Some(Dart { drop_rate: 1.5, ..Dart::default() }), ..Params::default() },
                "drop_rate is 1.5, wanted a chance from 0 to 1",
            ),
            (Params { dart: Some(Dart { max_drop: 0, ..Dart::default() }), ..Params::default() }, "max_drop is 0"),
        ];
        for (params, message) in bad {
            let error = params.validate().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
    #[test]
    fn constraints_must_fit_the_table() {
        let of = |signs: &[i8]| Params { monotonic_cst: signs.to_vec(), ..Params::default() };
        let groups = Params { interaction_cst: Interactions::Groups(vec![vec![0, 3]]), ..Params::default() };
        assert_eq!(of(&[1, -1, 0]).check_constraints(&[false, false, true], 1), Ok(()));
        let bad = [
            (of(&[1]), 1, "monotonic_cst has 1 entries, X has 3 columns"),
            (of(&[0, 2, 0]), 1, "monotonic_cst is 2 for column 1, wanted -1, 0 or 1"),
            (of(&[0, 0, 1]), 1, "monotonic_cst is not 0 for column 2"),
            (of(&[1, 0, 0]), 3, "monotonic_cst with 3 sums per row"),
            (groups, 1, "interaction_cst has column 3, X has 3 columns"),
        ];
        for (params, n_targets, message) in bad {
            let error = params.check_constraints(&[false, false, true], n_targets).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
