//! Python's losses, metrics and callbacks for the boosting loop, which takes the GIL only while it calls them.

use std::sync::{Mutex, PoisonError};

use arsenal_core::{Error, Result, value_error};
use arsenal_models::trees::boosting::{Objective, Observer, Ranking, Task};
use arsenal_simd::gradient::Derivatives;
use numpy::{PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::prelude::*;

/// A loss by its name and numbers, or by a callable that takes the scores and gives two float32 arrays.
#[derive(FromPyObject)]
pub struct LossDescription(String, Vec<f64>, Option<Py<PyAny>>);

impl LossDescription {
    /// The callable, if there is one.
    pub fn objective<'r>(&self, py: Python<'_>, raised: &'r Raised) -> Option<PyObjective<'r>> {
        self.2.as_ref().map(|call| PyObjective { call: call.clone_ref(py), raised })
    }

    /// What is to be learned; `n_classes` is for the log loss.
    pub fn task<'a>(&'a self, n_classes: usize, objective: Option<&'a PyObjective<'_>>) -> Result<Task<'a>> {
        let Self(name, numbers, _) = self;
        Ok(match (name.as_str(), numbers.as_slice(), objective) {
            ("custom", [], Some(objective)) => Task::Custom(objective),
            ("log_loss", [], None) => Task::Classes(n_classes),
            ("squared_error", [], None) => Task::SquaredError,
            ("absolute_error", [], None) => Task::AbsoluteError,
            ("quantile", levels, None) => Task::Quantiles(levels),
            ("huber", &[alpha], None) => Task::Huber { alpha },
            ("poisson", [], None) => Task::Poisson,
            ("gamma", [], None) => Task::Gamma,
            ("tweedie", &[power], None) => Task::Tweedie { power },
            ("lambdarank", &[truncation_level, normalize, eval_at], None) => Task::LambdaRank(Ranking {
                truncation_level: truncation_level as usize,
                normalize: normalize != 0.0,
                eval_at: eval_at as usize,
            }),
            _ => return value_error!("got the loss {name:?} with {} numbers, which is none", numbers.len()),
        })
    }
}

/// The exception that one of the callables raised and that the fit is to raise.
#[derive(Debug, Default)]
pub struct Raised(Mutex<Option<PyErr>>);

impl Raised {
    /// Calls Python from a thread of the fit; an exception is kept, and ends the fit.
    fn call<T>(&self, work: impl FnOnce(Python<'_>) -> PyResult<T>) -> Result<T> {
        Python::attach(work).map_err(|error| {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            Error::Interrupted
        })
    }

    /// What was raised, or else `outcome`.
    pub fn or<T>(&self, outcome: PyResult<T>) -> PyResult<T> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(raised) => Err(raised),
            None => outcome,
        }
    }
}

/// A loss that Python computes.
#[derive(Debug)]
pub struct PyObjective<'r> {
    call: Py<PyAny>,
    raised: &'r Raised,
}

impl Objective for PyObjective<'_> {
    fn derivatives(&self, scores: &[f64], out: Derivatives<'_>) -> Result<()> {
        let strided = |_| Error::Value("gradients and hessians must be contiguous".into());
        self.raised.call(|py| {
            let (gradients, hessians): (PyReadonlyArray1<'_, f32>, PyReadonlyArray1<'_, f32>) =
                self.call.bind(py).call1((PyArray1::from_slice(py, scores),))?.extract()?;
            let copy = |from: &PyReadonlyArray1<'_, f32>, to: &mut [f32]| -> Result<()> {
                let from = from.as_slice().map_err(strided)?;
                if from.len() != to.len() {
                    return value_error!("got {} derivatives, wanted {}", from.len(), to.len());
                }
                to.copy_from_slice(from);
                Ok(())
            };
            copy(&gradients, out.gradients)
                .and_then(|()| copy(&hessians, out.hessians))
                .map_err(|error| crate::error::to_python(py, &error))
        })
    }
}

/// A metric and a callback that Python computes.
#[derive(Debug)]
pub struct PyObserver<'r> {
    metric: Option<Py<PyAny>>,
    callback: Option<Py<PyAny>>,
    raised: &'r Raised,
}

impl<'r> PyObserver<'r> {
    /// `metric(set, predictions)` gives a number, `callback(iteration, train_loss, evaluation_losses)` whether to stop.
    pub fn new(metric: Option<Py<PyAny>>, callback: Option<Py<PyAny>>, raised: &'r Raised) -> Self {
        Self { metric, callback, raised }
    }
}

impl Observer for PyObserver<'_> {
    fn has_metric(&self) -> bool {
        self.metric.is_some()
    }

    fn metric(&self, set: usize, predictions: &[Vec<f64>]) -> Result<f64> {
        let Some(metric) = &self.metric else { return Ok(f64::NAN) };
        self.raised.call(|py| {
            let value = match predictions {
                [column] => metric.bind(py).call1((set, PyArray1::from_slice(py, column)))?,
                columns => {
                    let by_column = PyArray2::from_vec2(py, columns).map_err(PyErr::from)?;
                    metric.bind(py).call1((set, by_column.call_method0("transpose")?))?
                }
            };
            value.extract()
        })
    }

    fn after_iteration(&self, iteration: usize, train_loss: Option<f64>, evaluation_losses: &[f64]) -> Result<bool> {
        let Some(callback) = &self.callback else { return Ok(false) };
        let losses = evaluation_losses.to_vec();
        self.raised.call(|py| callback.bind(py).call1((iteration, train_loss, losses))?.extract())
    }
}
