//! Learners for Python: tables in, an ONNX file and the learner's state out.

use std::sync::atomic::Ordering;

use arsenal_core::ensemble::{Tree, TreeEnsemble};
use arsenal_core::pool::n_threads;
use arsenal_core::table::Table;
use arsenal_core::{Error, Result, value_error};
use arsenal_models::trees::binning::ColumnBins;
use arsenal_models::trees::boosting::{
    Dart, Evaluation, GrowPolicy, Input, Interactions, Labels, Observer, Params, Progress, Sampling, State, Training,
    fit,
};
use arsenal_onnx::{ClassLabels, Options};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrays::HeldTable;
use crate::error::{enter_watched, to_python};
use crate::losses::{LossDescription, PyObserver, Raised};
use crate::parts::BinnedRows;

/// `arsenal_models::trees::boosting::Params` as a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct BoostingParams {
    n_estimators: usize,
    learning_rate: f64,
    grow_policy: String,
    max_leaf_nodes: Option<usize>,
    max_depth: Option<usize>,
    min_samples_leaf: usize,
    min_child_weight: f64,
    l1_regularization: f64,
    l2_regularization: f64,
    min_split_gain: f64,
    max_bins: usize,
    sampling: String,
    subsample: f64,
    top_rate: f64,
    other_rate: f64,
    colsample_bytree: f64,
    colsample_bylevel: f64,
    max_features: f64,
    monotonic_cst: Vec<i8>,
    interaction_cst: Option<PyInteractions>,
    boosting: String,
    drop_rate: f64,
    skip_drop: f64,
    max_drop: Option<usize>,
    category_smoothing: f64,
    category_l2: f64,
    max_category_set: usize,
    min_category_group: usize,
    n_iter_no_change: Option<usize>,
    tol: f64,
    seed: u64,
    n_jobs: Option<i64>,
}

impl BoostingParams {
    fn to_core(&self) -> Result<Params> {
        Ok(Params {
            n_estimators: self.n_estimators,
            learning_rate: self.learning_rate,
            grow_policy: self.grow_policy()?,
            max_leaf_nodes: self.max_leaf_nodes.unwrap_or(65_535),
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            min_samples_leaf: self.min_samples_leaf,
            min_child_weight: self.min_child_weight,
            l1_regularization: self.l1_regularization,
            l2_regularization: self.l2_regularization,
            min_split_gain: self.min_split_gain,
            max_bins: self.max_bins,
            sampling: self.sampling()?,
            subsample: self.subsample,
            top_rate: self.top_rate,
            other_rate: self.other_rate,
            colsample_bytree: self.colsample_bytree,
            colsample_bylevel: self.colsample_bylevel,
            max_features: self.max_features,
            monotonic_cst: self.monotonic_cst.clone(),
            interaction_cst: match &self.interaction_cst {
                None => Interactions::Any,
                Some(PyInteractions::Distinct(most)) => Interactions::Distinct(*most),
                Some(PyInteractions::Groups(groups)) => Interactions::Groups(groups.clone()),
            },
            dart: self.dart()?,
            category_smoothing: self.category_smoothing,
            category_l2: self.category_l2,
            max_category_set: self.max_category_set,
            min_category_group: self.min_category_group,
            n_iter_no_change: self.n_iter_no_change,
            tol: self.tol,
            seed: self.seed,
            n_threads: n_threads(self.n_jobs)?,
        })
    }

    fn grow_policy(&self) -> Result<GrowPolicy> {
        match self.grow_policy.as_str() {
            "leafwise" => Ok(GrowPolicy::Leafwise),
            "depthwise" => Ok(GrowPolicy::Depthwise),
            "oblivious" => Ok(GrowPolicy::Oblivious),
            other => {
                value_error!("grow_policy is {other:?}, wanted \"leafwise\", \"depthwise\" or \"oblivious\"")
            }
        }
    }

