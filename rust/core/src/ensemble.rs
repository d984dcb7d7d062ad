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
    /// Unordered numbers: `values[code - 1]` has the code `code`, any other number has code 0. So has NaN, unless it is among the
    /// values, which happens in models that were learned elsewhere.
    NumericCategories(Vec<f64>),
    /// Unordered strings: `levels[code - 1]` has the code `code`, any other string has code 0. So have null and `""`, which is the
    /// same, unless `""` is among the levels, which happens in models that were learned elsewhere.
    StringCategories(Vec<String>),
    /// Ordered numbers that are rounded to the nearest float32 before they are compared; NaN is missing. Only in models that were
    /// learned elsewhere, like all that follow.
    Float32,
    /// Ordered numbers; NaN and what lies within ±[`ZERO`] are missing.
    ZeroIsMissing,
    /// Unordered numbers that are cut to their whole part before they are looked up among `values`, as in
    /// [`Self::NumericCategories`].
    WholeCategories {
        /// Whole numbers of at least 0, or NaN.
        values: Vec<f64>,
        /// Numbers up to this one are no category: 0 cannot be reached from below it. In -1..0.
        above: f64,
    },
}

/// What [`FeatureKind::ZeroIsMissing`] takes for zero: up to the float32 that is nearest to 1e-35, as LightGBM does.
pub const ZERO: f64 = 1e-35_f32 as f64;

impl FeatureKind {
    /// Number of categories, which have the codes `1..=n`; `None` for ordered numbers.
    pub fn n_categories(&self) -> Option<usize> {
        match self {
            Self::Numeric | Self::Float32 | Self::ZeroIsMissing => None,
            Self::NumericCategories(values) | Self::WholeCategories { values, .. } => Some(values.len()),
            Self::StringCategories(levels) => Some(levels.len()),
        }
    }
}

/// How the raw sums become predictions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Link {
    /// The sums are the predictions: regression, of one number or of several.
    Identity,
    /// One target; `1 / (1 + exp(-sum))` is the probability of the second of two classes.
    Logistic,
    /// One target per class; probabilities are the softmax of the sums.
    Softmax,
    /// One target; `exp(sum)` is the prediction.
    Exp,
    /// Forests of classes: means are probabilities. One target per class, but of two classes the second alone has one; the classes of
    /// several outputs lie side by side.
    Shares,
    /// One target, the mean length of paths in random trees; `-2^(-mean / expected)` is the score of a row, below `offset` for outliers.
    Isolation {
        /// Mean path length of as many rows as each tree drew. With 0 every score is -1/2.
        expected: f64,
        /// The score at which outliers begin.
        offset: f64,
    },
}

/// To which targets the leaves of a tree add.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Targets {
    /// Tree `t` adds to target `t % n_targets`: boosting.
    RoundRobin,
    /// Every tree adds to every target: forests.
    Every,
}

/// How the trees' values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aggregate {
    /// Their sum.
    Sum,
    /// Their sum over the number of trees. The division comes after the sum: with leaves divided beforehand, rounding lets the mean
    /// of a hundred float32 probabilities exceed 1.
    Mean,
}

/// Trees whose leaf values add up. There is always at least one tree per target, or one at all with [`Targets::Every`].
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
    /// Number of sums per row: the number of classes with [`Link::Softmax`], any number with [`Link::Identity`], else 1.
    pub n_targets: usize,
    /// Which of them a tree adds to.
    pub targets: Targets,
    /// How sums become the link's input.
    pub aggregate: Aggregate,
    /// All trees.
    pub trees: Vec<Tree>,
}

impl TreeEnsemble {
    /// Number of values per leaf.
    pub fn width(&self) -> usize {
        match self.targets {
            Targets::RoundRobin => 1,
            Targets::Every => self.n_targets,
        }
    }

    /// The first target that tree `t` adds to; its leaves' values are for this one and those behind it.
    pub fn first_target(&self, t: usize) -> usize {
        match self.targets {
            Targets::RoundRobin => t % self.n_targets,
            Targets::Every => 0,
        }
    }
}

/// One binary tree. Children come after their parents in `splits`, so a walk always ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// Where a walk begins.
    pub root: Child,
    /// Inner nodes.
    pub splits: Vec<Split>,
    /// What each leaf adds, leaves from left to right: [`TreeEnsemble::width`] values per leaf.
    pub values: Vec<f64>,
    /// Per leaf, the sum of hessians of the training rows there.
    pub covers: Vec<f64>,
}

impl Tree {
    /// Number of leaves.
    pub fn n_leaves(&self) -> usize {
        self.covers.len()
    }

    /// Most splits from the root to a leaf. O(nodes).
    pub fn depth(&self) -> usize {
        let mut depths = vec![0; self.splits.len()];
        // Children come after their parents, so a walk from the back has them done.
        for (s, split) in self.splits.iter().enumerate().rev() {
            let below = |child| match child {
                Child::Split(split) => depths[split as usize],
                Child::Leaf(_) => 0,
            };
            depths[s] = 1 + below(split.left).max(below(split.right));
        }
        depths.first().copied().unwrap_or(0)
    }
}

/// Where a branch leads: the number of a split or of a leaf.
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
