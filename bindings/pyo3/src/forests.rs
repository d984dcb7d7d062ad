//! Forests for Python: tables in, the learner's state out; the state writes the ONNX file and inspects itself.

use std::sync::atomic::{AtomicUsize, Ordering};

use arsenal_core::ensemble::{Link, TreeEnsemble};
use arsenal_core::pool::n_threads;
use arsenal_core::{Error, Result, value_error};
use arsenal_models::trees::{forest, isolation};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrays::HeldTable;
use crate::error::{enter_watched, to_python};
use crate::models::{LabelledTable, ModelDescription, names_and_categories};

/// `arsenal_models::trees::forest::Params` as a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct ForestParams {
    n_estimators: usize,
    criterion: String,
    splitter: String,
    max_depth: Option<usize>,
    min_samples_split: usize,
    min_samples_leaf: usize,
    min_weight_fraction_leaf: f64,
    max_features: usize,
    max_leaf_nodes: Option<usize>,
    min_impurity_decrease: f64,
    bootstrap: Option<usize>,
    balanced_subsample: bool,
    ccp_alpha: f64,
    monotonic: Vec<i8>,
    out_of_bag: bool,
    max_bins: usize,
    seed: u64,
    n_jobs: Option<i64>,
}

impl ForestParams {
    fn to_core(&self) -> Result<forest::Params> {
        let criterion = match self.criterion.as_str() {
            "gini" => forest::Criterion::Gini,
            "entropy" | "log_loss" => forest::Criterion::Entropy,
            "squared_error" => forest::Criterion::SquaredError,
            "friedman_mse" => forest::Criterion::FriedmanMse,
            "poisson" => forest::Criterion::Poisson,
            "absolute_error" => forest::Criterion::AbsoluteError,
            other => return value_error!("criterion is {other:?}, wanted one that the estimator has"),
        };
        let splitter = match self.splitter.as_str() {
            "best" => forest::Splitter::Best,
            "random" => forest::Splitter::Random,
            other => return value_error!("splitter is {other:?}, wanted \"best\" or \"random\""),
        };
        Ok(forest::Params {
            n_estimators: self.n_estimators,
            criterion,
            splitter,
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf,
            min_weight_fraction_leaf: self.min_weight_fraction_leaf,
            max_features: self.max_features,
            max_leaf_nodes: self.max_leaf_nodes,
            min_impurity_decrease: self.min_impurity_decrease,
            bootstrap: self.bootstrap,
            balanced_subsample: self.balanced_subsample,
            ccp_alpha: self.ccp_alpha,
            monotonic: self.monotonic.clone(),
            out_of_bag: self.out_of_bag,
            max_bins: self.max_bins,
            seed: self.seed,
            n_threads: n_threads(self.n_jobs)?,
        })
    }
}

/// Number of classes of each output, or number of outputs.
#[derive(FromPyObject)]
pub enum ForestOutputs {
    /// Classes.
    Classes(Vec<usize>),
    /// Numbers.
    Numbers(usize),
}

fn onnx(ensemble: &TreeEnsemble, description: ModelDescription) -> Result<Vec<u8>> {
    arsenal_onnx::write(ensemble, &description.into_options())
}

/// A fitted forest: trees, gains, covers and bins.
#[pyclass(frozen, module = "arsenal._rust")]
pub struct ForestState(pub forest::State);

/// Index pointers and indices of a sparse matrix.
type Paths<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>);

