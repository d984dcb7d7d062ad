//! A fitted tree ensemble: what the tree learners return and the ONNX writer carries.

use serde::{Deserialize, Serialize};

/// The float type that a model computes in: inputs, thresholds, leaves and sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dtype {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
}

/// One column of the table that a model was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// The column's name, or `x{index}` where the table had none.
    pub name: String,
    /// How its values are read.
    pub kind: FeatureKind,
}

/// How a column's values are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FeatureKind {
    /// Ordered numbers; NaN is missing.
    Numeric,
    /// Unordered numbers: `values[code - 1]` has the code `code`. Any other number and NaN have code 0.
    NumericCategories(Vec<f64>),
    /// Unordered strings: `levels[code - 1]` has the code `code`. Any other string, `""` and null have code 0.
    StringCategories(Vec<String>),
}

impl FeatureKind {
    /// Number of categories, which have the codes `1..=n`; `None` for ordered numbers.
    pub fn n_categories(&self) -> Option<usize> {
        match self {
            Self::Numeric => None,
            Self::NumericCategories(values) => Some(values.len()),
            Self::StringCategories(levels) => Some(levels.len()),
        }
    }
}

/// How the raw sums become predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Link {
    /// The sum is the prediction: regression.
    Identity,
    /// One target; `1 / (1 + exp(-sum))` is the probability of the second of two classes.
    Logistic,
    /// One target per class; probabilities are the softmax of the sums.
    Softmax,
}

/// Trees whose leaf values add up. Tree `t` adds to target `t % n_targets`; there is always at least one tree per target.
///
/// The initial score of the boosting is already part of the first `n_targets` trees' leaves, so a sum of leaves is all there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TreeEnsemble {
    /// One entry per input column.
    pub features: Vec<Feature>,
    /// The type that the model computes in. With `F32` every threshold is exactly an f32.
    pub dtype: Dtype,
    /// How sums become predictions.
    pub link: Link,
    /// Number of sums per row: 1, or the number of classes with [`Link::Softmax`].
    pub n_targets: usize,
    /// All trees, round-robin over the targets.
    pub trees: Vec<Tree>,
}

/// One binary tree. Children come after their parents in `splits`, so a walk always ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// Where a walk begins.
    pub root: Child,
    /// Inner nodes.
    pub splits: Vec<Split>,
    /// Leaves, from left to right.
    pub leaves: Vec<Leaf>,
}

/// Where a branch leads: an index into `splits` or into `leaves`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Child {
    /// An inner node.
    Split(u32),
    /// A leaf.
    Leaf(u32),
}

/// An inner node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Index into [`TreeEnsemble::features`].
    pub feature: u32,
    /// Which rows go left.
    pub condition: Condition,
    /// Where rows that meet the condition go.
    pub left: Child,
    /// Where the others go.
    pub right: Child,
    /// By how much the split lowers the objective.
    pub gain: f64,
    /// Sum of hessians (f64, from unquantised values) of the training rows here.
    pub cover: f64,
}

/// Which rows go left at a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Condition {
    /// `x <= threshold` goes left; a missing value goes left if `missing_left`.
    AtMost {
        /// Never NaN. May be +inf (only missing values can then go right).
        threshold: f64,
        /// Where a missing value goes.
        missing_left: bool,
    },
    /// A code among `codes` goes left. Code 0 (missing, unseen or rare) is never among them: it always goes right.
    Among {
        /// Sorted, distinct, each ≥ 1.
        codes: Vec<u32>,
    },
}

/// A leaf.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leaf {
    /// What it adds to its target's sum.
    pub value: f64,
    /// Sum of hessians of the training rows here.
    pub cover: f64,
}
