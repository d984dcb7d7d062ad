//! CatBoost's models in JSON.
//!
//! A feature is a float32, and goes right at `x > border`; NaN is less or greater than all of them, as the feature's treatment of NaN
//! says. A symmetric tree asks the same at all nodes of a level: bit `i` of a leaf's number is the answer to question `i`.

use arsenal_core::ensemble::{Condition, Dtype, Feature, FeatureKind};
use arsenal_core::foreign::{Classes, ForeignModel, Step, Task};
use arsenal_core::{Error, Result};
use serde::Deserialize;
use serde_json::Value;

use super::assemble::{Node, forest, sums};
use super::{Asked, MORE_PROBABLE, Read, task_of_estimator};

#[derive(Deserialize)]
struct File {
    features_info: Features,
    model_info: Info,
    oblivious_trees: Option<Vec<Oblivious>>,
    trees: Option<Vec<Branch>>,
    scale_and_bias: Option<(f64, OneOrMany)>,
}

#[derive(Deserialize)]
struct Features {
    #[serde(default, rename = "float_features")]
    float: Vec<FloatFeature>,
    #[serde(default, rename = "categorical_features")]
    categorical: Vec<OtherFeature>,
    #[serde(default, rename = "text_features")]
    text: Vec<OtherFeature>,
    #[serde(default, rename = "embedding_features")]
    embedding: Vec<OtherFeature>,
}

#[derive(Deserialize)]
struct FloatFeature {
    #[serde(default)]
    feature_id: String,
    flat_feature_index: usize,
    nan_value_treatment: String,
}

#[derive(Deserialize)]
struct OtherFeature {
    #[serde(default)]
    feature_id: String,
    flat_feature_index: usize,
}

#[derive(Deserialize)]
struct Info {
    /// Of two classes the second is predicted where its probability is above it.
    binclass_probability_threshold: Option<Value>,
    /// Not in what `sum_models` makes.
    params: Option<Params>,
    class_params: Option<ClassParams>,
}

#[derive(Deserialize)]
struct Params {
    loss_function: Loss,
}

#[derive(Deserialize)]
struct Loss {
    r#type: String,
}

#[derive(Deserialize)]
struct ClassParams {
    #[serde(default)]
    class_names: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(f64),
    Many(Vec<f64>),
}

#[derive(Deserialize)]
struct Oblivious {
    leaf_values: Vec<f64>,
    #[serde(default)]
    leaf_weights: Vec<f64>,
    splits: Option<Vec<Question>>,
}

#[derive(Deserialize)]
struct Branch {
    left: Option<Box<Branch>>,
    right: Option<Box<Branch>>,
    split: Option<Question>,
    value: Option<OneOrMany>,
    #[serde(default)]
    weight: f64,
}

#[derive(Deserialize)]
struct Question {
    split_type: String,
    border: Option<f64>,
    float_feature_index: Option<usize>,
}