    fn sampling(&self) -> Result<Sampling> {
        match self.sampling.as_str() {
            "uniform" => Ok(Sampling::Uniform),
            "goss" => Ok(Sampling::Goss),
            other => value_error!("sampling is {other:?}, wanted \"uniform\" or \"goss\""),
        }
    }

    fn dart(&self) -> Result<Option<Dart>> {
        match self.boosting.as_str() {
            "gbdt" => Ok(None),
            "dart" => Ok(Some(Dart {
                drop_rate: self.drop_rate,
                skip_drop: self.skip_drop,
                max_drop: self.max_drop.unwrap_or(usize::MAX),
            })),
            other => value_error!("boosting is {other:?}, wanted \"gbdt\" or \"dart\""),
        }
    }
}

/// Raises what a fit with these parameters would say of them alone.
#[pyfunction]
pub fn check_boosting_params(py: Python<'_>, params: BoostingParams) -> PyResult<()> {
    params.to_core().and_then(|params| params.validate()).map_err(|error| to_python(py, &error))
}

#[derive(FromPyObject)]
enum PyInteractions {
    Distinct(usize),
    Groups(Vec<Vec<u32>>),
}

/// What the file is to say about the model besides its trees.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct ModelDescription {
    /// The estimator's class name.
    pub name: String,
    /// Column names, for tables without names of their own.
    columns: Vec<String>,
    /// Which number columns are categories; `None` leaves it to the table's types.
    categories: Option<Vec<bool>>,
    /// Labels of the classes, or a list of them for several outputs; `None` for regression.
    pub classes: Option<PyClassLabels>,
    pub metadata: Vec<(String, String)>,
}

impl ModelDescription {
    pub fn into_options(self) -> Options {
        let class_labels = self.classes.map(PyClassLabels::into_core);
        Options { class_labels, metadata: self.metadata, ..Options::new(self.name) }
    }
}

/// Labels of the classes.
#[derive(FromPyObject)]
pub enum PyClassLabels {
    /// Whole numbers.
    Int64s(Vec<i64>),
    /// Text.
    Strings(Vec<String>),
    /// Those of several outputs.
    Several(Vec<PyClassLabels>),
}

impl PyClassLabels {
    /// The same for the core.
    pub fn into_core(self) -> ClassLabels {
        match self {
            Self::Int64s(labels) => ClassLabels::Int64s(labels),
            Self::Strings(labels) => ClassLabels::Strings(labels),
            Self::Several(outputs) => ClassLabels::Several(outputs.into_iter().map(Self::into_core).collect()),
        }
    }
}

/// A table with its targets, its weights, and the number of each row's query.
#[derive(FromPyObject)]
pub struct LabelledTable<'py>(
    Bound<'py, PyAny>,
    PyReadonlyArray1<'py, f64>,
    Option<PyReadonlyArray1<'py, f64>>,
    Option<PyReadonlyArray1<'py, u32>>,
);

/// The rows of a fit: a table, or rows that were binned before.
pub enum HeldRows<'py> {
    Table(HeldTable<'py>),
    Binned(PyRef<'py, BinnedRows>),
}

/// [`HeldRows`] as the core sees them.
pub enum RowsView<'v> {
    Table(Table<'v>),
    Binned(&'v BinnedRows),
}

impl<'py> HeldRows<'py> {
    fn new(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        match object.cast::<BinnedRows>() {
            Ok(rows) => Ok(Self::Binned(rows.try_borrow()?)),
            Err(_) => HeldTable::new(object).map(Self::Table),
        }
    }

    fn view(&self) -> Result<RowsView<'_>> {
        match self {
            Self::Table(table) => Ok(RowsView::Table(table.view()?)),
            Self::Binned(rows) => rows.check_filled().map(|()| RowsView::Binned(rows)),
        }
    }

    fn names_and_categories(&self, description: &ModelDescription) -> Result<(Vec<String>, Vec<bool>)> {
        match self {
            Self::Table(table) => names_and_categories(table, description),
            Self::Binned(rows) => {
                let of_bins = || rows.binning.columns.iter().map(ColumnBins::is_category).collect();
                Ok((rows.names.clone(), description.categories.clone().unwrap_or_else(of_bins)))
            }
        }
    }
}

impl<'v> RowsView<'v> {
    fn input(&self) -> Input<'_, 'v> {
        match self {
            Self::Table(table) => Input::Table(table),
            Self::Binned(rows) => Input::Binned(&rows.table, &rows.binning),
        }
    }
}

/// The same, read.
pub struct HeldLabelled<'py, T> {
    pub table: T,
    targets: PyReadonlyArray1<'py, f64>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    queries: Option<PyReadonlyArray1<'py, u32>>,
}

