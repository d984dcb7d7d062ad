//! From the file's inputs to the one matrix `[N, F]` that the trees read.
//!
//! A category column enters the matrix as its codes, looked up by `LabelEncoder`. Membership is never tested on the categories'
//! own numbers: onnxruntime (1.32) refuses members that no int32 holds, and onnx's reference evaluator ends a set at the member 0.
//! Codes are whole and at least 1, which both get right; NaN, `""` and unknown categories become the code 0, which is in no set.

use std::collections::BTreeSet;

use arsenal_core::ensemble::{Dtype, Feature, FeatureKind, TreeEnsemble};
use arsenal_core::{Result, value_error};

use crate::graph::Graph;
use crate::outputs;
use crate::proto::{AttributeProto, data_type};
use crate::tensor::{
    float_type, floats, int_attribute, int64s, ints_attribute, strings_attribute, tensor_attribute, value_info,
};

/// The input of a model whose columns are all numbers.
const MATRIX: &str = "X";

/// The names of all inputs and outputs.
///
/// # Errors
/// If each column is an input and a column's name is empty, doubled, or an output's.
pub fn reserved_names(ensemble: &TreeEnsemble) -> Result<BTreeSet<String>> {
    let outputs = outputs::names(ensemble.link);
    let mut taken: BTreeSet<String> = outputs.iter().map(|&name| name.to_owned()).collect();
    if !by_column(ensemble) {
        taken.insert(MATRIX.to_owned());
        return Ok(taken);
    }
    for (index, Feature { name, .. }) in ensemble.features.iter().enumerate() {
        if name.is_empty() {
            return value_error!(
                "column {index} has an empty name; with string columns each column is an input and needs one"
            );
        }
        if outputs.contains(&name.as_str()) {
            return value_error!("a column is named {name:?} like the model's output; rename the column");
        }
        if !taken.insert(name.clone()) {
            return value_error!(
                "two columns are named {name:?}; with string columns each column is an input of its own"
            );
        }
    }
    Ok(taken)
}

/// Whether each column is an input of its own: a tensor has one type, so one string column parts them all.
fn by_column(ensemble: &TreeEnsemble) -> bool {
    ensemble.features.iter().any(|feature| matches!(feature.kind, FeatureKind::StringCategories(_)))
}

/// Declares the inputs and returns the name of the matrix that the trees read.
pub fn matrix(graph: &mut Graph, ensemble: &TreeEnsemble) -> String {
    if !by_column(ensemble) {
        graph.input(value_info(MATRIX, float_type(ensemble.dtype), Some(ensemble.features.len())));
    }
    let pieces = if by_column(ensemble) { columns(graph, ensemble) } else { runs(graph, ensemble) };
    if let [matrix] = pieces.as_slice() {
        return matrix.clone();
    }
    let matrix = graph.inner_name("matrix");
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    graph.node("Concat", &pieces, &[&matrix], vec![int_attribute("axis", 1)]);
    matrix
}

/// One input per column, categories encoded.
fn columns(graph: &mut Graph, ensemble: &TreeEnsemble) -> Vec<String> {
    for feature in &ensemble.features {
        let elem_type = match feature.kind {
            FeatureKind::StringCategories(_) => data_type::STRING,
            FeatureKind::Numeric | FeatureKind::NumericCategories(_) => float_type(ensemble.dtype),
        };
        graph.input(value_info(&feature.name, elem_type, Some(1)));
    }
    (0..ensemble.features.len()).map(|index| encoded(graph, ensemble, index, &ensemble.features[index].name)).collect()
}

/// The matrix `X` cut into category columns, encoded, and the runs of number columns between them.
fn runs(graph: &mut Graph, ensemble: &TreeEnsemble) -> Vec<String> {
    let mut widths: Vec<(usize, i64)> = Vec::new();
    for (index, feature) in ensemble.features.iter().enumerate() {
        match widths.last_mut() {
            Some((first, width)) if is_number(feature) && is_number(&ensemble.features[*first]) => *width += 1,
            _ => widths.push((index, 1)),
        }
    }
    if let [_] = widths.as_slice() {
        return vec![encoded(graph, ensemble, 0, MATRIX)];
    }
    let names: Vec<String> = widths.iter().map(|_| graph.inner_name("columns")).collect();
    let sizes = graph.constant("widths", int64s(widths.iter().map(|&(_, width)| width)));
    let outputs: Vec<&str> = names.iter().map(String::as_str).collect();
    graph.node("Split", &[MATRIX, &sizes], &outputs, vec![int_attribute("axis", 1)]);
    widths.iter().zip(&names).map(|(&(index, _), name)| encoded(graph, ensemble, index, name)).collect()
}

fn is_number(feature: &Feature) -> bool {
    feature.kind == FeatureKind::Numeric
}

/// `column` as it enters the matrix: a number as it is, a category as its code in the model's float type.
fn encoded(graph: &mut Graph, ensemble: &TreeEnsemble, index: usize, column: &str) -> String {
    let (keys, n_categories) = match &ensemble.features[index].kind {
        FeatureKind::Numeric => return column.to_owned(),
        // An encoder needs a key: a column without any category gets the missing value's, which has code 0 anyway.
        FeatureKind::StringCategories(levels) if levels.is_empty() => (strings_attribute("keys_strings", [""]), 0),
        FeatureKind::NumericCategories(values) if values.is_empty() => (number_keys(ensemble.dtype, &[f64::NAN]), 0),
        FeatureKind::StringCategories(levels) => {
            (strings_attribute("keys_strings", levels.iter().map(String::as_str)), levels.len())
        }
        FeatureKind::NumericCategories(values) => (number_keys(ensemble.dtype, values), values.len()),
    };
    let codes: Vec<i64> = if n_categories == 0 { vec![0] } else { (1..=n_categories as i64).collect() };
    let tensors = keys.t.is_some();
    let (values, default) = if tensors {
        (tensor_attribute("values_tensor", int64s(codes)), tensor_attribute("default_tensor", int64s([0])))
    } else {
        (ints_attribute("values_int64s", codes), int_attribute("default_int64", 0))
    };
    let code = graph.inner_name("code");
    graph.node("LabelEncoder", &[column], &[&code], vec![keys, values, default]);
    let number = graph.inner_name("code_as_number");
    graph.node("Cast", &[&code], &[&number], vec![int_attribute("to", i64::from(float_type(ensemble.dtype)))]);
    number
}

fn number_keys(dtype: Dtype, values: &[f64]) -> AttributeProto {
    tensor_attribute("keys_tensor", floats(dtype, values.iter().copied()))
}