impl OneOrMany {
    fn into_vec(self) -> Vec<f64> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

/// Reads what CatBoost's `save_model(path, format="json")` writes: symmetric trees and others.
///
/// O(bytes) time and memory.
///
/// # Errors
/// [`Error::Value`] if the bytes are no model, are cut off, contradict themselves, or say what cannot be kept: categorical, text and
/// embedding features (a file has the hashes of categories, not their names), or losses that are not listed here.
pub fn from_catboost(bytes: &[u8], asked: Asked) -> Result<ForeignModel> {
    read(bytes, asked).map_err(|message| Error::Value(format!("CatBoost model: {message}")))
}

fn read(bytes: &[u8], asked: Asked) -> Read<ForeignModel> {
    let file: File = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let columns = Columns::of(&file.features_info)?;
    let mut trees = match (file.oblivious_trees, file.trees) {
        (Some(trees), None) => numbered(trees, |tree| oblivious(tree, &columns))?,
        (None, Some(trees)) => numbered(trees, |tree| branches(tree, &columns))?,
        _ => return Err("it has neither oblivious_trees nor trees".into()),
    };
    let n_used = asked.n_iterations.unwrap_or(trees.len());
    if n_used > trees.len() || trees.is_empty() || n_used == 0 {
        return Err(format!("{n_used} iterations are wanted, the model has {}", trees.len()));
    }
    trees.truncate(n_used);
    let n_targets =
        trees[0].iter().find_map(|node| if let Node::Leaf { values, .. } = node { Some(values.len()) } else { None });
    let n_targets = n_targets.ok_or("the first tree has no leaf")?;
    let trees = forest(&trees, n_targets)?;
    let info = file.model_info;
    let params = info.params.as_ref();
    let loss = &params.ok_or("it does not say what it was trained with (model_info.params), as sums of models do not; wanted a model as fit made it")?.loss_function.r#type;
    let (link, task) = output(loss, n_targets)?;
    let task = match (task_of_estimator(task, n_targets, asked.n_classes, loss)?, info.binclass_probability_threshold) {
        (Task::TwoClasses { .. }, Some(threshold)) => Task::TwoClasses { above: probability(&threshold)? },
        (task, _) => task,
    };
    let (scale, bias) = file.scale_and_bias.map_or((1.0, vec![]), |(scale, bias)| (scale, bias.into_vec()));
    let mut steps = vec![];
    if scale != 1.0 {
        steps.push(Step::Multiply(scale));
    }
    if bias.iter().any(|bias| *bias != 0.0) {
        steps.push(Step::Add(bias));
    }
    steps.extend(link);
    let classes = match task {
        Task::Numbers => Classes::Unnamed,
        _ => classes(&info.class_params.map(|params| params.class_names).unwrap_or_default())?,
    };
    let ensemble = sums(columns.features, Dtype::F64, n_targets, trees);
    Ok(ForeignModel { ensemble, steps, task, classes })
}

fn numbered<T>(trees: Vec<T>, read: impl Fn(T) -> Read<Vec<Node>>) -> Read<Vec<Vec<Node>>> {
    let read = |(t, tree)| read(tree).map_err(|message| format!("tree {t}: {message}"));
    trees.into_iter().enumerate().map(read).collect()
}

/// The columns, and of each float feature its column and whether NaN goes left.
struct Columns {
    features: Vec<Feature>,
    floats: Vec<(u32, bool)>,
}

impl Columns {
    fn of(info: &Features) -> Read<Self> {
        let others = [&info.categorical, &info.text, &info.embedding];
        if let Some(other) = others.into_iter().flatten().next() {
            return Err(format!(
                "column {} ({:?}) holds categories, text or embeddings; the file has only hashes of these, wanted numbers",
                other.flat_feature_index, other.feature_id
            ));
        }
        let n = info.float.len();
        let mut features = vec![None; n];
        let mut floats = Vec::with_capacity(n);
        for feature in &info.float {
            let column = feature.flat_feature_index;
            let Some(slot) = features.get_mut(column).filter(|slot| slot.is_none()) else {
                return Err(format!("there are {n} features, one has the number {column} or two have"));
            };
            let name = if feature.feature_id.is_empty() { column.to_string() } else { feature.feature_id.clone() };
            *slot = Some(Feature { name, kind: FeatureKind::Float32 });
            let nan_left = match feature.nan_value_treatment.as_str() {
                "AsIs" | "AsFalse" => true,
                "AsTrue" => false,
                other => return Err(format!("feature {column} treats NaN {other:?}, wanted AsIs, AsFalse or AsTrue")),
            };
            floats.push((column as u32, nan_left));
        }
        Ok(Self { features: features.into_iter().flatten().collect(), floats })
    }