impl<'py> LabelledTable<'py> {
    /// `table` reads the table.
    pub fn hold<T>(self, table: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<T>) -> PyResult<HeldLabelled<'py, T>> {
        Ok(HeldLabelled { table: table(&self.0)?, targets: self.1, weights: self.2, queries: self.3 })
    }
}

impl<T> HeldLabelled<'_, T> {
    pub fn labels(&self) -> Result<Labels<'_>> {
        let strided = |_| Error::Value("targets, weights and queries must be contiguous".into());
        let weights = self.weights.as_ref().map(|weights| weights.as_slice().map_err(strided)).transpose()?;
        let queries = self.queries.as_ref().map(|queries| queries.as_slice().map_err(strided)).transpose()?;
        Ok(Labels { targets: self.targets.as_slice().map_err(strided)?, weights, queries })
    }
}

/// What a fit gives back to Python.
#[pyclass(frozen, get_all, module = "arsenal._rust")]
pub struct BoostingFit {
    /// The model as an ONNX file.
    onnx: Py<PyBytes>,
    /// The learner's state.
    state: Py<PyBytes>,
    /// Number of iterations kept.
    n_iterations: usize,
    /// Mean training loss after 0, 1, … iterations; empty if not asked for.
    train_losses: Vec<f64>,
    /// The same for each evaluation table.
    evaluation_losses: Vec<Vec<f64>>,
}

/// Learns gradient boosted trees. Targets are indices of the description's classes, or numbers where it has none.
///
/// `tick(iterations)` is called while the fit runs, `metric(set, predictions)` wherever a loss is measured (instead of it; set 0 is the
/// training rows), `callback(iteration, train_loss, evaluation_losses)` after each iteration: true ends the fit.
/// `resume_from` is the state of an earlier fit to go on from.
#[pyfunction]
#[pyo3(signature = (training, evaluations, params, description, loss, with_train_loss, tick=None, metric=None, callback=None, resume_from=None))]
#[expect(clippy::too_many_arguments, reason = "a call from Python, where each has a name")]
pub fn fit_gradient_boosting(
    py: Python<'_>,
    training: LabelledTable<'_>,
    evaluations: Vec<LabelledTable<'_>>,
    params: BoostingParams,
    description: ModelDescription,
    loss: LossDescription,
    with_train_loss: bool,
    tick: Option<Bound<'_, PyAny>>,
    metric: Option<Py<PyAny>>,
    callback: Option<Py<PyAny>>,
    resume_from: Option<&[u8]>,
) -> PyResult<BoostingFit> {
    let training = training.hold(HeldRows::new)?;
    let evaluations = evaluations.into_iter().map(|rows| rows.hold(HeldRows::new)).collect::<PyResult<Vec<_>>>()?;
    let inputs = || -> Result<_> {
        let params = params.to_core()?;
        let tables =
            std::iter::once(&training).chain(&evaluations).map(|held| Ok((held.table.view()?, held.labels()?)));
        let tables = tables.collect::<Result<Vec<_>>>()?;
        let earlier = resume_from.map(State::from_bytes).transpose()?;
        Ok((params, tables, training.table.names_and_categories(&description)?, earlier))
    };
    let (params, tables, (names, is_category), earlier) = inputs().map_err(|error| to_python(py, &error))?;
    let options = description.into_options();
    let raised = Raised::default();
    let objective = loss.objective(py, &raised);
    let task = loss.task(options.class_labels.as_ref().map_or(0, ClassLabels::len), objective.as_ref());
    let task = task.map_err(|error| to_python(py, &error))?;
    let observer = PyObserver::new(metric, callback, &raised);
    let progress = Progress { observer: Some(&observer as &dyn Observer), ..Progress::default() };
    let watch = |_: Python<'_>| match &tick {
        Some(tick) => tick.call1((progress.iterations.load(Ordering::Relaxed),)).map(|_| ()),
        None => Ok(()),
    };
    let outcome = enter_watched(py, watch, |stop| {
        let (table, labels) = &tables[0];
        let resume_from = earlier.as_ref();
        let table = table.input();
        let training = Training { table, names: &names, is_category: &is_category, labels: *labels, resume_from };
        let evaluations: Vec<Evaluation<'_, '_>> =
            tables[1..].iter().map(|(table, labels)| Evaluation { table: table.input(), labels: *labels }).collect();
        let fitted = fit(&training, &evaluations, task, &params, with_train_loss, &progress, stop)?;
        let onnx = arsenal_onnx::write(&fitted.state.ensemble, &options)?;
        let state = fitted.state.to_bytes()?;
        Ok((fitted, onnx, state))
    });
    let (fitted, onnx, state) = raised.or(outcome)?;
    Ok(BoostingFit {
        onnx: PyBytes::new(py, &onnx).unbind(),
        state: PyBytes::new(py, &state).unbind(),
        n_iterations: fitted.n_iterations,
        train_losses: fitted.train_losses,
        evaluation_losses: fitted.evaluation_losses,
    })
}

