//! Models of other libraries for Python: a file in, an ONNX file out.

use arsenal_core::ensemble::{Feature, FeatureKind};
use arsenal_core::foreign::{Classes, ForeignModel, Step, Task};
use arsenal_core::{Result, value_error};
use arsenal_models::trees::foreign::{Asked, Library, State, TreeArrays, from_arrays, read};
use arsenal_onnx::{ClassLabels, Options, write_foreign};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use crate::error::{enter, to_python};
use crate::models::PyClassLabels;

/// A model of another library as an ONNX file.
#[pyclass(frozen, get_all, module = "arsenal._rust")]
pub struct ForeignFile {
    /// The ONNX file.
    onnx: Py<PyBytes>,
    /// The trees, for explanations.
    state: Py<ForeignState>,
    /// The package that learned the model.
    library: String,
    /// The columns.
    feature_names: Vec<String>,
    /// Labels of the classes; None for numbers.
    classes: Option<Py<PyAny>>,
    /// Of two classes the second is predicted where its probability is above it; None where the most probable one is.
    threshold: Option<f64>,
}

/// The trees of a model of another library; pickles as bytes.
#[pyclass(frozen, module = "arsenal._rust")]
pub struct ForeignState(pub State);

#[pymethods]
impl ForeignState {
    /// Reads what `to_bytes` wrote.
    #[new]
    fn from_bytes(py: Python<'_>, state: &[u8]) -> PyResult<Self> {
        State::from_bytes(state).map(Self).map_err(|error| to_python(py, &error))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.0.to_bytes());
        bytes.map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| to_python(py, &error))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, (Bound<'py, PyBytes>,))> {
        Ok((PyType::new::<Self>(py), (self.to_bytes(py)?,)))
    }
}

/// Reads a model file, which must be of `library` if one is named. Without `classes` a classifier's are 0, 1, …; without `n_iterations` the model's own choice is taken.
#[pyfunction]
#[pyo3(signature = (content, library=None, classes=None, n_iterations=None))]
pub fn read_foreign_model(
    py: Python<'_>,
    content: &[u8],
    library: Option<&str>,
    classes: Option<PyClassLabels>,
    n_iterations: Option<usize>,
) -> PyResult<ForeignFile> {
    let given = classes.map(PyClassLabels::into_core);
    let (library, model, labels, onnx) = enter(py, |_| {
        let wanted = library;
        let library = Library::of(content)?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != library.name()) {
            return value_error!("this is a model of {}, wanted one of {wanted}", library.name());
        }
        let model = read(content, library, Asked { n_iterations, n_classes: given.as_ref().map(ClassLabels::len) })?;
        let labels = given.or_else(|| labels(&model));
        let onnx = onnx_bytes(&model, library.name(), labels.clone())?;
        Ok((library.name(), model, labels, onnx))
    })?;
    file(py, library, model, labels, &onnx)
}

fn file(
    py: Python<'_>,
    library: &str,
    model: ForeignModel,
    labels: Option<ClassLabels>,
    onnx: &[u8],
) -> PyResult<ForeignFile> {
    Ok(ForeignFile {
        onnx: PyBytes::new(py, onnx).unbind(),
        library: library.to_owned(),
        feature_names: model.ensemble.features.iter().map(|feature| feature.name.clone()).collect(),
        classes: match labels {
            None => None,
            Some(ClassLabels::Int64s(labels)) => Some(labels.into_pyobject(py)?.into_any().unbind()),
            Some(ClassLabels::Strings(labels)) => Some(labels.into_pyobject(py)?.into_any().unbind()),
            Some(ClassLabels::Several(_)) => unreachable!("a model of another library has one output"),
        },
        threshold: match model.task {
            Task::TwoClasses { above } if above != 0.5 => Some(above),
            _ => None,
        },
        state: Py::new(py, ForeignState(State::new(model)))?,
    })
}

/// The file's own labels, or else 0, 1, …; `None` for numbers.
fn labels(model: &ForeignModel) -> Option<ClassLabels> {
    model.n_classes().map(|n| match &model.classes {
        Classes::Unnamed => ClassLabels::Int64s((0..n as i64).collect()),
        Classes::Numbers(labels) => ClassLabels::Int64s(labels.clone()),
        Classes::Texts(labels) => ClassLabels::Strings(labels.clone()),
    })
}