    fn condition(&self, question: &Question) -> Read<(u32, Condition)> {
        let (Some(border), Some(index)) = (question.border, question.float_feature_index) else {
            return Err(format!("it asks a question of the type {:?}, wanted FloatFeature", question.split_type));
        };
        let Some(&(column, missing_left)) = self.floats.get(index) else {
            return Err(format!("it asks for float feature {index}, there are {}", self.floats.len()));
        };
        // Borders are float32 numbers, written in full.
        Ok((column, Condition::AtMost { threshold: f64::from(border as f32), missing_left }))
    }
}

fn oblivious(tree: Oblivious, columns: &Columns) -> Read<Vec<Node>> {
    let questions = tree.splits.unwrap_or_default();
    let n_leaves =
        u32::try_from(questions.len()).ok().and_then(|depth| 1_usize.checked_shl(depth)).unwrap_or(usize::MAX);
    let n_values = tree.leaf_values.len();
    if n_values == 0 || !n_values.is_multiple_of(n_leaves) {
        return Err(format!("it asks {} questions and has {n_values} leaf values", questions.len()));
    }
    let width = n_values / n_leaves;
    let mut nodes = Vec::with_capacity(2 * n_leaves);
    // The last question stands at the root, as in CatBoost's pictures and Shapley values, which depend on the order. So the answers are
    // a leaf's number from its highest bit on, and the nodes of a level follow those of the level above.
    for (level, question) in questions.iter().rev().enumerate() {
        let (feature, condition) = columns.condition(question)?;
        for answers in 0..1 << level {
            let left = 2 * ((1 << level) + answers) - 1;
            let condition = condition.clone();
            nodes.push(Node::Split { feature, condition, left, right: left + 1, gain: 0.0, cover: 0.0 });
        }
    }
    let leaves = tree.leaf_values.chunks(width).enumerate().map(|(leaf, values)| Node::Leaf {
        values: values.to_vec(),
        cover: tree.leaf_weights.get(leaf).copied().unwrap_or(0.0),
    });
    nodes.extend(leaves);
    Ok(nodes)
}

fn branches(tree: Branch, columns: &Columns) -> Read<Vec<Node>> {
    let mut nodes = vec![];
    let mut pending = vec![(tree, None)];
    while let Some((branch, parent)) = pending.pop() {
        let number = nodes.len();
        if let Some((parent, is_left)) = parent
            && let Some(Node::Split { left, right, .. }) = nodes.get_mut::<usize>(parent)
        {
            *(if is_left { left } else { right }) = number;
        }
        match branch {
            Branch { split: Some(question), left: Some(left), right: Some(right), weight, .. } => {
                let (feature, condition) = columns.condition(&question)?;
                nodes.push(Node::Split { feature, condition, left: 0, right: 0, gain: 0.0, cover: weight });
                pending.push((*right, Some((number, false))));
                pending.push((*left, Some((number, true))));
            }
            Branch { split: None, value: Some(value), weight, .. } => {
                nodes.push(Node::Leaf { values: value.into_vec(), cover: weight });
            }
            _ => return Err("a node is neither a split with two children nor a leaf".into()),
        }
    }
    Ok(nodes)
}

/// What `predict` and `predict_proba` do to sums.
fn output(loss: &str, n_targets: usize) -> Read<(Option<Step>, Task)> {
    Ok(match loss {
        "Logloss" | "CrossEntropy" | "Focal" if n_targets == 1 => (Some(Step::Sigmoid), MORE_PROBABLE),
        "MultiClass" if n_targets > 1 => (Some(Step::Softmax), Task::Classes),
        "MultiClassOneVsAll" if n_targets > 1 => (Some(Step::Sigmoid), Task::Classes),
        "MultiLogloss" | "MultiCrossEntropy" => (Some(Step::Sigmoid), Task::Numbers),
        "Poisson" | "Tweedie" => (Some(Step::Exp), Task::Numbers),
        "RMSE"
        | "MAE"
        | "Quantile"
        | "MultiQuantile"
        | "GroupQuantile"
        | "Expectile"
        | "LogLinQuantile"
        | "MAPE"
        | "Lq"
        | "Huber"
        | "LogCosh"
        | "MultiRMSE"
        | "MultiRMSEWithMissingValues"
        | "QueryRMSE"
        | "QuerySoftMax"
        | "PairLogit"
        | "PairLogitPairwise"
        | "YetiRank"
        | "YetiRankPairwise"
        | "LambdaMart"
        | "StochasticRank"
        | "QueryCrossEntropy" => (None, Task::Numbers),
        other => return Err(format!("the loss {other:?} with {n_targets} targets is not supported")),
    })
}

/// A probability, which CatBoost writes as text.
fn probability(value: &Value) -> Read<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    number
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| format!("binclass_probability_threshold is {value}, wanted a number from 0 to 1"))
}

fn classes(names: &[Value]) -> Read<Classes> {
    if names.is_empty() {
        return Ok(Classes::Unnamed);
    }
    let whole = |name: &Value| match (name.as_i64(), name.as_f64()) {
        (Some(whole), _) => Some(whole),
        (None, None) => name.as_bool().map(i64::from),
        (None, Some(number)) if number.trunc() == number && number.abs() < 1e15 => Some(number as i64),
        _ => None,
    };
    if let Some(numbers) = names.iter().map(whole).collect() {
        return Ok(Classes::Numbers(numbers));
    }
    let texts: Option<Vec<String>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
    texts.map(Classes::Texts).ok_or_else(|| "the class names are neither whole numbers nor text".into())
}
