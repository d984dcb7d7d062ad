//! XGBoost's models in JSON or UBJSON (versions 1.3 to 3.x).
//!
//! A row goes left at `x < t` in float32, which is `x <= t.next_down()`; a missing value (NaN) goes the node's default way. A set of
//! categories lists those that go right: whatever is no category goes left with the others, as `common::Decision` has it. Sums are
//! float32 and begin with the base score.

mod categories;
mod file;
mod ubjson;

use arsenal_core::ensemble::{Condition, Dtype, Feature, Tree};
use arsenal_core::foreign::{Classes, ForeignModel, Step, Task};
use arsenal_core::{Error, Result};

use super::assemble::{Node, assemble, change_leaves, in_turns, sums};
use super::{Asked, MORE_PROBABLE, Read, task_of_estimator};
use categories::Column;
use file::{File, Forest, TreeFile};

/// Reads what XGBoost's `Booster.save_model` or `save_raw` writes, JSON or UBJSON.
///
/// O(bytes) time and memory.
///
/// # Errors
/// [`Error::Value`] if the bytes are no model, are cut off, contradict themselves, or say what cannot be kept: linear models, trees
/// with a vector in each leaf, objectives that are not listed here.
pub fn from_xgboost(bytes: &[u8], asked: Asked) -> Result<ForeignModel> {
    read(bytes, asked).map_err(|message| Error::Value(format!("XGBoost model: {message}")))
}

fn read(bytes: &[u8], asked: Asked) -> Read<ForeignModel> {
    let File { learner, version } = File::read(bytes)?;
    // Before, the base score of logitraw was taken for a probability.
    if learner.objective.name == "binary:logitraw" && version.first().is_none_or(|major| *major < 2) {
        return Err(format!("it was saved by version {version:?}, binary:logitraw is read from version 2 on"));
    }
    let n_features: usize = file::number("num_feature", &learner.params.num_feature)?;
    let (forest, weights) = learner.gradient_booster.forest()?;
    let n_targets = learner.params.n_targets()?;
    let n_trees = forest.trees.len();
    if forest.tree_info.len() != n_trees || weights.is_some_and(|weights| weights.len() != n_trees) {
        return Err(format!("there are {n_trees} trees and {} entries of tree_info", forest.tree_info.len()));
    }
    let names = names(n_features, &learner.feature_names)?;
    let columns = categories::columns(&names, &learner.feature_types, forest)?;
    let n_iterations = asked.n_iterations.or_else(|| learner.attributes.best_of_estimator());
    let n_used = n_used(forest, n_targets, n_iterations)?;
    // Every target that is named by a tree or by the objective has memory; the number of classes alone is only a number.
    if n_targets > MOST_TARGETS {
        return Err(format!("there are {n_targets} targets, at most {MOST_TARGETS} are read"));
    }
    let mut by_target = vec![vec![]; n_targets];
    for (t, tree) in forest.trees.iter().enumerate().take(n_used) {
        let target = usize::try_from(forest.tree_info[t]).ok().filter(|target| *target < n_targets);
        let Some(target) = target else {
            return Err(format!("tree {t} is for target {}, there are {n_targets}", forest.tree_info[t]));
        };
        let mut tree = read_tree(tree, &columns).map_err(|message| format!("tree {t}: {message}"))?;
        if let Some(weights) = weights {
            let weight = weights[t];
            change_leaves(&mut tree, |value| f64::from(value as f32 * weight));
        }
        by_target[target].push(tree);
    }
    let objective = &learner.objective.name;
    let (steps, task, margin) = output(objective, n_targets)?;
    let task = task_of_estimator(task, n_targets, asked.n_classes, objective)?;
    let bases = learner.params.base_scores(n_targets)?;
    let mut trees = in_turns(by_target)?;
    for (tree, base) in trees.iter_mut().zip(bases) {
        let base = margin(base);
        if !base.is_finite() {
            return Err(format!("the base score is {base} before the objective's transformation"));
        }
        change_leaves(tree, |value| f64::from(base + value as f32));
    }
    let features = names.into_iter().zip(columns).map(|(name, column)| Feature { name, kind: column.kind }).collect();
    let ensemble = sums(features, Dtype::F32, n_targets, trees);
    Ok(ForeignModel { ensemble, steps, task, classes: Classes::Unnamed })
}

/// More classes than any model has; a number in a file of a few bytes must not take gigabytes.
const MOST_TARGETS: usize = 100_000;
/// The same for columns without names.
const MOST_UNNAMED: usize = 1_000_000;

