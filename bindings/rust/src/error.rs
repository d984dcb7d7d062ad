//! What can go wrong.

use std::fmt;

/// A failed call: its kind, and a message that says what, got and wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An argument is out of its range: a name or index that the model does not have, a bad option, data of another
    /// length than its shape.
    InvalidArgument(String),
    /// The file cannot be read.
    Io(String),
    /// The bytes are no valid ONNX model.
    InvalidModel(String),
    /// The model needs an operator or feature that the runtime does not have.
    Unsupported(String),
    /// The model exceeds one of the [`Options`](crate::Options).
    LimitExceeded(String),
    /// A tensor has another shape than the model wants.
    ShapeMismatch(String),
    /// A tensor has another dtype than the model wants.
    DTypeMismatch(String),
    /// The values make an operation impossible.
    InvalidValue(String),
    /// Memory ran out.
    OutOfMemory(String),
    /// A defect of the runtime itself.
    Internal(String),
}

impl Error {
    /// The error of a status of the C interface other than 0.
    pub(crate) fn from_status(status: i32, message: String) -> Error {
        match status {
            1 => Error::InvalidArgument(message),
            2 => Error::Io(message),
            3 => Error::InvalidModel(message),
            4 => Error::Unsupported(message),
            5 => Error::LimitExceeded(message),
            6 => Error::ShapeMismatch(message),
            7 => Error::DTypeMismatch(message),
            8 => Error::InvalidValue(message),
            9 => Error::OutOfMemory(message),
            _ => Error::Internal(message),
        }
    }

    /// What, got and wanted.
    pub fn message(&self) -> &str {
        match self {
            Error::InvalidArgument(message)
            | Error::Io(message)
            | Error::InvalidModel(message)
            | Error::Unsupported(message)
            | Error::LimitExceeded(message)
            | Error::ShapeMismatch(message)
            | Error::DTypeMismatch(message)
            | Error::InvalidValue(message)
            | Error::OutOfMemory(message)
            | Error::Internal(message) => message,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}
