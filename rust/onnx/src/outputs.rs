//! From the sums to what the file gives.

use arsenal_core::ensemble::{Aggregate, Dtype, Link, TreeEnsemble};

use crate::ClassLabels;
use crate::graph::Graph;
use crate::proto::data_type;
use crate::tensor::{float_type, floats, int_attribute, int64s, strings, value_info};

/// A classifier's outputs; several outputs have a number behind each name.
pub const LABEL: &str = "label";
/// Rows sum to 1.
pub const PROBABILITIES: &str = "probabilities";
/// Of several outputs the shares side by side, as [`Link::Shares`] orders them. It comes first: runtimes that give one score give it.
const SHARES: &str = "probability_shares";
/// A regressor's output.
pub const VARIABLE: &str = "variable";

/// An isolation forest's outputs: [`LABEL`] is 1, or -1 for an outlier.
const DECISION: &str = "decision_function";
/// The lower, the more abnormal.
const SCORES: &str = "score_samples";

/// The names of the outputs.
pub fn names(ensemble: &TreeEnsemble, labels: Option<&ClassLabels>) -> Vec<String> {
    match labels {
        None if matches!(ensemble.link, Link::Isolation { .. }) => {
            [LABEL, DECISION, SCORES].map(str::to_owned).to_vec()
        }
        None => vec![VARIABLE.to_owned()],
        Some(ClassLabels::Several(outputs)) => {
            let pairs = (0..outputs.len()).flat_map(|o| [format!("{LABEL}_{o}"), format!("{PROBABILITIES}_{o}")]);
            std::iter::once(SHARES.to_owned()).chain(pairs).collect()
        }
        Some(_) => vec![LABEL.to_owned(), PROBABILITIES.to_owned()],
    }
}

/// Declares the outputs.
pub fn declare(graph: &mut Graph, ensemble: &TreeEnsemble, labels: Option<&ClassLabels>) {
    let float = float_type(ensemble.dtype);
    let names = names(ensemble, labels);
    if let Link::Isolation { .. } = ensemble.link {
        graph.output(value_info(LABEL, data_type::INT64, None));
        graph.output(value_info(DECISION, float, Some(1)));
        return graph.output(value_info(SCORES, float, Some(1)));
    }
    let Some(labels) = labels else {
        return graph.output(value_info(&names[0], float, Some(ensemble.n_targets)));
    };
    if let ClassLabels::Several(_) = labels {
        graph.output(value_info(SHARES, float, Some(ensemble.n_targets)));
    }
    for (labels, names) in labels.outputs().iter().zip(pairs(labels, &names)) {
        let label_type = match labels {
            ClassLabels::Strings(_) => data_type::STRING,
            _ => data_type::INT64,
        };
        graph.output(value_info(&names[0], label_type, None));
        graph.output(value_info(&names[1], float, Some(labels.len())));
    }
}

/// Label and probabilities of each output.
fn pairs<'n>(labels: &ClassLabels, names: &'n [String]) -> impl Iterator<Item = &'n [String]> + use<'n> {
    names[usize::from(matches!(labels, ClassLabels::Several(_)))..].chunks(2)
}

/// What the trees' sums are called: the output's own name where nothing follows them.
pub fn sums_name(graph: &mut Graph, ensemble: &TreeEnsemble, labels: Option<&ClassLabels>) -> String {
    if is_divided(ensemble) { graph.inner_name("sums") } else { means_name(graph, ensemble, labels) }
}

fn is_divided(ensemble: &TreeEnsemble) -> bool {
    ensemble.aggregate == Aggregate::Mean && ensemble.trees.len() > 1
}

/// What the input of the link is called.
fn means_name(graph: &mut Graph, ensemble: &TreeEnsemble, labels: Option<&ClassLabels>) -> String {
    match (ensemble.link, labels) {
        (Link::Identity, _) => VARIABLE.to_owned(),
        (Link::Shares, Some(ClassLabels::Several(_))) => SHARES.to_owned(),
        (Link::Shares, Some(labels)) if labels.len() != 2 => PROBABILITIES.to_owned(),
        (Link::Shares | Link::Isolation { .. } | Link::Exp, _) if is_divided(ensemble) => graph.inner_name("means"),
        _ => graph.inner_name("sums"),
    }
}

/// Adds the standard operators that turn the value `sums [N, targets]` into the outputs.
///
/// `TreeEnsemble` has a `post_transform` too, but onnxruntime (1.32) and the reference evaluator both leave it out.
pub fn finish(graph: &mut Graph, ensemble: &TreeEnsemble, labels: Option<&ClassLabels>, sums: String) {
    let dtype = ensemble.dtype;
    let mut means = sums;
    if is_divided(ensemble) {
        let n_trees = graph.constant("n_trees", floats(dtype, [ensemble.trees.len() as f64]));
        let divided = means_name(graph, ensemble, labels);
        graph.node("Div", &[&means, &n_trees], &[&divided], vec![]);
        means = divided;
    }
    if ensemble.link == Link::Exp {
        graph.node("Exp", &[&means], &[VARIABLE], vec![]);
    }
    if let Link::Isolation { expected, offset } = ensemble.link {
        isolation(graph, dtype, expected, offset, &means);
    }
    let Some(labels) = labels else { return };
    let names = names(ensemble, Some(labels));
    match ensemble.link {
        Link::Identity | Link::Exp | Link::Isolation { .. } => {}
        Link::Logistic => {
            let second = graph.inner_name("probability_of_second");
            graph.node("Sigmoid", &[&means], &[&second], vec![]);
            add_first(graph, dtype, &second, PROBABILITIES);
        }
        Link::Softmax => graph.node("Softmax", &[&means], &[PROBABILITIES], vec![int_attribute("axis", 1)]),
        Link::Shares => shares(graph, dtype, labels, &means, &names),
    }
    for (labels, names) in labels.outputs().iter().zip(pairs(labels, &names)) {
        label(graph, labels, &names[1], &names[0]);
    }
}

