//! Comparisons of columns, and what they found as Python dictionaries.

use std::sync::atomic::AtomicBool;

use arsenal_core::{Error, Result, pool};
use arsenal_monitoring::adjust::{Correction, adjust};
use arsenal_monitoring::drift::{Comparison, Look, Options, Pair, ValueTest, each_column};
use arsenal_monitoring::profile::{Histogram, Summary};
use arsenal_monitoring::psi::{Bin, Boundary, Label, Psi};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::columns::{DriftColumn, Reading};
use crate::error::{enter, to_python};

/// Compares pairs of columns of one kind each, on `n_jobs` threads, and returns one dictionary per pair.
///
/// The result does not depend on the number of threads.
#[pyfunction]
pub fn compare_columns<'py>(
    py: Python<'py>,
    pairs: Vec<(PyRef<'py, DriftColumn>, PyRef<'py, DriftColumn>)>,
    n_bins: usize,
    max_categories: usize,
    alpha: f64,
    n_jobs: Option<i64>,
) -> PyResult<Bound<'py, PyList>> {
    let options = Options { n_bins, max_categories, alpha };
    let locks = pairs.iter().map(|(a, b)| Ok((a.lock(py)?, b.lock(py)?))).collect::<PyResult<Vec<_>>>()?;
    let readings = pairs.iter().zip(&locks).map(|((a, b), (of_a, of_b))| Ok((a.reading(of_a)?, b.reading(of_b)?)));
    let readings = readings.collect::<Result<Vec<_>>>().map_err(|error| to_python(py, &error))?;
    let compared = enter(py, |stop| {
        let n_threads = pool::n_threads(n_jobs)?;
        each_column(readings.len(), n_threads, stop, |column| {
            let (reference, current) = &readings[column];
            pair(reference, current)?.compare(&options, stop)
        })
    })?;
    let dictionaries = compared.iter().map(|comparison| comparison_to_python(py, comparison));
    PyList::new(py, dictionaries.collect::<PyResult<Vec<_>>>()?)
}

/// The stability index of a pair of columns, or None if one has no rows.
#[pyfunction]
pub fn column_psi<'py>(
    py: Python<'py>,
    reference: &DriftColumn,
    current: &DriftColumn,
    n_bins: usize,
    max_categories: usize,
    alpha: f64,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let options = Options { n_bins, max_categories, alpha };
    let (psi, names) = with_pair(py, reference, current, |pair, stop| {
        let psi = pair.psi(&options, stop)?;
        Ok((psi, if let Pair::Categories(table) = pair { table.names } else { Vec::new() }))
    })?;
    psi.map(|psi| psi_to_python(py, &psi, &names)).transpose()
}

/// The chi-squared test of a pair of columns with every value a category: `(statistic, p_value, dof, method)`.
#[pyfunction]
pub fn column_chi2(
    py: Python<'_>,
    reference: &DriftColumn,
    current: &DriftColumn,
) -> PyResult<(f64, f64, usize, &'static str)> {
    let test = with_pair(py, reference, current, |pair, stop| Ok((pair.contingency(stop)?).into()))?;
    let ValueTest { statistic, p_value, dof, method, .. } = test;
    Ok((statistic, p_value, dof.unwrap_or(0), method))
}

fn with_pair<R: Send>(
    py: Python<'_>,
    reference: &DriftColumn,
    current: &DriftColumn,
    work: impl FnOnce(Pair, &AtomicBool) -> Result<R> + Send,
) -> PyResult<R> {
    let locks = (reference.lock(py)?, current.lock(py)?);
    let readings = reference.reading(&locks.0).and_then(|reading| Ok((reading, current.reading(&locks.1)?)));
    let (reference, current) = readings.map_err(|error| to_python(py, &error))?;
    enter(py, |stop| work(pair(&reference, &current)?, stop))
}

fn pair(reference: &Reading<'_>, current: &Reading<'_>) -> Result<Pair> {
    let (reference, current) = (reference.read()?, current.read()?);
    Pair::of(&reference.column()?, &current.column()?)
}

/// P-values adjusted for how many there are, by "holm" or "bh".
#[pyfunction]
pub fn adjust_p_values(py: Python<'_>, p_values: Vec<f64>, correction: &str) -> PyResult<Vec<f64>> {
    let correction = match correction {
        "holm" => Correction::Holm,
        "bh" => Correction::BenjaminiHochberg,
        _ => {
            let error = Error::Value(format!("correction is {correction:?}, wanted 'holm', 'bh' or None"));
            return Err(to_python(py, &error));
        }
    };
    Ok(adjust(&p_values, correction))
}

