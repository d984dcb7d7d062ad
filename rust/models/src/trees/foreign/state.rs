//! What explanations of a model that was learned elsewhere need beyond its ONNX file.

use arsenal_core::Result;
use arsenal_core::ensemble::{Child, TreeEnsemble};
use arsenal_core::foreign::{ForeignModel, Step};
use serde::{Deserialize, Serialize};

use crate::trees::state;

/// The trees of another library, and the way from their sums to the raw score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The trees with the gains and covers that the file has.
    pub ensemble: TreeEnsemble,
    /// The raw score is `scale · sum + offset`, with an offset per target.
    pub scale: f64,
    /// Of each target.
    pub offsets: Vec<f64>,
}

const MAGIC: [u8; 8] = *b"ARSFRGN1";

impl State {
    /// Takes over a model. Its raw score is what comes of the sums before the first step that is no line.
    pub fn new(model: ForeignModel) -> Self {
        let (mut scale, mut offsets) = (1.0, vec![0.0; model.ensemble.n_targets]);
        for step in &model.steps {
            match step {
                Step::Multiply(factor) => {
                    scale *= factor;
                    for offset in &mut offsets {
                        *offset *= factor;
                    }
                }
                Step::Divide(divisor) => {
                    scale /= divisor;
                    for offset in &mut offsets {
                        *offset /= divisor;
                    }
                }
                // One summand is for all targets.
                Step::Add(summands) => {
                    offsets.iter_mut().zip(summands.iter().cycle()).for_each(|(offset, summand)| *offset += summand);
                }
                Step::Sigmoid | Step::Softmax | Step::Exp | Step::SignedSquare | Step::Positive => break,
            }
        }
        Self { ensemble: model.ensemble, scale, offsets }
    }

    /// Whether the file says how many training rows took each side of the splits.
    pub fn has_covers(&self) -> bool {
        self.ensemble.trees.iter().all(|tree| match tree.root {
            Child::Split(root) => tree.splits[root as usize].cover > 0.0,
            Child::Leaf(_) => true,
        })
    }

    /// Whether the file says by how much its splits lower the loss; without a split there is nothing to say.
    pub fn has_gains(&self) -> bool {
        let mut splits = self.ensemble.trees.iter().flat_map(|tree| &tree.splits).peekable();
        splits.peek().is_none() || splits.any(|split| split.gain != 0.0)
    }

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
        state::from_bytes(MAGIC, "foreign", bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trees::foreign::assemble::sums;
    use arsenal_core::ensemble::{Dtype, Tree};
    use arsenal_core::foreign::{Classes, Task};

    fn of(steps: Vec<Step>, n_targets: usize) -> State {
        let leaf = Tree { root: Child::Leaf(0), splits: vec![], values: vec![1.0], covers: vec![0.0] };
        let ensemble = sums(vec![], Dtype::F64, n_targets, vec![leaf; n_targets]);
        State::new(ForeignModel { ensemble, steps, task: Task::Numbers, classes: Classes::Unnamed })
    }

    #[test]
    fn lines_before_the_first_curve_make_the_raw_score() {
        let state = of(vec![Step::Divide(4.0), Step::Add(vec![1.0, 3.0]), Step::Multiply(2.0)], 2);
        assert_eq!((state.scale, state.offsets), (0.5, vec![2.0, 6.0]));
        let state = of(vec![Step::Add(vec![1.5]), Step::Softmax, Step::Multiply(3.0)], 3);
        assert_eq!((state.scale, state.offsets), (1.0, vec![1.5; 3]));
    }

    #[test]
    fn states_survive_bytes_and_refuse_others() {
        let state = of(vec![Step::Multiply(2.0)], 1);
        assert!(state.has_covers() && state.has_gains());
        assert_eq!(State::from_bytes(&state.to_bytes().unwrap()).unwrap(), state);
        assert!(State::from_bytes(b"PK").unwrap_err().to_string().contains("not the state of a foreign learner"));
    }
}
