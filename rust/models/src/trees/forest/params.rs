//! Parameters of forests and their limits.

use arsenal_core::{Result, value_error};

/// What splits lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Gini impurity of classes.
    Gini,
    /// Entropy of classes, in bits.
    Entropy,
    /// Squared distance from the mean.
    SquaredError,
    /// Squared distance of the two means, weighed by both sides; with one output the same as [`Criterion::SquaredError`].
    FriedmanMse,
    /// Half the poisson deviance; targets are at least 0.
    Poisson,
    /// Distance from the median, which leaves predict. O(n log n) per column of a node of n rows.
    AbsoluteError,
}

impl Criterion {
    /// Whether it is about classes.
    pub fn is_for_classes(self) -> bool {
        matches!(self, Self::Gini | Self::Entropy)
    }
}

/// How a column's cut is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splitter {
    /// The best of all.
    Best,
    /// A random one between the node's smallest and largest value.
    Random,
}

/// How to grow a forest.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// Number of trees, those of an earlier fit that goes on included.
    pub n_estimators: usize,
    /// What splits lower.
    pub criterion: Criterion,
    /// How cuts are chosen.
    pub splitter: Splitter,
    /// Most splits from the root to a leaf.
    pub max_depth: usize,
    /// Fewest rows in a node that is split.
    pub min_samples_split: usize,
    /// Fewest rows in a leaf.
    pub min_samples_leaf: usize,
    /// Smallest share of all weights in a leaf.
    pub min_weight_fraction_leaf: f64,
    /// Columns that each node's search sees; more only where all of these are constant.
    pub max_features: usize,
    /// Most leaves; the best splits come first then.
    pub max_leaf_nodes: Option<usize>,
    /// Smallest decrease of impurity, weighed by the node's share of all weights.
    pub min_impurity_decrease: f64,
    /// Rows that each tree draws with replacement; `None` takes all rows once.
    pub bootstrap: Option<usize>,
    /// Weigh classes by the inverse of their frequency in each tree's own rows.
    pub balanced_subsample: bool,
    /// Cost of a leaf; subtrees that are not worth theirs are cut.
    pub ccp_alpha: f64,
    /// Per column 1, −1 or 0: whether the prediction must rise or fall with it. Empty where none must.
    pub monotonic: Vec<i8>,
    /// Whether to predict each row by the trees that did not see it.
    pub out_of_bag: bool,
    /// Most bins of a column besides the one for missing values, 2 to 255.
    pub max_bins: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Threads; the result does not depend on it.
    pub n_threads: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            n_estimators: 100,
            criterion: Criterion::Gini,
            splitter: Splitter::Best,
            max_depth: usize::MAX,
            min_samples_split: 2,
            min_samples_leaf: 1,
            min_weight_fraction_leaf: 0.0,
            max_features: usize::MAX,
            max_leaf_nodes: None,
            min_impurity_decrease: 0.0,
            bootstrap: None,
            balanced_subsample: false,
            ccp_alpha: 0.0,
            monotonic: Vec::new(),
            out_of_bag: false,
            max_bins: 255,
            seed: 0,
            n_threads: 1,
        }
    }
}

impl Params {
    /// Checks every parameter that can be checked without the table.
    ///
    /// # Errors
    /// `Value` that names the parameter, what it is and what was wanted.
    pub fn validate(&self) -> Result<()> {
        let whole = [
            ("n_estimators", self.n_estimators, 1, usize::MAX),
            ("max_depth", self.max_depth, 1, usize::MAX),
            ("min_samples_split", self.min_samples_split, 2, usize::MAX),
            ("min_samples_leaf", self.min_samples_leaf, 1, usize::MAX),
            ("max_features", self.max_features, 1, usize::MAX),
            ("max_leaf_nodes", self.max_leaf_nodes.unwrap_or(2), 2, usize::MAX),
            ("max_samples", self.bootstrap.unwrap_or(1), 1, usize::MAX),
            ("max_bins", self.max_bins, 2, 255),
            ("n_threads", self.n_threads, 1, usize::MAX),
        ];
        for (name, value, low, high) in whole {
            if value < low || value > high {
                let wanted = if high == usize::MAX { format!("at least {low}") } else { format!("{low} to {high}") };
                return value_error!("{name} is {value}, wanted {wanted}");
            }
        }
        if !(0.0..=0.5).contains(&self.min_weight_fraction_leaf) {
            return value_error!("min_weight_fraction_leaf is {}, wanted 0 to 0.5", self.min_weight_fraction_leaf);
        }
        for (name, value) in [("min_impurity_decrease", self.min_impurity_decrease), ("ccp_alpha", self.ccp_alpha)] {
            if !(value >= 0.0 && value.is_finite()) {
                return value_error!("{name} is {value}, wanted a finite number of at least 0");
            }
        }
        if let Some(bad) = self.monotonic.iter().find(|sign| !(-1..=1).contains(*sign)) {
            return value_error!("monotonic_cst has {bad}, wanted -1, 0 or 1");
        }
        if self.criterion == Criterion::AbsoluteError && self.monotonic.iter().any(|&sign| sign != 0) {
            return value_error!("monotonic_cst with criterion \"absolute_error\", wanted one whose leaves are means");
        }
        if self.balanced_subsample && !self.criterion.is_for_classes() {
            return value_error!("class_weight \"balanced_subsample\" is for classes, got numbers to predict");
        }
        if self.out_of_bag && self.bootstrap.is_none() {
            return value_error!("Out of bag estimation only available if bootstrap=True");
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
            (Params { min_samples_split: 1, ..Params::default() }, "min_samples_split is 1, wanted at least 2"),
            (Params { max_bins: 256, ..Params::default() }, "max_bins is 256, wanted 2 to 255"),
            (Params { max_leaf_nodes: Some(1), ..Params::default() }, "max_leaf_nodes is 1"),
            (Params { min_weight_fraction_leaf: 0.6, ..Params::default() }, "min_weight_fraction_leaf is 0.6"),
            (
                Params { criterion: Criterion::AbsoluteError, monotonic: vec![1], ..Params::default() },
                "monotonic_cst with criterion",
            ),
            (Params { ccp_alpha: f64::NAN, ..Params::default() }, "ccp_alpha is NaN"),
            (Params { monotonic: vec![0, 2], ..Params::default() }, "monotonic_cst has 2"),
            (
                Params { out_of_bag: true, ..Params::default() },
                "Out of bag estimation only available if bootstrap=True",
            ),
        ];
        for (params, message) in bad {
            let error = params.validate().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
