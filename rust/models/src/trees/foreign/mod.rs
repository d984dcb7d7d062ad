//! Reads tree models that other libraries learned, from their files or from the arrays of their objects.
//!
//! Every row takes the original's leaf in every tree, and the trees stand in the original's order and type. What a file says that
//! cannot be kept is an error that names it. Files may come from anywhere: every count, number of a node and size is checked before it
//! is used, and no recursion follows what a file says.

mod arrays;
mod assemble;
mod catboost;
mod lightgbm;
mod state;
mod xgboost;

use arsenal_core::foreign::{ForeignModel, Task};
use arsenal_core::{Error, Result, value_error};

pub use arrays::{TreeArrays, from_arrays};
pub use catboost::from_catboost;
pub use lightgbm::from_lightgbm;
pub use state::State;
pub use xgboost::from_xgboost;

/// What is wrong with a file, for the caller to say which file.
type Read<T> = std::result::Result<T, String>;

/// What a file does not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Iterations to take from the first on. Without it they are all taken, but for a model that a scikit-learn estimator of XGBoost
    /// saved after stopping early, which predicts with its best iteration and those before.
    pub n_iterations: Option<usize>,
    /// Classes of the estimator that holds the model, if it is a classifier.
    pub n_classes: Option<usize>,
}

/// The library that wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// Model text.
    LightGbm,
    /// JSON or UBJSON.
    XgBoost,
    /// JSON.
    CatBoost,
}

impl Library {
    /// The name of its package.
    pub fn name(self) -> &'static str {
        match self {
            Self::LightGbm => "lightgbm",
            Self::XgBoost => "xgboost",
            Self::CatBoost => "catboost",
        }
    }

    /// Tells the library from what its file looks like.
    ///
    /// # Errors
    /// [`Error::Value`] if it looks like none; if it is a pickle or CatBoost's binary format, the message says what to save instead.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let place = |key: &str| bytes.windows(key.len()).position(|window| window == key.as_bytes());
        match bytes {
            [b't', b'r', b'e', b'e', b'\n' | b'\r', ..] => Ok(Self::LightGbm),
            [b'{', ..] => match (place("learner"), place("features_info")) {
                (None, None) => value_error!("this is neither a model of XGBoost nor one of CatBoost"),
                (Some(learner), other) if other.is_none_or(|other| learner < other) => Ok(Self::XgBoost),
                _ => Ok(Self::CatBoost),
            },
            [b'C', b'B', b'M', b'1', ..] => {
                value_error!(
                    "this is a model in CatBoost's binary format, wanted JSON: save_model(path, format=\"json\")"
                )
            }
            [0x80, version, ..] if *version <= 5 => {
                value_error!(
                    "this is a pickle, which can run any code and is never loaded; wanted the library's own model file"
                )
            }
            [b'b', b'i', b'n', b'f', ..] => {
                value_error!(
                    "this is a model in XGBoost's old binary format, wanted JSON or UBJSON: load and save it with XGBoost"
                )
            }
            _ => value_error!(
                "these {} bytes are no model of LightGBM (text), XGBoost (JSON, UBJSON) or CatBoost (JSON)",
                bytes.len()
            ),
        }
    }
}

/// Reads a model file of any of the libraries.
///
/// # Errors
/// [`Error::Value`] as the libraries' own functions say.
pub fn read(bytes: &[u8], library: Library, asked: Asked) -> Result<ForeignModel> {
    match library {
        Library::LightGbm => {
            let text = str::from_utf8(bytes)
                .map_err(|error| Error::Value(format!("LightGBM model: the text is not UTF-8: {error}")))?;
            from_lightgbm(text, asked)
        }
        Library::XgBoost => from_xgboost(bytes, asked),
        Library::CatBoost => from_catboost(bytes, asked),
    }
}

/// Two classes of which the more probable one is predicted.
const MORE_PROBABLE: Task = Task::TwoClasses { above: 0.5 };

/// What the model of an estimator gives: its classifiers of two classes take whatever number their objective gives for the probability
/// of the second.
fn task_of_estimator(task: Task, n_targets: usize, n_classes: Option<usize>, objective: &str) -> Read<Task> {
    match (task, n_classes) {
        (task, None) | (task @ Task::TwoClasses { .. }, Some(2)) => Ok(task),
        (Task::Numbers, Some(2)) if n_targets == 1 => Ok(MORE_PROBABLE),
        (Task::Classes, Some(n)) if n == n_targets => Ok(task),
        (_, Some(1)) => Err("the estimator knows one class, wanted 2 or more".into()),
        (_, Some(n)) => Err(format!(
            "the objective {objective:?} gives a row {n_targets} numbers, which are no probabilities of the estimator's {n} classes; \
             wanted one label per row (the saved file is read as a model of numbers)"
        )),
    }
}
