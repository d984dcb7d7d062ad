//! What Python does with a finished ONNX file.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::to_python;

/// The bytes of an ONNX file with more metadata entries.
#[pyfunction]
pub fn append_onnx_metadata<'py>(
    py: Python<'py>,
    model: &[u8],
    entries: Vec<(String, String)>,
) -> PyResult<Bound<'py, PyBytes>> {
    let appended = py.detach(|| arsenal_onnx::append_metadata(model, &entries));
    appended.map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| to_python(py, &error))
}
