//! Two-sample tests and drift for Python.

mod columns;
mod drift;

use arsenal_core::{Error, Result, pool};
use arsenal_monitoring::ks::{Alternative, KsTest, Method, two_sample};
use arsenal_monitoring::order::{Ordered, sort_both};
use arsenal_monitoring::special;
use numpy::{Element, PyReadonlyArray1};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

pub use self::columns::DriftColumn;
pub use self::drift::{adjust_p_values, column_chi2, column_psi, compare_columns};
use crate::error::{enter, to_python};

/// Below this many values in both samples together, one thread sorts.
const MIN_PARALLEL: usize = 1 << 16;

/// `(statistic, pvalue, location, sign, is_exact)`
type Found = (f64, f64, Py<PyAny>, i8, bool);

/// Compares two 1-D arrays of one dtype among float32, float64, int64 and uint64.
///
/// Returns `(n1, n2, n_nan, found)`; `found` is None if there are NaN and `omit_nan` is false, or if a sample is empty.
#[pyfunction]
pub fn ks_2samp(
    py: Python<'_>,
    data1: &Bound<'_, PyAny>,
    data2: &Bound<'_, PyAny>,
    alternative: &str,
    method: &str,
    omit_nan: bool,
) -> PyResult<(usize, usize, usize, Option<Found>)> {
    let parsed = alternative_named(alternative).and_then(|a| Ok((a, method_named(method)?)));
    let asked = parsed.map_err(|error| to_python(py, &error))?;
    if let (Ok(a), Ok(b)) = (data1.extract(), data2.extract()) {
        return compare::<f64>(py, &a, &b, asked, omit_nan);
    }
    if let (Ok(a), Ok(b)) = (data1.extract(), data2.extract()) {
        return compare::<f32>(py, &a, &b, asked, omit_nan);
    }
    if let (Ok(a), Ok(b)) = (data1.extract(), data2.extract()) {
        return compare::<i64>(py, &a, &b, asked, omit_nan);
    }
    if let (Ok(a), Ok(b)) = (data1.extract(), data2.extract()) {
        return compare::<u64>(py, &a, &b, asked, omit_nan);
    }
    let wanted = "wanted two 1-D arrays of one dtype among float32, float64, int64 and uint64";
    Err(to_python(py, &Error::Type(format!("got {} and {}, {wanted}", data1.get_type(), data2.get_type()))))
}

fn compare<'py, T: Ordered + Element + IntoPyObject<'py>>(
    py: Python<'py>,
    a: &PyReadonlyArray1<'py, T>,
    b: &PyReadonlyArray1<'py, T>,
    (alternative, method): (Alternative, Method),
    omit_nan: bool,
) -> PyResult<(usize, usize, usize, Option<Found>)> {
    let (a, b) = (a.as_array(), b.as_array());
    let (n1, n2, n_nan, test) = enter(py, |stop| {
        let threads = if a.len() + b.len() < MIN_PARALLEL { 1 } else { pool::n_threads(None)? };
        let pool = if threads > 1 { Some(pool::pool(threads)?) } else { None };
        let (a, b) = sort_both(a.iter().copied(), b.iter().copied(), pool.as_deref());
        let n_nan = a.n_missing + b.n_missing;
        let undefined = a.n() == 0 || b.n() == 0 || (n_nan > 0 && !omit_nan);
        let test = if undefined { None } else { Some(two_sample(&a, &b, alternative, method, stop)?) };
        Ok((a.n(), b.n(), n_nan, test))
    })?;
    let found = test.map(|KsTest { statistic, p_value, location, sign, method }| {
        Ok::<_, PyErr>((statistic, p_value, location.into_py_any(py)?, sign, method == Method::Exact))
    });
    Ok((n1, n2, n_nan, found.transpose()?))
}

fn alternative_named(name: &str) -> Result<Alternative> {
    match name {
        "two-sided" => Ok(Alternative::TwoSided),
        "less" => Ok(Alternative::Less),
        "greater" => Ok(Alternative::Greater),
        _ => Err(Error::Value(format!("alternative is {name:?}, wanted 'two-sided', 'less' or 'greater'"))),
    }
}

fn method_named(name: &str) -> Result<Method> {
    match name {
        "auto" => Ok(Method::Auto),
        "exact" => Ok(Method::Exact),
        "asymp" => Ok(Method::Asymptotic),
        _ => Err(Error::Value(format!("method is {name:?}, wanted 'auto', 'exact' or 'asymp'"))),
    }
}

/// `P(X >= x)` for X of the chi-squared distribution.
#[pyfunction]
pub fn chi2_sf(x: f64, dof: f64) -> f64 {
    special::chi2_sf(x, dof)
}

/// The point that a chi-squared variable exceeds with the probability `p`.
#[pyfunction]
pub fn chi2_isf(p: f64, dof: f64) -> f64 {
    special::chi2_isf(p, dof)
}

/// `P(D >= d)` for the two-sided Kolmogorov-Smirnov statistic of one continuous sample of `n`.
#[pyfunction]
pub fn kolmogorov_sf(n: u64, d: f64) -> f64 {
    special::kolmogorov_sf(n as f64, d)
}

/// `P(D+ >= d)` for the one-sided Kolmogorov-Smirnov statistic of one continuous sample of `n`.
#[pyfunction]
pub fn smirnov_sf(n: u64, d: f64) -> f64 {
    special::smirnov_sf(n as f64, d)
}
