//! The extension module `arsenal._rust`: Arsenal's learning core for Python.
#![allow(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]

mod arrays;
mod error;
mod foreign;
mod forests;
mod losses;
mod models;
mod monitoring;
mod onnx;
mod parts;
mod trees;

/// Arsenal's learning core.
#[pyo3::pymodule(gil_used = false)]
mod _rust {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::foreign::{ForeignFile, ForeignState, read_foreign_model, read_foreign_trees};
    #[pymodule_export]
    use crate::forests::{ForestState, IsolationState, fit_forest, fit_isolation_forest};
    #[pymodule_export]
    use crate::models::{BoostingFit, BoostingStages, check_boosting_params, fit_gradient_boosting};
    #[pymodule_export]
    use crate::monitoring::{
        DriftColumn, adjust_p_values, chi2_isf, chi2_sf, column_chi2, column_psi, compare_columns, kolmogorov_sf,
        ks_2samp, smirnov_sf,
    };
    #[pymodule_export]
    use crate::onnx::append_onnx_metadata;
    #[pymodule_export]
    use crate::parts::{BinnedRows, TableBins, TableSketch};
    #[pymodule_export]
    use crate::trees::{
        column_values, partial_dependence, shap_expected, shap_values, tree_features, tree_importances, tree_nodes,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    /// The instruction set that the learning kernels use: "scalar", "avx2" or "avx512".
    #[pyfunction]
    fn active_isa() -> PyResult<&'static str> {
        match arsenal_simd::Isa::forced_error() {
            Some(message) => Err(pyo3::exceptions::PyImportError::new_err(message)),
            None => Ok(arsenal_simd::Isa::active().name()),
        }
    }

    /// How many threads a call with this `n_jobs` uses: `n_jobs`, else `ARSENAL_NUM_THREADS`, else every core at hand.
    #[pyfunction]
    #[pyo3(signature = (n_jobs))]
    fn n_threads(py: Python<'_>, n_jobs: Option<i64>) -> PyResult<usize> {
        arsenal_core::pool::n_threads(n_jobs).map_err(|error| crate::error::to_python(py, &error))
    }
}
