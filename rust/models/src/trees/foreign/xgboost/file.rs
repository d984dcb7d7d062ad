//! The parts of the file that predictions depend on.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::Read;
use super::ubjson::Ubjson;

#[derive(Deserialize)]
pub struct File {
    pub learner: Learner,
    #[serde(default)]
    pub version: Vec<u32>,
}

#[derive(Deserialize)]
pub struct Learner {
    #[serde(default)]
    pub attributes: Attributes,
    #[serde(default)]
    pub feature_names: Vec<String>,
    #[serde(default)]
    pub feature_types: Vec<String>,
    pub gradient_booster: Booster,
    #[serde(rename = "learner_model_param")]
    pub params: LearnerParams,
    pub objective: Objective,
}

#[derive(Default, Deserialize)]
#[serde(transparent)]
pub struct Attributes(BTreeMap<String, String>);

#[derive(Deserialize)]
pub struct Objective {
    pub name: String,
}

#[derive(Deserialize)]
pub struct LearnerParams {
    base_score: String,
    #[serde(default)]
    num_class: String,
    pub num_feature: String,
    #[serde(default)]
    num_target: String,
}

#[derive(Deserialize)]
pub struct Booster {
    name: String,
    model: Option<Forest>,
    /// Of dart.
    gbtree: Option<Box<Booster>>,
    #[serde(default)]
    weight_drop: Vec<f32>,
}

#[derive(Deserialize)]
pub struct Forest {
    #[serde(default)]
    pub cats: Option<Categories>,
    gbtree_model_param: ForestParams,
    pub tree_info: Vec<i32>,
    pub trees: Vec<TreeFile>,
}

#[derive(Deserialize)]
struct ForestParams {
    #[serde(default)]
    num_parallel_tree: String,
}

/// The categories that the training table had, per column.
#[derive(Deserialize)]
pub struct Categories {
    #[serde(default)]
    pub enc: Vec<Encoding>,
}

/// The categories of a column: text as bytes with offsets, or numbers. Both are empty where the column has no categories.
#[derive(Deserialize)]
pub struct Encoding {
    #[serde(default)]
    pub offsets: Option<Vec<u32>>,
    #[serde(default)]
    pub values: Vec<f64>,
}

#[derive(Deserialize)]
pub struct TreeFile {
    #[serde(default)]
    tree_param: Option<TreeParams>,
    pub left_children: Vec<i32>,
    pub right_children: Vec<i32>,
    pub split_indices: Vec<u32>,
    pub split_conditions: Vec<f32>,
    pub default_left: Vec<u8>,
    #[serde(default)]
    split_type: Vec<u8>,
    #[serde(default)]
    categories: Vec<i64>,
    #[serde(default)]
    categories_nodes: Vec<u32>,
    #[serde(default)]
    categories_segments: Vec<u64>,
    #[serde(default)]
    categories_sizes: Vec<u64>,
    #[serde(default)]
    pub loss_changes: Vec<f32>,
    #[serde(default)]
    pub sum_hessian: Vec<f32>,
}

#[derive(Deserialize)]
struct TreeParams {
    #[serde(default)]
    size_leaf_vector: String,
}

impl File {
    /// Reads JSON, or else UBJSON.
    pub fn read(bytes: &[u8]) -> Read<Self> {
        // What lacks the parts of a forest may be a model of another kind, which is the better thing to say.
        parse(bytes).map_err(|message| match parse::<Outline>(bytes) {
            Ok(Outline { learner: LearnerOutline { gradient_booster: BoosterName { name } } }) if !has_trees(&name) => {
                without_trees(&name)
            }
            _ => message,
        })
    }
}

/// As much of a file as says what kind of model it is.
#[derive(Deserialize)]
struct Outline {
    learner: LearnerOutline,
}

#[derive(Deserialize)]
struct LearnerOutline {
    gradient_booster: BoosterName,
}

#[derive(Deserialize)]
struct BoosterName {
    name: String,
}

fn has_trees(booster: &str) -> bool {
    ["gbtree", "dart"].contains(&booster)
}