/// The models that a boosting learner was on its way, one per iteration.
#[pyclass(frozen, module = "arsenal._rust")]
pub struct BoostingStages {
    /// All but the trees.
    ensemble: TreeEnsemble,
    trees: Vec<Tree>,
    options: Options,
}

#[pymethods]
impl BoostingStages {
    /// Reads the state of a fit; `description` as for the fit itself.
    #[new]
    fn new(py: Python<'_>, state: &[u8], description: ModelDescription) -> PyResult<Self> {
        let state = State::from_bytes(state).map_err(|error| to_python(py, &error))?;
        let mut ensemble = state.ensemble;
        let trees = std::mem::take(&mut ensemble.trees);
        Ok(Self { ensemble, trees, options: description.into_options() })
    }

    /// The trees of the first `n_iterations` (at least 1) as an ONNX file.
    fn onnx<'py>(&self, py: Python<'py>, n_iterations: usize) -> PyResult<Bound<'py, PyBytes>> {
        let n_trees = n_iterations.saturating_mul(self.ensemble.n_targets).min(self.trees.len());
        let stage = TreeEnsemble { trees: self.trees[..n_trees].to_vec(), ..self.ensemble.clone() };
        let onnx = arsenal_onnx::write(&stage, &self.options).map_err(|error| to_python(py, &error))?;
        Ok(PyBytes::new(py, &onnx))
    }
}

pub fn names_and_categories(table: &HeldTable<'_>, description: &ModelDescription) -> Result<(Vec<String>, Vec<bool>)> {
    let n_columns = match table {
        HeldTable::Columns(columns) => columns.len(),
        other => other.view()?.n_columns(),
    };
    let (names, from_dtype) = match table {
        HeldTable::Columns(columns) => {
            (columns.iter().map(|c| c.name.clone()).collect(), columns.iter().map(|c| c.is_category).collect())
        }
        _ => (description.columns.clone(), vec![false; n_columns]),
    };
    let is_category = description.categories.clone().unwrap_or(from_dtype);
    if names.len() != n_columns || is_category.len() != n_columns {
        return value_error!(
            "X has {n_columns} columns, got {} names and {} category marks",
            names.len(),
            is_category.len()
        );
    }
    Ok((names, is_category))
}
