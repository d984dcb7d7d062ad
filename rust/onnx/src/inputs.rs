//! From the file's inputs to the one matrix `[N, F]` that the trees read.
//!
//! A category column enters the matrix as its codes, looked up by `LabelEncoder`. Membership is never tested on the categories'
//! own numbers: onnxruntime (1.32) refuses members that no int32 holds, and onnx's reference evaluator ends a set at the member 0.
//! Codes are whole and at least 1, which both get right; NaN, `""` and unknown categories become the code 0, which is in no set.

use std::collections::BTreeSet;

use arsenal_core::ensemble::{Feature, FeatureKind, TreeEnsemble};
use arsenal_core::{Result, value_error};

use crate::adapt;
use crate::graph::Graph;
use crate::proto::data_type;
use crate::tensor::{float_type, floats, int_attribute, int64s, strings, tensor_attribute, value_info};

/// The input of a model whose columns are all numbers.
const MATRIX: &str = "X";

/// The names of all inputs and of the outputs, which are given.
///
/// # Errors
/// If each column is an input and a column's name is empty, doubled, or an output's, or holds NUL.
pub fn reserved_names(ensemble: &TreeEnsemble, outputs: &[&str]) -> Result<BTreeSet<String>> {
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
        if name.contains('\0') {
            return value_error!(
                "column {index} is named {name:?}, wanted a name without NUL; with string columns each column is an input"
            );
        }
        if outputs.contains(&name.as_str()) {
            return value_error!("a column is named {name:?} like an input or output of the model; rename the column");
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
            _ => float_type(ensemble.dtype),
        };
        graph.input(value_info(&feature.name, elem_type, Some(1)));
    }
    (0..ensemble.features.len()).map(|index| encoded(graph, ensemble, index, &ensemble.features[index].name)).collect()
}

/// The matrix `X` cut into category columns, encoded, and the runs of number columns between them that are read alike.
fn runs(graph: &mut Graph, ensemble: &TreeEnsemble) -> Vec<String> {
    let mut runs: Vec<Vec<i64>> = Vec::new();
    for (index, feature) in ensemble.features.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if is_number(feature) && feature.kind == ensemble.features[run[0] as usize].kind => {
                run.push(index as i64);
            }
            _ => runs.push(vec![index as i64]),
        }
    }
    if let [_] = runs.as_slice() {
        return vec![encoded(graph, ensemble, 0, MATRIX)];
    }
    let mut pieces = Vec::with_capacity(runs.len());
    for run in runs {
        let first = run[0] as usize;
        let indices = graph.constant("indices", int64s(run));
        let columns = graph.inner_name("columns");
        graph.node("Gather", &[MATRIX, &indices], &[&columns], vec![int_attribute("axis", 1)]);
        pieces.push(encoded(graph, ensemble, first, &columns));
    }
    pieces
}

fn is_number(feature: &Feature) -> bool {
    feature.kind.n_categories().is_none()
}

/// `column` as it enters the matrix: a number as it is or adapted, a category as its code, which is a number of the model's type at
/// once.
fn encoded(graph: &mut Graph, ensemble: &TreeEnsemble, index: usize, column: &str) -> String {
    let dtype = ensemble.dtype;
    let kind = &ensemble.features[index].kind;
    let keys = match kind {
        FeatureKind::Numeric => return column.to_owned(),
        FeatureKind::Float32 => return adapt::rounded(graph, dtype, column),
        FeatureKind::ZeroIsMissing => return adapt::without_zero(graph, dtype, column),
        // An encoder needs a key: a column without any category gets the missing value's, which has code 0 anyway.
        FeatureKind::NumericCategories(values) | FeatureKind::WholeCategories { values, .. } if values.is_empty() => {
            floats(dtype, [f64::NAN])
        }
        FeatureKind::StringCategories(levels) if levels.is_empty() => strings(&[String::new()]),
        FeatureKind::NumericCategories(values) | FeatureKind::WholeCategories { values, .. } => {
            floats(dtype, values.iter().copied())
        }
        FeatureKind::StringCategories(levels) => strings(levels),
    };
    let whole = match kind {
        FeatureKind::WholeCategories { above, .. } => Some(adapt::whole(graph, dtype, column, *above)),
        _ => None,
    };
    let column = whole.as_deref().unwrap_or(column);
    let codes = match ensemble.features[index].kind.n_categories() {
        None | Some(0) => vec![0.0],
        Some(n) => (1..=n).map(|code| code as f64).collect(),
    };
    let code = graph.inner_name("code");
    let attributes = vec![
        tensor_attribute("keys_tensor", keys),
        tensor_attribute("values_tensor", floats(dtype, codes)),
        tensor_attribute("default_tensor", floats(dtype, [0.0])),
    ];
    graph.node("LabelEncoder", &[column], &[&code], attributes);
    code
}