fn names(n_features: usize, names: &[String]) -> Read<Vec<String>> {
    if !names.is_empty() && names.len() != n_features {
        return Err(format!("there are {} feature names for {n_features} features", names.len()));
    }
    if names.is_empty() && n_features > MOST_UNNAMED {
        return Err(format!("there are {n_features} features, at most {MOST_UNNAMED} are read"));
    }
    Ok(if names.is_empty() { (0..n_features).map(|f| format!("f{f}")).collect() } else { names.to_vec() })
}

/// How many trees the first iterations have.
fn n_used(forest: &Forest, n_targets: usize, n_iterations: Option<usize>) -> Read<usize> {
    let n_trees = forest.trees.len();
    let Some(n_iterations) = n_iterations else { return Ok(n_trees) };
    let per_iteration = forest.n_parallel()?.saturating_mul(n_targets);
    match n_iterations.checked_mul(per_iteration) {
        Some(used) if used <= n_trees && used > 0 => Ok(used),
        _ => Err(format!(
            "{n_iterations} iterations are wanted, the model has {n_trees} trees, {per_iteration} per iteration"
        )),
    }
}

fn read_tree(tree: &TreeFile, columns: &[Column]) -> Read<Tree> {
    let n = tree.check()?;
    let sets = tree.sets()?;
    let mut nodes = Vec::with_capacity(n);
    for node in 0..n {
        let cover = tree.sum_hessian.get(node).copied().map_or(0.0, f64::from);
        let value = tree.split_conditions[node];
        if tree.left_children[node] < 0 {
            nodes.push(Node::Leaf { values: vec![f64::from(value)], cover });
            continue;
        }
        let child = |child: i32| usize::try_from(child).map_err(|_| format!("node {node} has one child"));
        let (left, right) = (child(tree.left_children[node])?, child(tree.right_children[node])?);
        let feature = tree.split_indices[node];
        let column = columns.get(feature as usize).ok_or_else(|| format!("node {node} splits feature {feature}"))?;
        let default_left = tree.default_left[node] != 0;
        let gain = tree.loss_changes.get(node).copied().map_or(0.0, f64::from);
        if let Some(set) = sets.get(&node) {
            let codes = column.codes(set, !default_left);
            nodes.push(if codes.is_empty() {
                Node::Pass(left)
            } else {
                // The set goes right in the file, and left here.
                let condition = Condition::Among { codes };
                Node::Split { feature, condition, left: right, right: left, gain, cover }
            });
            continue;
        }
        if value.is_nan() || value == f32::NEG_INFINITY {
            return Err(format!("node {node} has the threshold {value}"));
        }
        let condition = Condition::AtMost { threshold: f64::from(value.next_down()), missing_left: default_left };
        nodes.push(Node::Split { feature, condition, left, right, gain, cover });
    }
    assemble(&nodes, (0, 1))
}

type Margin = fn(f32) -> f32;

/// What the objective does to sums, and from the base score to where sums begin.
fn output(objective: &str, n_targets: usize) -> Read<(Vec<Step>, Task, Margin)> {
    let same: Margin = |base| base;
    let logit: Margin = |base| -f64::from(1.0 / base - 1.0).ln() as f32;
    let log: Margin = |base| f64::from(base).ln() as f32;
    Ok(match objective {
        "binary:logistic" if n_targets == 1 => (vec![Step::Sigmoid], MORE_PROBABLE, logit),
        // Several labels, each of which holds or not: their probabilities are numbers.
        "binary:logistic" | "reg:logistic" => (vec![Step::Sigmoid], Task::Numbers, logit),
        "binary:hinge" => (vec![Step::Positive], Task::Numbers, same),
        "multi:softprob" | "multi:softmax" if n_targets > 1 => (vec![Step::Softmax], Task::Classes, same),
        "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" | "survival:aft" => {
            (vec![Step::Exp], Task::Numbers, log)
        }
        "binary:logitraw"
        | "reg:squarederror"
        | "reg:linear"
        | "reg:squaredlogerror"
        | "reg:pseudohubererror"
        | "reg:absoluteerror"
        | "reg:quantileerror"
        | "reg:expectileerror"
        | "rank:pairwise"
        | "rank:ndcg"
        | "rank:map" => (vec![], Task::Numbers, same),
        other => return Err(format!("the objective {other:?} with {n_targets} targets is not supported")),
    })
}
