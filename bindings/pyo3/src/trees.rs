//! What fitted trees say about rows and about themselves: Shapley values, partial dependence and the nodes as columns.

use std::borrow::Cow;
use std::sync::atomic::AtomicBool;

use arsenal_core::ensemble::{Child, Condition, FeatureKind, Tree, TreeEnsemble};
use arsenal_core::pool::{n_threads, pool};
use arsenal_core::table::CategoryColumn;
use arsenal_core::{Result, value_error};
use arsenal_models::trees::boosting::State;
use arsenal_models::trees::importance::{Importance, importances};
use arsenal_models::trees::partial_dependence::{PartialDependence, Values, column_numbers};
use arsenal_models::trees::shap::{Explainer, Order};
use numpy::{PyArray1, PyReadonlyArray1, PyReadwriteArray1, PyReadwriteArray3};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::PyDict;

use crate::arrays::HeldTable;
use crate::error::{enter, to_python};
use crate::foreign::ForeignState;
use crate::forests::ForestState;

/// What a fitted estimator keeps of its trees: a state, or one as bytes.
#[derive(FromPyObject)]
pub enum Learned<'py> {
    Forest(PyRef<'py, ForestState>),
    Foreign(PyRef<'py, ForeignState>),
    Boosting(PyBackedBytes),
}

impl Learned<'_> {
    fn ensemble(&self) -> Result<Cow<'_, TreeEnsemble>> {
        Ok(match self {
            Self::Forest(state) => Cow::Borrowed(&state.0.ensemble),
            Self::Foreign(state) => Cow::Borrowed(&state.0.ensemble),
            Self::Boosting(state) => Cow::Owned(State::from_bytes(state)?.ensemble),
        })
    }

    /// The same, if training rows' shares are known or other rows stand in for them, which come of what `else_wanted` says.
    fn explainable(&self, has_rows: bool, else_wanted: &str) -> Result<Cow<'_, TreeEnsemble>> {
        match self {
            Self::Foreign(state) if !has_rows && !state.0.has_covers() => value_error!(
                "the model does not say how many training rows took each side of its splits: {else_wanted}"
            ),
            _ => self.ensemble(),
        }
    }

    /// By what Shapley values of the sums are multiplied.
    fn scale(&self) -> f64 {
        if let Self::Foreign(state) = self { state.0.scale } else { 1.0 }
    }

    /// Sums of one target become raw scores.
    fn make_raw(&self, target: usize, sums: &mut [f64]) {
        if let Self::Foreign(state) = self {
            for sum in sums {
                *sum = *sum * state.0.scale + state.0.offsets[target];
            }
        }
    }

    /// Expected raw scores from expected sums.
    fn raw(&self, mut sums: Vec<f64>) -> Vec<f64> {
        sums.iter_mut().enumerate().for_each(|(target, sum)| self.make_raw(target, std::slice::from_mut(sum)));
        sums
    }
}

const GIVE_A_BACKGROUND: &str = "give a background";

/// Shapley values of every row of `table`, and what they are counted from.
///
/// The first array has the shape (rows, columns, targets), with `interactions` (rows, columns, columns, targets); the second one has a
/// number per target. Columns that are not known are filled in by the training's shares, or by the rows of `background`.
#[pyfunction]
#[pyo3(signature = (trees, table, background, interactions, n_jobs))]
pub fn shap_values<'py>(
    py: Python<'py>,
    trees: Learned<'py>,
    table: Bound<'py, PyAny>,
    background: Option<Bound<'py, PyAny>>,
    interactions: bool,
    n_jobs: Option<i64>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyArray1<f64>>)> {
    let table = HeldTable::new(&table)?;
    let background = background.as_ref().map(HeldTable::new).transpose()?;
    let inputs = || -> Result<_> {
        let views = (table.view()?, background.as_ref().map(HeldTable::view).transpose()?);
        Ok((trees.explainable(background.is_some(), GIVE_A_BACKGROUND)?, views, pool(n_threads(n_jobs)?)?))
    };
    let (ensemble, (table, background), pool) = inputs().map_err(|error| to_python(py, &error))?;
    let order = if interactions { Order::Interactions } else { Order::Values };
    let explainer = enter(py, |stop| pool.install(|| Explainer::new(&ensemble, background.as_ref(), order, stop)))?;
    // NumPy's own allocation, so that too large a result is a MemoryError.
    let out = py.import("numpy")?.call_method1("empty", (table.n_rows() * explainer.n_numbers(),))?;
    let mut numbers: PyReadwriteArray1<'_, f64> = out.extract()?;
    let slice = numbers.as_slice_mut()?;
    enter(py, |stop| pool.install(|| explainer.explain(&table, slice, stop)))?;
    let scale = trees.scale();
    if scale != 1.0 {
        for number in slice {
            *number *= scale;
        }
    }
    drop(numbers);
    let (n_features, n_targets) = (ensemble.features.len(), ensemble.n_targets);
    let shaped = if interactions {
        out.call_method1("reshape", ((table.n_rows(), n_features, n_features, n_targets),))?
    } else {
        out.call_method1("reshape", ((table.n_rows(), n_features, n_targets),))?
    };
    Ok((shaped, PyArray1::from_vec(py, trees.raw(explainer.expected()))))
}