/// Probabilities of every output from the means of all.
fn shares(graph: &mut Graph, dtype: Dtype, labels: &ClassLabels, means: &str, names: &[String]) {
    let is_alone = !matches!(labels, ClassLabels::Several(_));
    let mut next = 0;
    for (labels, names) in labels.outputs().iter().zip(pairs(labels, names)) {
        let width = if labels.len() == 2 { 1 } else { labels.len() as i64 };
        let mut own = means.to_owned();
        if !is_alone {
            let columns = graph.constant("columns", int64s(next..next + width));
            own = if labels.len() == 2 { graph.inner_name("second") } else { names[1].clone() };
            graph.node("Gather", &[means, &columns], &[&own], vec![int_attribute("axis", 1)]);
        }
        if labels.len() == 2 {
            add_first(graph, dtype, &own, &names[1]);
        }
        next += width;
    }
}

/// Scores, decisions and labels from mean path lengths: `2^x` is written as `exp(x · ln 2)`.
fn isolation(graph: &mut Graph, dtype: Dtype, expected: f64, offset: f64, means: &str) {
    let [powers, shares, is_outlier, outlier] =
        ["exponent", "abnormality", "is_outlier", "outlier"].map(|name| graph.inner_name(name));
    if expected > 0.0 {
        let rate = graph.constant("rate", floats(dtype, [-std::f64::consts::LN_2 / expected]));
        graph.node("Mul", &[means, &rate], &[&powers], vec![]);
    } else {
        // Trees of one row each have paths of length 0, which stand for the expected length.
        let rate = graph.constant("rate", floats(dtype, [std::f64::consts::LN_2]));
        graph.node("Sub", &[means, &rate], &[&powers], vec![]);
    }
    let zero = graph.constant("zero", floats(dtype, [0.0]));
    let offset = graph.constant("offset", floats(dtype, [offset]));
    graph.node("Exp", &[&powers], &[&shares], vec![]);
    graph.node("Sub", &[&zero, &shares], &[SCORES], vec![]);
    graph.node("Sub", &[SCORES, &offset], &[DECISION], vec![]);
    graph.node("Less", &[DECISION, &zero], &[&is_outlier], vec![]);
    graph.node("Cast", &[&is_outlier], &[&outlier], vec![int_attribute("to", i64::from(data_type::INT64))]);
    let signs = graph.constant("signs", int64s([1, -1]));
    let column = graph.inner_name("sign");
    let axis = graph.constant("row_axis", int64s([1]));
    graph.node("Gather", &[&signs, &outlier], &[&column], vec![int_attribute("axis", 0)]);
    graph.node("Squeeze", &[&column, &axis], &[LABEL], vec![]);
}

/// Both probabilities from that of the second of two classes.
pub fn add_first(graph: &mut Graph, dtype: Dtype, second: &str, probabilities: &str) {
    let first = graph.inner_name("probability_of_first");
    let one = graph.constant("one", floats(dtype, [1.0]));
    graph.node("Sub", &[&one, second], &[&first], vec![]);
    graph.node("Concat", &[&first, second], &[probabilities], vec![int_attribute("axis", 1)]);
}

/// The label of the most probable class.
pub fn label(graph: &mut Graph, labels: &ClassLabels, probabilities: &str, name: &str) {
    let best = graph.inner_name("best");
    graph.node("ArgMax", &[probabilities], &[&best], vec![int_attribute("axis", 1), int_attribute("keepdims", 0)]);
    name_classes(graph, labels, &best, name);
}

/// The label of the second of two classes where its probability `second [N, 1]` is above a number.
pub fn label_above(graph: &mut Graph, dtype: Dtype, labels: &ClassLabels, second: &str, above: f64, name: &str) {
    let [is_second, column, number] =
        ["is_second", "second_or_first", "class_number"].map(|name| graph.inner_name(name));
    let threshold = graph.constant("threshold", floats(dtype, [above]));
    let axis = graph.constant("row_axis", int64s([1]));
    graph.node("Greater", &[second, &threshold], &[&is_second], vec![]);
    graph.node("Cast", &[&is_second], &[&column], vec![int_attribute("to", i64::from(data_type::INT64))]);
    graph.node("Squeeze", &[&column, &axis], &[&number], vec![]);
    name_classes(graph, labels, &number, name);
}

/// Labels of classes from their numbers `[N]`.
fn name_classes(graph: &mut Graph, labels: &ClassLabels, numbers: &str, name: &str) {
    let labels = match labels {
        ClassLabels::Int64s(labels) => int64s(labels.iter().copied()),
        ClassLabels::Strings(labels) => strings(labels),
        ClassLabels::Several(_) => unreachable!("an output has labels of one kind"),
    };
    let classes = graph.constant("classes", labels);
    graph.node("Gather", &[&classes, numbers], &[name], vec![int_attribute("axis", 0)]);
}
