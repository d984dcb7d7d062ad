//! Parameters of gradient boosting and their limits.

use arsenal_core::{Result, value_error};

/// How to boost. `Default` is what the estimators default to.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// Boosting iterations; each adds one tree per target.
    pub n_estimators: usize,
    /// Factor of every leaf value.
    pub learning_rate: f64,
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
    /// Most bins of a column besides the one for missing values, 2 to 255.
    pub max_bins: usize,
    /// Share of rows that each tree sees, drawn without replacement.
    pub subsample: f64,
    /// Share of columns that each node's search sees.
    pub max_features: f64,
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
    /// How much better the evaluation loss must get to count.
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
            max_leaf_nodes: 31,
            max_depth: usize::MAX,
            min_samples_leaf: 20,
            min_child_weight: 1e-3,
            l1_regularization: 0.0,
            l2_regularization: 0.0,
            min_split_gain: 0.0,
            max_bins: 255,
            subsample: 1.0,
            max_features: 1.0,
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
            ("max_bins", self.max_bins, 2, 255),
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
        let shares = [("subsample", self.subsample), ("max_features", self.max_features)];
        for (name, value) in shares {
            if !(value > 0.0 && value <= 1.0) {
                return value_error!("{name} is {value}, wanted a share above 0 and at most 1");
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bad_value_is_named() {
        assert_eq!(Params::default().validate(), Ok(()));
        let bad = [
            (Params { n_estimators: 0, ..Params::default() }, "n_estimators is 0, wanted at least 1"),
            (Params { max_bins: 256, ..Params::default() }, "max_bins is 256, wanted 2 to 255"),
            (Params { subsample: 0.0, ..Params::default() }, "subsample is 0, wanted a share"),
            (Params { max_features: 1.5, ..Params::default() }, "max_features is 1.5"),
            (Params { l2_regularization: -1.0, ..Params::default() }, "l2_regularization is -1"),
            (Params { tol: f64::NAN, ..Params::default() }, "tol is NaN"),
            (Params { learning_rate: 0.0, ..Params::default() }, "learning_rate is 0, wanted"),
            (Params { n_iter_no_change: Some(0), ..Params::default() }, "n_iter_no_change is 0"),
        ];
        for (params, message) in bad {
            let error = params.validate().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