/// What Shapley values are counted from: the mean raw score per target over the training's shares, or over the rows of `background`.
#[pyfunction]
#[pyo3(signature = (trees, background, n_jobs))]
pub fn shap_expected<'py>(
    py: Python<'py>,
    trees: Learned<'py>,
    background: Option<Bound<'py, PyAny>>,
    n_jobs: Option<i64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let background = background.as_ref().map(HeldTable::new).transpose()?;
    let inputs = || -> Result<_> {
        Ok((
            trees.explainable(background.is_some(), GIVE_A_BACKGROUND)?,
            background.as_ref().map(HeldTable::view).transpose()?,
            pool(n_threads(n_jobs)?)?,
        ))
    };
    let (ensemble, background, pool) = inputs().map_err(|error| to_python(py, &error))?;
    let expected = enter(py, |stop| {
        pool.install(|| Ok(Explainer::new(&ensemble, background.as_ref(), Order::Values, stop)?.expected()))
    })?;
    Ok(PyArray1::from_vec(py, trees.raw(expected)))
}

/// Values of a column in a grid: numbers or text.
#[derive(FromPyObject)]
pub enum GridValues<'py> {
    Numbers(PyReadonlyArray1<'py, f64>),
    Texts(Vec<Option<PyBackedStr>>),
}

impl From<&GridValues<'_>> for Values {
    fn from(values: &GridValues<'_>) -> Self {
        match values {
            GridValues::Numbers(numbers) => Self::Numbers(numbers.as_array().to_vec()),
            GridValues::Texts(texts) => {
                Self::Texts(CategoryColumn::encode(texts.iter().map(|text| text.as_ref().map(|text| &**text))))
            }
        }
    }
}

/// An array, if it was asked for.
type Asked<'py> = Option<Bound<'py, PyAny>>;

