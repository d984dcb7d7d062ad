//! Writes Arsenal's fitted structures as ONNX files; the only place on the learning side that knows the format.
//!
//! [`write()`] picks the plainest form that says a [`TreeEnsemble`] exactly:
//!
//! | the model | operators | input |
//! |---|---|---|
//! | f32, numbers only | `TreeEnsembleClassifier` or `TreeEnsembleRegressor` of ai.onnx.ml 3 | `X` float `[N, F]` |
//! | f64, or categories among the numbers | `TreeEnsemble` of ai.onnx.ml 5 | `X` of the model's type `[N, F]` |
//! | string columns | `LabelEncoder` per string column, then `TreeEnsemble` | one `[N, 1]` per column, named as the column |
//!
//! Forests of classes are `TreeEnsembleRegressor`s of shares: the rules by which `TreeEnsembleClassifier` labels two classes differ
//! between runtimes, those of `ArgMax` do not. A leaf of `TreeEnsemble` has one target: where it needs several values, the operator
//! gives the number of the leaf instead, and `Gather` looks the values up.
//!
//! Classifiers give `label [N]` and `probabilities [N, K]`, regressors `variable [N, targets]` (behind an `Exp`
//! where the link is a logarithm). Nothing is narrowed silently: what a
//! float32 cannot hold is an error.
#![forbid(unsafe_code)]

mod adapt;
mod check;
mod foreign;
mod graph;
mod inputs;
mod metadata;
mod order;
mod outputs;
mod proto;
mod quantiles;
mod tensor;
#[cfg(test)]
mod tests;
mod trees_v3;
mod trees_v5;

use arsenal_core::ensemble::{Child, Dtype, FeatureKind, TreeEnsemble};
use arsenal_core::{Result, value_error};
pub use foreign::write_foreign;
use graph::Graph;
pub use metadata::append_metadata;
use prost::Message;
pub use quantiles::write_quantiles;

/// The labels that a classifier predicts, in the order of its probabilities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassLabels {
    /// The output `label` is an int64 tensor.
    Int64s(Vec<i64>),
    /// The output `label` is a string tensor.
    Strings(Vec<String>),
    /// Several outputs, each with labels of its own; they are named `label_0`, `probabilities_0`, `label_1`, ….
    Several(Vec<ClassLabels>),
}

impl ClassLabels {
    /// Number of classes, of all outputs together.
    pub fn len(&self) -> usize {
        match self {
            Self::Int64s(labels) => labels.len(),
            Self::Strings(labels) => labels.len(),
            Self::Several(outputs) => outputs.iter().map(Self::len).sum(),
        }
    }

    /// The labels of each output.
    fn outputs(&self) -> &[Self] {
        match self {
            Self::Int64s(_) | Self::Strings(_) => std::slice::from_ref(self),
            Self::Several(outputs) => outputs,
        }
    }

    /// Whether there is no class.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a file says besides its trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The classifier's labels; `None` for a regressor.
    pub class_labels: Option<ClassLabels>,
    /// The estimator's class name, written as the metadata entry `arsenal.model`.
    pub model_name: String,
    /// The version of Arsenal that wrote the file.
    pub producer_version: String,
    /// Further metadata entries; keys must be distinct and none of ours. `arsenal.training_time_range` holds the first and last time
    /// of the training data, as a JSON list of two ISO 8601 strings.
    pub metadata: Vec<(String, String)>,
}

impl Options {
    /// No labels, no further metadata, this crate's version.
    pub fn new(model_name: impl Into<String>) -> Self {
        Self {
            class_labels: None,
            model_name: model_name.into(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            metadata: Vec::new(),
        }
    }
}

/// The domain of the standard operators is the empty string.
const ONNX_ML: &str = "ai.onnx.ml";

/// Opset 15 holds every standard operator that we write in the float types that we need; onnxruntime has it since 1.10.
const ONNX_OPSET: i64 = 15;

/// Writes `ensemble` as the bytes of an ONNX file. The same ensemble and options always give the same bytes.
///
/// O(nodes) time; the file takes about 20 bytes per node.
///
/// # Errors
/// [`arsenal_core::Error::Value`] if the ensemble breaks its contract (see [`arsenal_core::ensemble`]), if a number does not fit the
/// model's type, if the labels do not fit the link, or if string columns leave two inputs of one name.
///
/// # Examples
/// ```
/// use arsenal_core::ensemble::{Aggregate, Child, Dtype, Feature, FeatureKind, Link, Targets, Tree, TreeEnsemble};
///
/// let ensemble = TreeEnsemble {
///     features: vec![Feature { name: "age".into(), kind: FeatureKind::Numeric }],
///     dtype: Dtype::F32,
///     link: Link::Identity,
///     n_targets: 1,
///     targets: Targets::RoundRobin,
///     aggregate: Aggregate::Sum,
///     trees: vec![Tree { root: Child::Leaf(0), splits: vec![], values: vec![0.5], covers: vec![10.0] }],
/// };
/// let bytes = arsenal_onnx::write(&ensemble, &arsenal_onnx::Options::new("GradientBoostingRegressor"))?;
/// assert!(!bytes.is_empty());
/// # Ok::<(), arsenal_core::Error>(())
/// ```
pub fn write(ensemble: &TreeEnsemble, options: &Options) -> Result<Vec<u8>> {
    check::check(ensemble, options.class_labels.as_ref())?;
    let orders = orders(ensemble)?;
    let names = outputs::names(ensemble, options.class_labels.as_ref());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut graph = Graph::new(inputs::reserved_names(ensemble, &names)?);
    let numbers_only = ensemble.features.iter().all(|feature| feature.kind == FeatureKind::Numeric);
    let (ir_version, ml_opset) = if ensemble.dtype == Dtype::F32 && numbers_only {
        trees_v3::add(&mut graph, ensemble, &orders, options.class_labels.as_ref());
        (8, 3)
    } else {
        trees_v5::add(&mut graph, ensemble, &orders, options.class_labels.as_ref());
        (10, 5)
    };
    model_bytes(graph, (ir_version, ml_opset), ensemble, options)
}

/// The nodes of each tree in the order in which they are stored.
fn orders(ensemble: &TreeEnsemble) -> Result<Vec<Vec<Child>>> {
    ensemble.trees.iter().enumerate().map(|(t, tree)| order::preorder(t, tree)).collect()
}

fn model_bytes(
    graph: Graph,
    (ir_version, ml_opset): (i64, i64),
    ensemble: &TreeEnsemble,
    options: &Options,
) -> Result<Vec<u8>> {
    let model = proto::ModelProto {
        ir_version,
        producer_name: "arsenal".into(),
        producer_version: options.producer_version.clone(),
        graph: Some(graph.finish()),
        opset_import: vec![opset("", ONNX_OPSET), opset(ONNX_ML, ml_opset)],
        metadata_props: metadata::entries(ensemble, options)?,
    };
    // Protobuf readers stop at 2 GiB.
    match model.encoded_len() {
        size if size > i32::MAX as usize => {
            value_error!("the model takes {size} bytes as ONNX, a file may have {}", i32::MAX)
        }
        _ => Ok(model.encode_to_vec()),
    }
}

fn opset(domain: &str, version: i64) -> proto::OperatorSetIdProto {
    proto::OperatorSetIdProto { domain: Some(domain.to_owned()), version }
}
