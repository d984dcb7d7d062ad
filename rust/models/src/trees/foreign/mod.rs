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

use arsenal_core::foreign::ForeignModel;
use arsenal_core::{Error, Result, value_error};

pub use arrays::{TreeArrays, from_arrays};
pub use catboost::from_catboost;
pub use lightgbm::from_lightgbm;
pub use state::State;
pub use xgboost::from_xgboost;

/// What is wrong with a file, for the caller to say which file.
type Read<T> = std::result::Result<T, String>;

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
/// `n_iterations` says how many iterations to take, as in [`from_xgboost`].
///
/// # Errors
/// [`Error::Value`] as the libraries' own functions say.
pub fn read(bytes: &[u8], library: Library, n_iterations: Option<usize>) -> Result<ForeignModel> {
    match library {
        Library::LightGbm => {
            let text = str::from_utf8(bytes)
                .map_err(|error| Error::Value(format!("LightGBM model: the text is not UTF-8: {error}")))?;
            from_lightgbm(text, n_iterations)
        }
        Library::XgBoost => from_xgboost(bytes, n_iterations),
        Library::CatBoost => from_catboost(bytes, n_iterations),
    }
}