/// The raw score over all combinations of some columns' values: its mean, and each row's, where asked for.
///
/// The first array has the shape (targets, cells), the second one (rows, targets, cells); the last column of the grid runs fastest. The
/// mean is over the rows of `table`, without a table over the training's shares.
#[pyfunction]
#[pyo3(signature = (trees, axes, table, weights, wants_mean, wants_rows, n_jobs))]
#[expect(clippy::too_many_arguments, reason = "one call, one door")]
pub fn partial_dependence<'py>(
    py: Python<'py>,
    trees: Learned<'py>,
    axes: Vec<(usize, GridValues<'py>)>,
    table: Option<Bound<'py, PyAny>>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    wants_mean: bool,
    wants_rows: bool,
    n_jobs: Option<i64>,
) -> PyResult<(Asked<'py>, Asked<'py>)> {
    let table = table.as_ref().map(HeldTable::new).transpose()?;
    let axes: Vec<(usize, Values)> = axes.iter().map(|(column, values)| (*column, values.into())).collect();
    let weights: Option<Vec<f64>> = weights.map(|weights| weights.as_array().to_vec());
    let inputs = || -> Result<_> {
        let ensemble = trees.explainable(table.is_some(), "wanted method=\"brute\"")?;
        Ok((ensemble, table.as_ref().map(HeldTable::view).transpose()?, pool(n_threads(n_jobs)?)?))
    };
    let (ensemble, table, pool) = inputs().map_err(|error| to_python(py, &error))?;
    let dependence = enter(py, |stop| pool.install(|| PartialDependence::new(&ensemble, &axes, stop)))?;
    let n_targets = ensemble.n_targets;
    let n_cells = dependence.n_numbers() / n_targets;
    // NumPy's own allocations, so that too large a result is a MemoryError.
    let filled = |n_rows: usize, fill: &(dyn Fn(&mut [f64], &AtomicBool) -> Result<()> + Sync)| -> PyResult<_> {
        let out = py.import("numpy")?.call_method1("empty", ((n_rows, n_targets, n_cells),))?;
        let mut numbers: PyReadwriteArray3<'_, f64> = out.extract()?;
        let slice = numbers.as_slice_mut()?;
        enter(py, |stop| pool.install(|| fill(slice, stop)))?;
        for curves in slice.chunks_exact_mut(dependence.n_numbers()) {
            curves.chunks_exact_mut(n_cells).enumerate().for_each(|(target, curve)| trees.make_raw(target, curve));
        }
        drop(numbers);
        Ok(out)
    };
    let mean = match (&table, wants_mean) {
        (_, false) => None,
        (None, true) => Some(filled(1, &|out, stop| dependence.by_shares(out, stop))?),
        (Some(table), true) => Some(filled(1, &|out, stop| dependence.by_rows(table, weights.as_deref(), out, stop))?),
    };
    let of_rows = match &table {
        Some(table) if wants_rows => {
            Some(filled(table.n_rows(), &|out, stop| dependence.of_each_row(table, out, stop))?)
        }
        _ => None,
    };
    Ok((mean, of_rows))
}

/// The numbers of one column of `table`, NaN where they are missing.
#[pyfunction]
pub fn column_values<'py>(
    py: Python<'py>,
    table: Bound<'py, PyAny>,
    column: usize,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let held = HeldTable::new(&table)?;
    let numbers = held.view().and_then(|table| match column_numbers(&table, column) {
        Some(numbers) => Ok(numbers),
        None => value_error!("column {column} holds text, the model was fitted with numbers there"),
    });
    numbers.map(|numbers| PyArray1::from_vec(py, numbers)).map_err(|error| to_python(py, &error))
}

/// Importance of each column: total "gain", or number of splits ("split").
#[pyfunction]
pub fn tree_importances<'py>(py: Python<'py>, trees: Learned<'py>, by: &str) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let importance = match by {
        "gain" => Ok(Importance::Gain),
        "split" => Ok(Importance::Split),
        other => value_error!("importance is {other:?}, wanted \"gain\" or \"split\""),
    };
    let values = importance.and_then(|by| match &trees {
        Learned::Foreign(state) if by == Importance::Gain && !state.0.has_gains() => value_error!(
            "the model does not say by how much its splits lower the loss: wanted importance \"split\", or \
             sklearn.inspection.permutation_importance"
        ),
        _ => Ok(importances(&*trees.ensemble()?, by)),
    });
    values.map(|values| PyArray1::from_vec(py, values)).map_err(|error| to_python(py, &error))
}

/// The nodes of all trees as columns, each tree from its root down, left before right; -1 is no node and no column.
///
/// `value` is empty at splits.
#[derive(Default)]
struct Nodes {
    tree: Vec<usize>,
    node: Vec<usize>,
    depth: Vec<usize>,
    parent: Vec<i64>,
    left: Vec<i64>,
    right: Vec<i64>,
    feature: Vec<i64>,
    threshold: Vec<f64>,
    missing_left: Vec<bool>,
    codes: Vec<Option<Vec<u32>>>,
    gain: Vec<f64>,
    cover: Vec<f64>,
    value: Vec<Vec<f64>>,
}