fn without_trees(booster: &str) -> String {
    format!("the booster is {booster:?}, wanted gbtree or dart")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Read<T> {
    // JSON goes on after the brace with a key or white space; UBJSON with the length of a key, which never looks so.
    let after = bytes.get(1).copied();
    if bytes.first() == Some(&b'{') && after.is_some_and(|byte| byte == b'"' || byte.is_ascii_whitespace()) {
        return serde_json::from_slice(bytes).map_err(|error| error.to_string());
    }
    let mut file = Ubjson::new(bytes);
    let read = T::deserialize(&mut file).map_err(|error| error.to_string())?;
    if file.is_at_end() { Ok(read) } else { Err("something follows the end of the model".into()) }
}

impl Attributes {
    /// Iterations that the model of a scikit-learn estimator predicts with, if it was stopped early.
    pub fn best_of_estimator(&self) -> Option<usize> {
        let best: usize = self.0.get("best_iteration")?.parse().ok()?;
        self.0.contains_key("scikit_learn").then(|| best.saturating_add(1))
    }
}

impl LearnerParams {
    /// Number of sums per row.
    pub fn n_targets(&self) -> Read<usize> {
        let n_classes: usize = number("num_class", or_zero(&self.num_class))?;
        let n_outputs: usize = number("num_target", or_zero(&self.num_target))?;
        Ok(n_classes.max(n_outputs).max(1))
    }

    /// One per target: a number for all, or since version 3.1 a list.
    pub fn base_scores(&self, n_targets: usize) -> Read<Vec<f32>> {
        let text = self.base_score.trim().trim_start_matches('[').trim_end_matches(']');
        let scores = text.split(',').map(|score| number::<f32>("base_score", score)).collect::<Read<Vec<f32>>>()?;
        match scores.len() {
            1 => Ok(vec![scores[0]; n_targets]),
            n if n == n_targets => Ok(scores),
            n => Err(format!("there are {n} base scores for {n_targets} targets")),
        }
    }
}

impl Booster {
    /// The trees, and what each is multiplied with if that is not 1.
    pub fn forest(&self) -> Read<(&Forest, Option<&[f32]>)> {
        match (self.name.as_str(), &self.model, &self.gbtree) {
            ("gbtree", Some(forest), _) => Ok((forest, None)),
            ("dart", _, Some(inner)) => Ok((inner.forest()?.0, Some(&self.weight_drop))),
            (other, _, _) => Err(without_trees(other)),
        }
    }
}

impl Forest {
    /// Trees per iteration and target.
    pub fn n_parallel(&self) -> Read<usize> {
        Ok(number::<usize>("num_parallel_tree", or_zero(&self.gbtree_model_param.num_parallel_tree))?.max(1))
    }
}

impl TreeFile {
    /// Checks that there is an entry per node, and returns how many.
    pub fn check(&self) -> Read<usize> {
        if let Some(size) = self.tree_param.as_ref().map(|params| params.size_leaf_vector.as_str())
            && !["", "0", "1"].contains(&size)
        {
            return Err(format!("its leaves hold {size} values (multi_output_tree), wanted one"));
        }
        let n = self.left_children.len();
        let lengths =
            [self.right_children.len(), self.split_indices.len(), self.split_conditions.len(), self.default_left.len()];
        match lengths.iter().find(|length| **length != n) {
            Some(length) => Err(format!("it has {n} left children and {length} entries of another kind")),
            None => Ok(n),
        }
    }

    /// The categories that go right at each node that has a set of them.
    pub fn sets(&self) -> Read<HashMap<usize, &[i64]>> {
        let n_sets = self.categories_nodes.len();
        if self.categories_segments.len() != n_sets || self.categories_sizes.len() != n_sets {
            return Err(format!(
                "it has {n_sets} nodes with categories, {} beginnings",
                self.categories_segments.len()
            ));
        }
        // Sets do not overlap: a small file must not become a large model.
        let total = self.categories_sizes.iter().try_fold(0_u64, |total, size| total.checked_add(*size));
        if total.is_none_or(|total| total > self.categories.len() as u64) {
            return Err(format!("its sets of categories are larger than the {} that there are", self.categories.len()));
        }
        let mut sets = HashMap::with_capacity(n_sets);
        for (set, &node) in self.categories_nodes.iter().enumerate() {
            let (start, size) = (self.categories_segments[set], self.categories_sizes[set]);
            let range =
                usize::try_from(start).ok().zip(start.checked_add(size).and_then(|end| usize::try_from(end).ok()));
            let members = range.and_then(|(start, end)| self.categories.get(start..end));
            let members = members.ok_or_else(|| format!("node {node} has categories that are not there"))?;
            if sets.insert(node as usize, members).is_some() {
                return Err(format!("node {node} has two sets of categories"));
            }
        }
        for (node, kind) in self.split_type.iter().enumerate() {
            let is_set = *kind == 1;
            if is_set != sets.contains_key(&node) && self.left_children.get(node).is_some_and(|left| *left >= 0) {
                return Err(format!(
                    "node {node} has the split type {kind} and {} set",
                    if is_set { "no" } else { "a" }
                ));
            }
        }
        Ok(sets)
    }
}

fn or_zero(text: &str) -> &str {
    if text.is_empty() { "0" } else { text }
}

/// The number that a parameter has; XGBoost writes them as text.
pub fn number<T: FromStr>(key: &str, text: &str) -> Read<T> {
    text.trim().parse().map_err(|_| format!("{key} is {text:?}, wanted a number"))
}
