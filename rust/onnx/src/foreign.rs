//! Models that were learned elsewhere: `TreeEnsemble` for the sums, standard operators for the rest.

use arsenal_core::Result;
use arsenal_core::ensemble::Dtype;
use arsenal_core::foreign::{ForeignModel, Step, Task};

use crate::graph::Graph;
use crate::outputs::{LABEL, PROBABILITIES, VARIABLE};
use crate::tensor::{floats, int_attribute};
use crate::{Options, check, inputs, model_bytes, orders, outputs, trees_v5};

/// Writes a model of another library as the bytes of an ONNX file, with inputs and outputs as in [`crate::write()`]; a regressor with
/// several targets gives `variable [N, targets]`.
///
/// # Errors
/// As [`crate::write()`].
pub fn write_foreign(model: &ForeignModel, options: &Options) -> Result<Vec<u8>> {
    let ensemble = &model.ensemble;
    let labels = options.class_labels.as_ref();
    check::check_foreign(model, labels)?;
    let orders = orders(ensemble)?;
    let names: &[&str] = if labels.is_some() { &[LABEL, PROBABILITIES] } else { &[VARIABLE] };
    let mut graph = Graph::new(inputs::reserved_names(ensemble, names)?);
    let matrix = inputs::matrix(&mut graph, ensemble);
    outputs::declare(&mut graph, ensemble, labels);
    let result = match model.task {
        Task::Numbers => VARIABLE.to_owned(),
        Task::Classes => PROBABILITIES.to_owned(),
        Task::TwoClasses { .. } => graph.inner_name("probability_of_second"),
    };
    let mut value = if model.steps.is_empty() { result.clone() } else { graph.inner_name("sums") };
    trees_v5::add_trees(&mut graph, ensemble, &orders, &matrix, &value);
    for (place, step) in model.steps.iter().enumerate() {
        let next = if place + 1 == model.steps.len() { result.clone() } else { graph.inner_name("value") };
        add_step(&mut graph, ensemble.dtype, step, &value, &next);
        value = next;
    }
    if let Task::TwoClasses { .. } = model.task {
        outputs::add_first(&mut graph, ensemble.dtype, &value, PROBABILITIES);
    }
    match (labels, model.task) {
        (None, _) => {}
        (Some(labels), Task::TwoClasses { above }) if above != 0.5 => {
            outputs::label_above(&mut graph, ensemble.dtype, labels, &value, above, LABEL);
        }
        (Some(labels), _) => outputs::label(&mut graph, labels, PROBABILITIES, LABEL),
    }
    model_bytes(graph, (10, 5), ensemble, options)
}

fn add_step(graph: &mut Graph, dtype: Dtype, step: &Step, value: &str, result: &str) {
    let with = |graph: &mut Graph, operator: &str, numbers: &[f64]| {
        let number = graph.constant("number", floats(dtype, numbers.iter().copied()));
        graph.node(operator, &[value, &number], &[result], vec![]);
    };
    match step {
        Step::Multiply(factor) => with(graph, "Mul", &[*factor]),
        Step::Divide(divisor) => with(graph, "Div", &[*divisor]),
        Step::Add(summands) => with(graph, "Add", summands),
        Step::Sigmoid => graph.node("Sigmoid", &[value], &[result], vec![]),
        Step::Exp => graph.node("Exp", &[value], &[result], vec![]),
        Step::Softmax => graph.node("Softmax", &[value], &[result], vec![int_attribute("axis", 1)]),
        Step::SignedSquare => {
            let square = graph.inner_name("square");
            let negative = graph.inner_name("negative");
            graph.node("Mul", &[value, value], &[&square], vec![]);
            graph.node("Neg", &[&square], &[&negative], vec![]);
            let zero = graph.constant("zero", floats(dtype, [0.0]));
            let is_negative = graph.inner_name("is_negative");
            graph.node("Less", &[value, &zero], &[&is_negative], vec![]);
            graph.node("Where", &[&is_negative, &negative, &square], &[result], vec![]);
        }
        Step::Positive => {
            let zero = graph.constant("zero", floats(dtype, [0.0]));
            let one = graph.constant("one", floats(dtype, [1.0]));
            let is_positive = graph.inner_name("is_positive");
            graph.node("Greater", &[value, &zero], &[&is_positive], vec![]);
            graph.node("Where", &[&is_positive, &one, &zero], &[result], vec![]);
        }
    }
}
