//! The only place where a core error becomes a Python exception, and the one door that releases the GIL.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arsenal_core::{Error, Result};
use pyo3::prelude::*;

/// The Python exception for a core error.
pub fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    let class = match error {
        Error::Value(_) | Error::Corrupt(_) => "ArsenalValueError",
        Error::Type(_) => "ArsenalTypeError",
        Error::Interrupted => {
            return py.check_signals().err().unwrap_or_else(|| pyo3::exceptions::PyKeyboardInterrupt::new_err(()));
        }
    };
    match py
        .import("arsenal.exceptions")
        .and_then(|module| module.getattr(class))
        .and_then(|c| c.call1((error.to_string(),)))
    {
        Ok(exception) => PyErr::from_value(exception),
        Err(import_error) => import_error,
    }
}

/// [`enter_watched`] with nothing to watch.
pub fn enter<T: Send>(py: Python<'_>, work: impl FnOnce(&AtomicBool) -> Result<T> + Send) -> PyResult<T> {
    enter_watched(py, |_| Ok(()), work)
}

/// Runs `work` without the GIL. `work` polls the flag it is given and returns [`Error::Interrupted`] once it is set.
///
/// The calling thread keeps asking Python for pending signals (every 20 ms), so Ctrl-C stops a long call; it calls `watch` as
/// often, and an error of `watch` stops the work too.
pub fn enter_watched<T: Send>(
    py: Python<'_>,
    watch: impl Fn(Python<'_>) -> PyResult<()>,
    work: impl FnOnce(&AtomicBool) -> Result<T> + Send,
) -> PyResult<T> {
    let stop = AtomicBool::new(false);
    let is_done = AtomicBool::new(false);
    let caller = std::thread::current();
    let mut raised = None;
    let outcome = std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let outcome = work(&stop);
            is_done.store(true, Ordering::Release);
            caller.unpark();
            outcome
        });
        // The flag is set before the caller is woken; is_finished is for a worker that panicked.
        while !is_done.load(Ordering::Acquire) && !worker.is_finished() {
            py.detach(|| std::thread::park_timeout(Duration::from_millis(20)));
            if raised.is_none() {
                raised = py.check_signals().and_then(|()| watch(py)).err();
                stop.store(raised.is_some(), Ordering::Relaxed);
            }
        }
        worker.join()
    });
    match (outcome, raised) {
        (_, Some(raised)) => Err(raised),
        (Ok(Ok(value)), None) => Ok(value),
        (Ok(Err(error)), None) => Err(to_python(py, &error)),
        (Err(panic), None) => std::panic::resume_unwind(panic),
    }
}