fn comparison_to_python<'py>(py: Python<'py>, comparison: &Comparison) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    dictionary.set_item("n_rows", comparison.n_rows)?;
    dictionary.set_item("n_missing", comparison.n_missing)?;
    dictionary.set_item("missing_p_value", comparison.missing_p_value)?;
    let test = comparison.test.map(|test| (test.name, test.method, test.statistic, test.p_value, test.dof));
    dictionary.set_item("test", test)?;
    let names: &[String] = match &comparison.look {
        Look::Categories { names, .. } => names,
        Look::Numbers { .. } => &[],
    };
    let psi = comparison.psi.as_ref().map(|psi| psi_to_python(py, psi, names)).transpose()?;
    dictionary.set_item("psi", psi)?;
    match &comparison.look {
        Look::Numbers { summaries, histogram } => {
            let summaries = summaries.map(|summary| summary.map(|s| summary_to_python(py, &s)).transpose());
            let [reference, current] = summaries;
            dictionary.set_item("summaries", (reference?, current?))?;
            dictionary.set_item("histogram", histogram.as_ref().map(|h| histogram_to_python(py, h)).transpose()?)?;
        }
        Look::Categories { names, counts } => {
            dictionary.set_item("categories", categories_to_python(py, names, counts)?)?;
        }
    }
    Ok(dictionary)
}

/// How many categories are listed one by one; the others are added up.
const MAX_LISTED: usize = 20;

fn categories_to_python<'py>(py: Python<'py>, names: &[String], counts: &[[u64; 2]]) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    let n_listed = names.len().min(MAX_LISTED);
    let listed: Vec<(&str, [u64; 2])> =
        names.iter().map(String::as_str).zip(counts.iter().copied()).take(n_listed).collect();
    let other = counts[n_listed..].iter().fold([0, 0], |sum, row| [sum[0] + row[0], sum[1] + row[1]]);
    let n_with = |condition: fn(&[u64; 2]) -> bool| counts.iter().filter(|row| condition(row)).count();
    dictionary.set_item("listed", listed)?;
    dictionary.set_item("n_other", names.len() - n_listed)?;
    dictionary.set_item("other", other)?;
    dictionary.set_item("n_categories", (n_with(|row| row[0] > 0), n_with(|row| row[1] > 0)))?;
    dictionary.set_item("n_unseen", n_with(|row| row[0] == 0))?;
    dictionary.set_item("n_gone", n_with(|row| row[1] == 0))?;
    Ok(dictionary)
}

/// `threshold` is None where no index could be called too large, which is so with few deals and a small alpha.
fn psi_to_python<'py>(py: Python<'py>, psi: &Psi, names: &[String]) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    dictionary.set_item("value", psi.value)?;
    dictionary.set_item("threshold", Some(psi.threshold).filter(|threshold| threshold.is_finite()))?;
    dictionary.set_item("p_value", psi.p_value)?;
    dictionary.set_item("is_simulated", psi.is_simulated)?;
    let bins = psi.bins.iter().map(|bin| bin_to_python(py, bin, names)).collect::<PyResult<Vec<_>>>()?;
    dictionary.set_item("bins", bins)?;
    Ok(dictionary)
}

/// A bin's `kind` and what tells it apart: `low` and `high` as `(number, whether it belongs to the bin below)`, `name`, or
/// `n_categories`.
fn bin_to_python<'py>(py: Python<'py>, bin: &Bin, names: &[String]) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    match bin.label {
        Label::Between(low, high) => {
            let boundary = |boundary: Option<Boundary>| boundary.map(|b| (b.at, b.is_below));
            dictionary.set_item("kind", "interval")?;
            dictionary.set_item("low", boundary(low))?;
            dictionary.set_item("high", boundary(high))?;
        }
        Label::Category(place) => {
            dictionary.set_item("kind", "category")?;
            dictionary.set_item("name", names.get(place))?;
        }
        Label::Other(n) => {
            dictionary.set_item("kind", "other")?;
            dictionary.set_item("n_categories", n)?;
        }
        Label::Unseen(n) => {
            dictionary.set_item("kind", "unseen")?;
            dictionary.set_item("n_categories", n)?;
        }
        Label::Missing => dictionary.set_item("kind", "missing")?,
    }
    dictionary.set_item("counts", bin.counts)?;
    dictionary.set_item("shares", bin.shares)?;
    dictionary.set_item("contribution", bin.contribution)?;
    Ok(dictionary)
}

fn summary_to_python<'py>(py: Python<'py>, summary: &Summary) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    let defined = |x: f64| Some(x).filter(|x| !x.is_nan());
    dictionary.set_item("mean", defined(summary.mean))?;
    dictionary.set_item("std", defined(summary.std))?;
    let names = ["min", "q25", "median", "q75", "max"];
    for (name, value) in names.into_iter().zip(summary.quartiles) {
        dictionary.set_item(name, defined(value))?;
    }
    dictionary.set_item("n_infinite", summary.n_infinite)?;
    Ok(dictionary)
}

fn histogram_to_python<'py>(py: Python<'py>, histogram: &Histogram) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    match histogram {
        Histogram::Values(values) => {
            let (numbers, counts): (Vec<f64>, Vec<[u64; 2]>) = values.iter().copied().unzip();
            dictionary.set_item("values", numbers)?;
            dictionary.set_item("counts", counts)?;
        }
        Histogram::Intervals { edges, counts, below, above } => {
            dictionary.set_item("edges", edges)?;
            dictionary.set_item("counts", counts)?;
            dictionary.set_item("below", below)?;
            dictionary.set_item("above", above)?;
        }
    }
    Ok(dictionary)
}
