//! A model that was learned elsewhere: its trees, and what is done to their sums.

use crate::ensemble::TreeEnsemble;

/// Trees of another library with the way from their sums to its predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignModel {
    /// The trees; their link is [`crate::ensemble::Link::Identity`], and there may be any number of targets.
    pub ensemble: TreeEnsemble,
    /// What is done to the sums, in this order.
    pub steps: Vec<Step>,
    /// What comes out.
    pub task: Task,
    /// The labels of the classes, where the file has them.
    pub classes: Classes,
}

/// Labels of classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classes {
    /// None are known.
    Unnamed,
    /// Whole numbers.
    Numbers(Vec<i64>),
    /// Text.
    Texts(Vec<String>),
}

impl ForeignModel {
    /// Number of classes; `None` for numbers.
    pub fn n_classes(&self) -> Option<usize> {
        match self.task {
            Task::Numbers => None,
            Task::TwoClasses { .. } => Some(2),
            Task::Classes => Some(self.ensemble.n_targets),
        }
    }
}

/// What a foreign model gives after its last step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Task {
    /// The values are predictions: one column per target.
    Numbers,
    /// The one value is the probability of the second of two classes, which is predicted where it is above a number.
    TwoClasses {
        /// The number; at a half the more probable class is predicted.
        above: f64,
    },
    /// There is a probability per class; the most probable one is predicted, the first of equals.
    Classes,
}

/// Something that is done to every sum of a row, in the model's float type.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// `x * factor`.
    Multiply(f64),
    /// `x / divisor`.
    Divide(f64),
    /// `x + summand`: one for all targets, or one for each.
    Add(Vec<f64>),
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `exp(x)` over the sum of these over the row's targets.
    Softmax,
    /// `exp(x)`.
    Exp,
    /// `x²` with the sign of `x`.
    SignedSquare,
    /// 1 if `x > 0`, else 0.
    Positive,
}