impl Nodes {
    fn add(&mut self, number: usize, tree: &Tree, width: usize) {
        let first = self.tree.len();
        let mut open = vec![(tree.root, -1i64, 0)];
        while let Some((at, parent, depth)) = open.pop() {
            let node = self.tree.len() - first;
            if let Some(above) = usize::try_from(parent).ok().map(|parent| first + parent) {
                let side = if self.left[above] < 0 { &mut self.left } else { &mut self.right };
                side[above] = node as i64;
            }
            self.tree.push(number);
            self.node.push(node);
            self.depth.push(depth);
            self.parent.push(parent);
            self.left.push(-1);
            self.right.push(-1);
            let (mut feature, mut threshold, mut missing_left, mut codes) = (-1, f64::NAN, false, None);
            let (gain, cover, value) = match at {
                Child::Leaf(leaf) => {
                    let leaf = leaf as usize;
                    (f64::NAN, tree.covers[leaf], tree.values[leaf * width..][..width].to_vec())
                }
                Child::Split(split) => {
                    let split = &tree.splits[split as usize];
                    feature = i64::from(split.feature);
                    match &split.condition {
                        Condition::AtMost { threshold: t, missing_left: m } => (threshold, missing_left) = (*t, *m),
                        Condition::Among { codes: among } => codes = Some(among.clone()),
                    }
                    open.extend([(split.right, node as i64, depth + 1), (split.left, node as i64, depth + 1)]);
                    (split.gain, split.cover, Vec::new())
                }
            };
            self.feature.push(feature);
            self.threshold.push(threshold);
            self.missing_left.push(missing_left);
            self.codes.push(codes);
            self.gain.push(gain);
            self.cover.push(cover);
            self.value.push(value);
        }
    }
}

/// All trees of a model: a dictionary with one list per property of a node, and the columns with their categories.
#[pyfunction]
pub fn tree_nodes<'py>(py: Python<'py>, trees: Learned<'py>) -> PyResult<Bound<'py, PyDict>> {
    let ensemble = trees.ensemble().map_err(|error| to_python(py, &error))?;
    let mut nodes = Nodes::default();
    ensemble.trees.iter().enumerate().for_each(|(number, tree)| nodes.add(number, tree, ensemble.width()));
    let columns = PyDict::new(py);
    columns.set_item("tree", nodes.tree)?;
    columns.set_item("node", nodes.node)?;
    columns.set_item("depth", nodes.depth)?;
    columns.set_item("parent", nodes.parent)?;
    columns.set_item("left", nodes.left)?;
    columns.set_item("right", nodes.right)?;
    columns.set_item("feature", nodes.feature)?;
    columns.set_item("threshold", nodes.threshold)?;
    columns.set_item("missing_left", nodes.missing_left)?;
    columns.set_item("codes", nodes.codes)?;
    columns.set_item("gain", nodes.gain)?;
    columns.set_item("cover", nodes.cover)?;
    columns.set_item("value", nodes.value)?;
    let (names, levels) = features(py, &ensemble)?;
    columns.set_item("names", names)?;
    columns.set_item("levels", levels)?;
    Ok(columns)
}

/// Names of the columns that a model was fitted on, and the categories of each, or None for ordered numbers.
#[pyfunction]
pub fn tree_features(py: Python<'_>, trees: Learned<'_>) -> PyResult<(Vec<String>, Vec<Py<PyAny>>)> {
    features(py, &*trees.ensemble().map_err(|error| to_python(py, &error))?)
}

fn features(py: Python<'_>, ensemble: &TreeEnsemble) -> PyResult<(Vec<String>, Vec<Py<PyAny>>)> {
    let names = ensemble.features.iter().map(|feature| feature.name.clone()).collect();
    let mut levels = Vec::with_capacity(ensemble.features.len());
    for feature in &ensemble.features {
        levels.push(match &feature.kind {
            FeatureKind::Numeric | FeatureKind::Float32 | FeatureKind::ZeroIsMissing => py.None(),
            FeatureKind::NumericCategories(values) | FeatureKind::WholeCategories { values, .. } => {
                values.into_pyobject(py)?.into_any().unbind()
            }
            FeatureKind::StringCategories(texts) => texts.into_pyobject(py)?.into_any().unbind(),
        });
    }
    Ok((names, levels))
}
