//! From the sums to what the file gives.

use arsenal_core::ensemble::{Dtype, Link, TreeEnsemble};

use crate::ClassLabels;
use crate::graph::Graph;
use crate::proto::data_type;
use crate::tensor::{float_type, floats, int_attribute, int64s, strings, value_info};

/// A classifier's outputs.
pub const LABEL: &str = "label";
/// Rows sum to 1.
pub const PROBABILITIES: &str = "probabilities";
/// A regressor's output.
pub const VARIABLE: &str = "variable";

/// The names of the outputs.
pub fn names(link: Link) -> &'static [&'static str] {
    match link {
        Link::Identity | Link::Exp => &[VARIABLE],
        Link::Logistic | Link::Softmax => &[LABEL, PROBABILITIES],
    }
}

/// Declares the outputs; a regressor's is as wide as the ensemble has targets.
pub fn declare(graph: &mut Graph, ensemble: &TreeEnsemble, labels: Option<&ClassLabels>) {
    let dtype = ensemble.dtype;
    match labels {
        None => graph.output(value_info(VARIABLE, float_type(dtype), Some(ensemble.n_targets))),
        Some(labels) => {
            let label_type = match labels {
                ClassLabels::Int64s(_) => data_type::INT64,
                ClassLabels::Strings(_) => data_type::STRING,
            };
            graph.output(value_info(LABEL, label_type, None));
            graph.output(value_info(PROBABILITIES, float_type(dtype), Some(labels.len())));
        }
    }
}

/// The name under which a regressor's trees leave their sums, and what follows them: nothing, or the inverse of the link.
pub fn regress(graph: &mut Graph, link: Link, add_trees: impl FnOnce(&mut Graph, &str)) {
    if link == Link::Exp {
        let sums = graph.inner_name("sums");
        add_trees(graph, &sums);
        graph.node("Exp", &[&sums], &[VARIABLE], vec![]);
    } else {
        add_trees(graph, VARIABLE);
    }
}

/// Adds the standard operators that turn the value `sums [N, targets]` into probabilities and labels.
///
/// `TreeEnsemble` has a `post_transform` too, but onnxruntime (1.32) and the reference evaluator both leave it out.
pub fn classify(graph: &mut Graph, dtype: Dtype, link: Link, labels: &ClassLabels, sums: &str) {
    if link == Link::Logistic {
        let second = graph.inner_name("probability_of_second");
        graph.node("Sigmoid", &[sums], &[&second], vec![]);
        both(graph, dtype, &second);
    } else {
        graph.node("Softmax", &[sums], &[PROBABILITIES], vec![int_attribute("axis", 1)]);
    }
    label(graph, labels);
}

/// From the probability of the second of two classes to both.
pub fn both(graph: &mut Graph, dtype: Dtype, second: &str) {
    let first = graph.inner_name("probability_of_first");
    let one = graph.constant("one", floats(dtype, [1.0]));
    graph.node("Sub", &[&one, second], &[&first], vec![]);
    graph.node("Concat", &[&first, second], &[PROBABILITIES], vec![int_attribute("axis", 1)]);
}

/// From the probabilities to the label.
pub fn label(graph: &mut Graph, labels: &ClassLabels) {
    let best = graph.inner_name("best");
    let classes = graph.constant(
        "classes",
        match labels {
            ClassLabels::Int64s(labels) => int64s(labels.iter().copied()),
            ClassLabels::Strings(labels) => strings(labels),
        },
    );
    graph.node("ArgMax", &[PROBABILITIES], &[&best], vec![int_attribute("axis", 1), int_attribute("keepdims", 0)]);
    graph.node("Gather", &[&classes, &best], &[LABEL], vec![int_attribute("axis", 0)]);
}
