//! Quantile regression forests: quantiles of what the trees drew, in standard operators.

use arsenal_core::ensemble::{Dtype, Tree, TreeEnsemble};
use arsenal_core::{Result, value_error};

use crate::graph::Graph;
use crate::outputs::VARIABLE;
use crate::proto::{Dimension, data_type};
use crate::tensor::{axes_info, float_type, floats, int_attribute, int64s, matrix_of};
use crate::{Options, check, inputs, model_bytes, orders, trees_v5};

/// The input that says which quantiles are wanted.
const QUANTILES: &str = "quantiles";

/// Writes a regression forest that gives quantiles in place of means, as the bytes of an ONNX file.
///
/// `draws` holds, per leaf of all trees, one value per target. A row's quantiles are those of what its leaves hold, one per tree,
/// interpolated linearly. Besides the inputs of [`crate::write()`] there is `quantiles [1, Q]`, float64 within 0 and 1, which all
/// rows share; `variable` is `[N, Q]`, with several targets `[N, Q, targets]`.
///
/// # Errors
/// As [`crate::write()`], or if `draws` does not fit the trees.
pub fn write_quantiles(ensemble: &TreeEnsemble, draws: &[f64], options: &Options) -> Result<Vec<u8>> {
    check::check(ensemble, None)?;
    let n_leaves: usize = ensemble.trees.iter().map(Tree::n_leaves).sum();
    if draws.len() != n_leaves * ensemble.n_targets {
        return value_error!(
            "there are {} draws, wanted {} for each of {n_leaves} leaves",
            draws.len(),
            ensemble.n_targets
        );
    }
    let orders = orders(ensemble)?;
    let mut graph = Graph::new(inputs::reserved_names(ensemble, &[VARIABLE, QUANTILES])?);
    let matrix = inputs::matrix(&mut graph, ensemble);
    let [rows, quantiles] = ["N", "Q"].map(|name| Dimension::Param(name.into()));
    graph.input(axes_info(QUANTILES, data_type::DOUBLE, [Dimension::Value(1), quantiles.clone()]));
    let targets = (ensemble.n_targets > 1).then_some(Dimension::Value(ensemble.n_targets as i64));
    graph.output(axes_info(VARIABLE, float_type(ensemble.dtype), [rows, quantiles].into_iter().chain(targets)));

    let places = trees_v5::leaf_places(&mut graph, ensemble, &orders, &matrix);
    let sorted = sorted(&mut graph, ensemble, draws, n_leaves, &places);
    interpolate(&mut graph, ensemble, &sorted);
    model_bytes(graph, (10, 5), ensemble, options)
}

/// What the trees say of a row, in order along axis 1.
fn sorted(graph: &mut Graph, ensemble: &TreeEnsemble, draws: &[f64], n_leaves: usize, places: &str) -> String {
    let mut table = floats(ensemble.dtype, draws.iter().copied());
    if ensemble.n_targets > 1 {
        table = matrix_of(table, n_leaves, ensemble.n_targets);
    }
    let table = graph.constant("leaf_draws", table);
    let n_trees = graph.constant("n_trees", int64s([ensemble.trees.len() as i64]));
    let [drawn, sorted, order] = ["drawn", "sorted", "order"].map(|name| graph.inner_name(name));
    graph.node("Gather", &[&table, places], &[&drawn], vec![int_attribute("axis", 0)]);
    let smallest = vec![int_attribute("axis", 1), int_attribute("largest", 0)];
    graph.node("TopK", &[&drawn, &n_trees], &[&sorted, &order], smallest);
    sorted
}

/// `below + (above − below) · share`, where the quantile q lies at q · (trees − 1) among the sorted.
fn interpolate(graph: &mut Graph, ensemble: &TreeEnsemble, sorted: &str) {
    let to = |data_type: i32| vec![int_attribute("to", i64::from(data_type))];
    let last = graph.constant("last", floats(Dtype::F64, [ensemble.trees.len() as f64 - 1.0]));
    let row_axis = graph.constant("row_axis", int64s([0]));
    let [flat, position, floor, ceil, first, second, rest, share] =
        ["flat", "position", "floor", "ceil", "first", "second", "rest", "share"].map(|name| graph.inner_name(name));
    graph.node("Squeeze", &[QUANTILES, &row_axis], &[&flat], vec![]);
    graph.node("Mul", &[&flat, &last], &[&position], vec![]);
    graph.node("Floor", &[&position], &[&floor], vec![]);
    graph.node("Ceil", &[&position], &[&ceil], vec![]);
    graph.node("Cast", &[&floor], &[&first], to(data_type::INT64));
    graph.node("Cast", &[&ceil], &[&second], to(data_type::INT64));
    graph.node("Sub", &[&position, &floor], &[&rest], vec![]);
    graph.node("Cast", &[&rest], &[&share], to(float_type(ensemble.dtype)));
    let mut share = share;
    if ensemble.n_targets > 1 {
        let target_axis = graph.constant("target_axis", int64s([1]));
        let column = graph.inner_name("share_column");
        graph.node("Unsqueeze", &[&share, &target_axis], &[&column], vec![]);
        share = column;
    }
    let [below, above, gap, step] = ["below", "above", "gap", "step"].map(|name| graph.inner_name(name));
    graph.node("Gather", &[sorted, &first], &[&below], vec![int_attribute("axis", 1)]);
    graph.node("Gather", &[sorted, &second], &[&above], vec![int_attribute("axis", 1)]);
    graph.node("Sub", &[&above, &below], &[&gap], vec![]);
    graph.node("Mul", &[&gap, &share], &[&step], vec![]);
    graph.node("Add", &[&below, &step], &[VARIABLE], vec![]);
}