#[pymethods]
impl ForestState {
    /// Reads what `to_bytes` wrote.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, state: &[u8]) -> PyResult<Self> {
        forest::State::from_bytes(state).map(Self).map_err(|error| to_python(py, &error))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.0.to_bytes());
        bytes.map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| to_python(py, &error))
    }

    /// The model as an ONNX file.
    fn onnx<'py>(&self, py: Python<'py>, description: ModelDescription) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| onnx(&self.0.ensemble, description));
        bytes.map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| to_python(py, &error))
    }

    /// The regression forest that gives quantiles, as an ONNX file.
    fn quantile_onnx<'py>(&self, py: Python<'py>, description: ModelDescription) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| {
            arsenal_onnx::write_quantiles(&self.0.ensemble, &self.0.draws.concat(), &description.into_options())
        });
        bytes.map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| to_python(py, &error))
    }

    /// Per tree: row-major, the targets of the training row that each leaf drew. Empty for classes.
    #[getter]
    fn draws(&self) -> Vec<Vec<f64>> {
        self.0.draws.clone()
    }

    #[getter]
    fn n_trees(&self) -> usize {
        self.0.ensemble.trees.len()
    }

    /// Number of nodes of each tree.
    #[getter]
    fn n_nodes(&self) -> Vec<usize> {
        self.0.n_nodes()
    }

    /// Number of leaves of each tree.
    #[getter]
    fn n_leaves(&self) -> Vec<usize> {
        self.0.ensemble.trees.iter().map(arsenal_core::ensemble::Tree::n_leaves).collect()
    }

    /// Most splits from the root to a leaf, of each tree.
    #[getter]
    fn depths(&self) -> Vec<usize> {
        self.0.ensemble.trees.iter().map(arsenal_core::ensemble::Tree::depth).collect()
    }

    /// Each column's mean share in the decrease of impurity.
    fn importances<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_vec(py, self.0.importances())
    }

    /// A forest of one tree alone; None where there is no such tree.
    fn tree(&self, tree: usize) -> Option<Self> {
        self.0.tree(tree).map(Self)
    }

    /// Row-major, the number of the leaf that each tree gives a row.
    fn apply<'py>(
        &self,
        py: Python<'py>,
        table: Bound<'py, PyAny>,
        n_jobs: Option<i64>,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let table = HeldTable::new(&table)?;
        let view = table.view().map_err(|error| to_python(py, &error))?;
        let leaves = py.detach(|| self.0.apply(&view, n_threads(n_jobs)?));
        leaves.map(|leaves| PyArray1::from_vec(py, leaves)).map_err(|error| to_python(py, &error))
    }

    /// The nodes that each row passes: index pointers and indices.
    fn paths<'py>(&self, py: Python<'py>, table: Bound<'py, PyAny>, n_jobs: Option<i64>) -> PyResult<Paths<'py>> {
        let table = HeldTable::new(&table)?;
        let view = table.view().map_err(|error| to_python(py, &error))?;
        let paths = py.detach(|| self.0.paths(&view, n_threads(n_jobs)?)).map_err(|error| to_python(py, &error))?;
        Ok((PyArray1::from_vec(py, paths.indptr), PyArray1::from_vec(py, paths.indices)))
    }
}

/// Grows a forest, or goes on with `previous`. Targets are row-major, one per output.
///
/// `tick(trees)` is called while the fit runs. Returns the state and the out-of-bag means, row-major, where they were asked for.
#[pyfunction]
#[pyo3(signature = (training, outputs, params, description, previous=None, tick=None))]
pub fn fit_forest<'py>(
    py: Python<'py>,
    training: LabelledTable<'py>,
    outputs: ForestOutputs,
    params: ForestParams,
    description: ModelDescription,
    previous: Option<PyRef<'py, ForestState>>,
    tick: Option<Bound<'py, PyAny>>,
) -> PyResult<(ForestState, Option<Bound<'py, PyArray1<f64>>>)> {
    let training = training.hold(HeldTable::new)?;
    let inputs = || -> Result<_> {
        let named = names_and_categories(&training.table, &description)?;
        Ok((params.to_core()?, training.table.view()?, training.labels()?, named))
    };
    let (params, table, labels, (names, is_category)) = inputs().map_err(|error| to_python(py, &error))?;
    let outputs = match outputs {
        ForestOutputs::Classes(n_classes) => forest::Outputs::Classes(n_classes),
        ForestOutputs::Numbers(n) => forest::Outputs::Numbers(n),
    };
    let previous = previous.map(|state| state.0.clone());
    let n_done = AtomicUsize::new(0);
    let watch = |_: Python<'_>| match &tick {
        Some(tick) => tick.call1((n_done.load(Ordering::Relaxed),)).map(|_| ()),
        None => Ok(()),
    };
    let fitted = enter_watched(py, watch, |stop| {
        let training = forest::Training {
            table: &table,
            names: &names,
            is_category: &is_category,
            targets: labels.targets,
            outputs: &outputs,
            weights: labels.weights,
        };
        forest::fit(&training, &params, previous, &n_done, stop)
    })?;
    let out_of_bag = fitted.out_of_bag.map(|means| PyArray1::from_vec(py, means));
    Ok((ForestState(fitted.state), out_of_bag))
}

