//! LightGBM's model text (versions v2 to v4).
//!
//! Decisions are those of `Tree::NumericalDecision` and `Tree::CategoricalDecision` in LightGBM's `tree.h`: a node without missing
//! values takes NaN for 0, one with zero as missing sends |x| ≤ 1e-35 its default way as it does NaN; categories are whole numbers,
//! cut towards zero, and whatever is not in a node's set goes right.

mod columns;
mod text;

use arsenal_core::ensemble::{Condition, Dtype, Feature, Tree, ZERO};
use arsenal_core::foreign::{Classes, ForeignModel, Step, Task};
use arsenal_core::{Error, Result};

use super::assemble::{Node, assemble, in_turns, sums};
use super::{Asked, MORE_PROBABLE, Read, task_of_estimator};
use columns::Column;
use text::{Block, Decision, Missing, Text};

/// Reads LightGBM's model text, which `Booster.save_model` writes.
///
/// O(characters) time and memory.
///
/// # Errors
/// [`Error::Value`] if the text is no model, is cut off, contradicts itself, or says what cannot be kept: linear trees, a column that
/// is read in two ways.
pub fn from_lightgbm(text: &str, asked: Asked) -> Result<ForeignModel> {
    read(text, asked).map_err(|message| Error::Value(format!("LightGBM model: {message}")))
}

fn read(text: &str, asked: Asked) -> Read<ForeignModel> {
    let mut text = Text::read(text)?;
    let n_learned = text.blocks.len() / text.n_targets;
    let n_used = asked.n_iterations.unwrap_or(n_learned);
    if !(1..=n_learned).contains(&n_used) {
        return Err(format!("{n_used} iterations are wanted, the model has {n_learned}"));
    }
    text.blocks.truncate(n_used * text.n_targets);
    let columns = columns::columns(&text)?;
    let n_targets = text.n_targets;
    let mut by_target = vec![Vec::with_capacity(text.blocks.len() / n_targets); n_targets];
    for (t, block) in text.blocks.iter().enumerate() {
        by_target[t % n_targets].push(tree(block, &columns).map_err(|message| format!("tree {t}: {message}"))?);
    }
    let (mut steps, task) = output(text.objective, n_targets)?;
    if asked.n_classes.is_some() && is_own(text.objective) {
        return Err("the objective is the user's own, with which a classifier predicts sums; wanted the classifier's \
                    booster_, which is read as a model of numbers"
            .into());
    }
    let task = task_of_estimator(task, n_targets, asked.n_classes, text.objective)?;
    if text.is_average {
        steps.insert(0, Step::Divide(n_used as f64));
    }
    let features =
        text.names.iter().zip(columns).map(|(name, column)| Feature { name: (*name).to_owned(), kind: column.kind });
    let ensemble = sums(features.collect(), Dtype::F64, n_targets, in_turns(by_target)?);
    Ok(ForeignModel { ensemble, steps, task, classes: Classes::Unnamed })
}

fn tree(block: &Block, columns: &[Column]) -> Read<Tree> {
    let n_splits = block.decisions.len();
    // Splits have the numbers 0.. and leaves !0.. in the file; here leaves follow the splits.
    let place = |child: i64| if child < 0 { n_splits.saturating_add(!child as usize) } else { child as usize };
    let splits = block.decisions.iter().enumerate().map(|(s, decision)| {
        let feature = block.features[s];
        let (left, right) = (place(block.left[s]), place(block.right[s]));
        let condition = match decision {
            Decision::Number { threshold, missing, default_left } => Condition::AtMost {
                threshold: beside_zero(*threshold),
                missing_left: match missing {
                    Missing::None => 0.0 <= *threshold,
                    Missing::Zero | Missing::Nan => *default_left,
                },
            },
            Decision::Categories(categories) => {
                let codes: Vec<u32> =
                    categories.iter().filter_map(|category| columns[feature].code(*category)).collect();
                if codes.is_empty() {
                    return Node::Pass(right);
                }
                Condition::Among { codes }
            }
        };
        Node::Split { feature: feature as u32, condition, left, right, gain: block.gains[s], cover: block.covers[s] }
    });
    let leaves = block
        .leaf_values
        .iter()
        .zip(&block.leaf_covers)
        .map(|(&value, &cover)| Node::Leaf { values: vec![value], cover });
    let nodes: Vec<Node> = splits.chain(leaves).collect();
    assemble(&nodes, (0, 1))
}

/// A threshold that takes what lies within ±[`ZERO`] for 0, as LightGBM does: its predictor leaves such numbers out of a row.
fn beside_zero(threshold: f64) -> f64 {
    match threshold {
        below if (-ZERO..0.0).contains(&below) => (-ZERO).next_down(),
        above if (0.0..ZERO).contains(&above) => ZERO,
        other => other,
    }
}

/// Whether the model was learned with an objective that the user wrote: sums are all there is.
fn is_own(objective: &str) -> bool {
    ["", "custom"].contains(&objective)
}

/// What `ConvertOutput` of the objective does.
fn output(objective: &str, n_targets: usize) -> Read<(Vec<Step>, Task)> {
    let mut words = objective.split_ascii_whitespace();
    let name = words.next().unwrap_or("");
    let options: Vec<&str> = words.collect();
    let sigmoid = || -> Read<Vec<Step>> {
        let text = options.iter().find_map(|option| option.strip_prefix("sigmoid:")).unwrap_or("1");
        match text.parse() {
            Ok(1.0) => Ok(vec![Step::Sigmoid]),
            Ok(factor) => Ok(vec![Step::Multiply(factor), Step::Sigmoid]),
            Err(_) => Err(format!("the objective's sigmoid is {text:?}, wanted a number")),
        }
    };
    match name {
        "binary" if n_targets == 1 => Ok((sigmoid()?, MORE_PROBABLE)),
        "multiclass" if n_targets > 1 => Ok((vec![Step::Softmax], Task::Classes)),
        "multiclassova" if n_targets > 1 => Ok((sigmoid()?, Task::Classes)),
        "binary" | "multiclass" | "multiclassova" => {
            Err(format!("the objective is {objective:?} with {n_targets} trees per iteration"))
        }
        "cross_entropy" => Ok((vec![Step::Sigmoid], Task::Numbers)),
        "poisson" | "gamma" | "tweedie" => Ok((vec![Step::Exp], Task::Numbers)),
        "regression" if options.contains(&"sqrt") => Ok((vec![Step::SignedSquare], Task::Numbers)),
        own if is_own(own) => Ok((vec![], Task::Numbers)),
        "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" | "lambdarank" | "rank_xendcg" => {
            Ok((vec![], Task::Numbers))
        }
        other => Err(format!("the objective {other:?} is not supported")),
    }
}
