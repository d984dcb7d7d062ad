//! Tables that come in parts, each an object with `__arrow_c_stream__`: what is kept of them are bins.

use std::sync::Arc;

use arsenal_core::ensemble::Dtype;
use arsenal_core::pool::{n_threads, pool};
use arsenal_core::rng::Rng;
use arsenal_core::table::{Column, Table};
use arsenal_core::{Result, value_error};
use arsenal_models::trees::binned::{BinnedTable, Layouts};
use arsenal_models::trees::binning::Binning;
use arsenal_models::trees::boosting::State;
use arsenal_models::trees::sketch::Sketch;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

use crate::arrays::{HeldColumn, held_columns};
use crate::error::{enter, to_python};

/// How the columns of a table become bins.
#[pyclass(frozen, module = "arsenal._rust")]
pub struct TableBins {
    binning: Arc<Binning>,
}

#[pymethods]
impl TableBins {
    /// The bins of an earlier fit, by its state.
    #[staticmethod]
    fn of_learner(py: Python<'_>, state: &[u8]) -> PyResult<Self> {
        let state = State::from_bytes(state).map_err(|error| to_python(py, &error))?;
        Ok(Self { binning: Arc::new(state.binning) })
    }
}

/// What bins are learned from, fed the rows of a table in their order.
#[pyclass(module = "arsenal._rust")]
pub struct TableSketch {
    sketch: Sketch,
    n_threads: usize,
}

#[pymethods]
impl TableSketch {
    /// For `n_rows` rows, of which those with a positive weight count; `categories` marks columns.
    #[new]
    #[pyo3(signature = (n_rows, weights, categories, seed, n_jobs))]
    fn new(
        py: Python<'_>,
        n_rows: usize,
        weights: Option<PyReadonlyArray1<'_, f64>>,
        categories: Vec<bool>,
        seed: u64,
        n_jobs: Option<i64>,
    ) -> PyResult<Self> {
        let weights = weights.as_ref().map(PyReadonlyArray1::as_slice).transpose()?;
        let n_threads = n_threads(n_jobs).map_err(|error| to_python(py, &error))?;
        Ok(Self { sketch: Sketch::new(n_rows, weights, &categories, &Rng::new(seed)), n_threads })
    }

    /// Takes the next rows in.
    fn add(&mut self, py: Python<'_>, part: &Bound<'_, PyAny>) -> PyResult<()> {
        let held = held_columns(part)?;
        let Self { sketch, n_threads } = self;
        enter(py, |stop| pool(*n_threads)?.install(|| sketch.add(&view(&held)?, stop)))
    }

    /// The bins, at most `max_bins` per column; the sketch is empty afterwards.
    fn learn(&mut self, py: Python<'_>, max_bins: usize) -> PyResult<TableBins> {
        let sketch = std::mem::replace(&mut self.sketch, Sketch::new(0, None, &[], &Rng::new(0)));
        let n_threads = self.n_threads;
        let binning = enter(py, |stop| pool(n_threads)?.install(|| sketch.learn(max_bins, stop)))?;
        Ok(TableBins { binning: Arc::new(binning) })
    }
}

/// Rows in bins, fed a table in their order; a fit takes them as a table.
#[pyclass(module = "arsenal._rust")]
pub struct BinnedRows {
    pub table: BinnedTable,
    pub binning: Arc<Binning>,
    pub names: Vec<String>,
    n_filled: usize,
    is_for_training: bool,
    n_threads: usize,
}

#[pymethods]
impl BinnedRows {
    /// Room for `n_rows` rows; those of training take twice the memory.
    #[new]
    #[pyo3(signature = (bins, names, n_rows, for_training, n_jobs))]
    fn new(
        py: Python<'_>,
        bins: &TableBins,
        names: Vec<String>,
        n_rows: usize,
        for_training: bool,
        n_jobs: Option<i64>,
    ) -> PyResult<Self> {
        let layouts = if for_training { Layouts::RowsAndColumns } else { Layouts::Columns };
        Ok(Self {
            table: BinnedTable::empty(n_rows, &bins.binning, layouts),
            binning: bins.binning.clone(),
            names,
            n_filled: 0,
            is_for_training: for_training,
            n_threads: n_threads(n_jobs).map_err(|error| to_python(py, &error))?,
        })
    }

    /// Bins the next rows.
    fn add(&mut self, py: Python<'_>, part: &Bound<'_, PyAny>) -> PyResult<()> {
        let held = held_columns(part)?;
        let Self { table, binning, n_filled, is_for_training, n_threads, .. } = self;
        let n_rows = enter(py, |stop| {
            let view = view(&held)?;
            let is_wide =
                matches!(&view, Table::Columns(columns) if columns.iter().any(|c| matches!(c, Column::F64(_))));
            if *is_for_training && is_wide && binning.dtype == Dtype::F32 {
                return value_error!("X holds float64, the model to continue was fitted on float32");
            }
            pool(*n_threads)?.install(|| table.fill(*n_filled, &view, binning, stop))?;
            Ok(view.n_rows())
        })?;
        self.n_filled += n_rows;
        Ok(())
    }
}

impl BinnedRows {
    /// # Errors
    /// `Value` if rows are missing.
    pub fn check_filled(&self) -> Result<()> {
        if self.n_filled == self.table.n_rows() {
            return Ok(());
        }
        value_error!("X has {} rows, wanted {}", self.n_filled, self.table.n_rows())
    }
}

fn view(columns: &[HeldColumn]) -> Result<Table<'_>> {
    Ok(Table::Columns(columns.iter().map(|column| column.values.view()).collect::<Result<_>>()?))
}