/// `arsenal_models::trees::isolation::Params` as a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct IsolationParams {
    n_estimators: usize,
    max_samples: usize,
    max_features: usize,
    bootstrap: bool,
    seed: u64,
    n_jobs: Option<i64>,
}

/// A fitted isolation forest.
#[pyclass(frozen, module = "arsenal._rust")]
pub struct IsolationState(isolation::State);

#[pymethods]
impl IsolationState {
    /// Reads what `to_bytes` wrote.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, state: &[u8]) -> PyResult<Self> {
        isolation::State::from_bytes(state).map(Self).map_err(|error| to_python(py, &error))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.0.to_bytes().map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| to_python(py, &error))
    }

    /// The model as an ONNX file.
    fn onnx<'py>(&self, py: Python<'py>, description: ModelDescription) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| onnx(&self.0.ensemble, description));
        bytes.map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| to_python(py, &error))
    }

    /// The same forest with another score at which outliers begin.
    fn with_offset(&self, offset: f64) -> Self {
        let mut state = self.0.clone();
        if let Link::Isolation { expected, .. } = state.ensemble.link {
            state.ensemble.link = Link::Isolation { expected, offset };
        }
        Self(state)
    }
}

/// Grows an isolation forest, or goes on with `previous`. `weights` say how likely rows are drawn.
#[pyfunction]
#[pyo3(signature = (table, weights, params, description, previous=None, tick=None))]
pub fn fit_isolation_forest(
    py: Python<'_>,
    table: Bound<'_, PyAny>,
    weights: Option<PyReadonlyArray1<'_, f64>>,
    params: IsolationParams,
    description: ModelDescription,
    previous: Option<PyRef<'_, IsolationState>>,
    tick: Option<Bound<'_, PyAny>>,
) -> PyResult<IsolationState> {
    let table = HeldTable::new(&table)?;
    let inputs = || -> Result<_> {
        let params = isolation::Params {
            n_estimators: params.n_estimators,
            max_samples: params.max_samples,
            max_features: params.max_features,
            bootstrap: params.bootstrap,
            seed: params.seed,
            n_threads: n_threads(params.n_jobs)?,
        };
        let strided = |_| Error::Value("weights must be contiguous".into());
        let weights = weights.as_ref().map(|weights| weights.as_slice().map_err(strided)).transpose()?;
        Ok((params, table.view()?, weights, names_and_categories(&table, &description)?.0))
    };
    let (params, view, weights, names) = inputs().map_err(|error| to_python(py, &error))?;
    let previous = previous.map(|state| state.0.clone());
    let n_done = AtomicUsize::new(0);
    let watch = |_: Python<'_>| match &tick {
        Some(tick) => tick.call1((n_done.load(Ordering::Relaxed),)).map(|_| ()),
        None => Ok(()),
    };
    enter_watched(py, watch, |stop| {
        let training = isolation::Training { table: &view, names: &names, weights };
        isolation::fit(&training, &params, previous, &n_done, stop)
    })
    .map(IsolationState)
}