fn onnx_bytes(model: &ForeignModel, library: &str, class_labels: Option<ClassLabels>) -> Result<Vec<u8>> {
    let name = if class_labels.is_some() { "ForeignClassifier" } else { "ForeignRegressor" };
    let metadata = vec![("arsenal.learned_by".to_owned(), library.to_owned())];
    write_foreign(model, &Options { class_labels, metadata, ..Options::new(name) })
}

/// A column: its name, how it is read, and its categories if it has any.
#[derive(FromPyObject)]
pub struct PyColumn(String, String, Option<PyCategories>);

#[derive(FromPyObject)]
enum PyCategories {
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

/// `arsenal_models::trees::foreign::TreeArrays` as a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct PyTree<'py> {
    left: PyReadonlyArray1<'py, i64>,
    right: PyReadonlyArray1<'py, i64>,
    feature: PyReadonlyArray1<'py, i64>,
    threshold: PyReadonlyArray1<'py, f64>,
    missing_left: PyReadonlyArray1<'py, bool>,
    values: PyReadonlyArray1<'py, f64>,
    cover: PyReadonlyArray1<'py, f64>,
    sets: Vec<(usize, Vec<u32>)>,
}

impl PyTree<'_> {
    fn copied(&self) -> TreeArrays {
        TreeArrays {
            left: self.left.as_array().to_vec(),
            right: self.right.as_array().to_vec(),
            feature: self.feature.as_array().to_vec(),
            threshold: self.threshold.as_array().to_vec(),
            missing_left: self.missing_left.as_array().to_vec(),
            values: self.values.as_array().to_vec(),
            cover: self.cover.as_array().to_vec(),
            sets: self.sets.clone(),
        }
    }
}

/// Makes a model of trees as arrays. `targets` is their number and that of the values per node; `steps` are
/// names with numbers; `task` is "numbers", "two classes" or "classes".
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the parts of a model")]
pub fn read_foreign_trees(
    py: Python<'_>,
    library: &str,
    columns: Vec<PyColumn>,
    trees: Vec<PyTree<'_>>,
    targets: (usize, usize),
    starts: Vec<f64>,
    steps: Vec<(String, f64)>,
    task: &str,
    classes: Option<PyClassLabels>,
) -> PyResult<ForeignFile> {
    let trees: Vec<TreeArrays> = trees.iter().map(PyTree::copied).collect();
    let given = classes.map(PyClassLabels::into_core);
    let (model, onnx) = enter(py, |_| {
        let features = columns.into_iter().map(feature).collect::<Result<Vec<_>>>()?;
        let steps = steps.into_iter().map(|(name, number)| step(&name, number)).collect::<Result<Vec<_>>>()?;
        let task = match task {
            "numbers" => Task::Numbers,
            "two classes" => Task::TwoClasses { above: 0.5 },
            "classes" => Task::Classes,
            other => return value_error!("the task is {other:?}"),
        };
        let model = from_arrays(features, &trees, targets, &starts, steps, task)?;
        let onnx = onnx_bytes(&model, library, given.clone())?;
        Ok((model, onnx))
    })?;
    file(py, library, model, given, &onnx)
}

fn feature(PyColumn(name, kind, categories): PyColumn) -> Result<Feature> {
    let kind = match (kind.as_str(), categories) {
        ("float64", _) => FeatureKind::Numeric,
        ("float32", _) => FeatureKind::Float32,
        ("categories", Some(PyCategories::Numbers(values))) => FeatureKind::NumericCategories(values),
        ("categories", Some(PyCategories::Texts(levels))) => FeatureKind::StringCategories(levels),
        (other, _) => return value_error!("column {name:?} is {other:?}"),
    };
    Ok(Feature { name, kind })
}

fn step(name: &str, number: f64) -> Result<Step> {
    Ok(match name {
        "multiply" => Step::Multiply(number),
        "divide" => Step::Divide(number),
        "add" => Step::Add(vec![number]),
        "sigmoid" => Step::Sigmoid,
        "softmax" => Step::Softmax,
        "exp" => Step::Exp,
        other => return value_error!("a step is {other:?}"),
    })
}
