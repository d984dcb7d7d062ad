//! The one error type of the learning side.

use std::fmt;

/// A result whose error is [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. A message says what, got and wanted: `X has 3 columns, the model was fitted with 5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A value, shape or parameter is out of range. Python: `ValueError`.
    Value(String),
    /// A value has the wrong type. Python: `TypeError`.
    Type(String),
    /// The caller asked to stop (Ctrl-C). Python: the pending `KeyboardInterrupt`.
    Interrupted,
    /// Bytes that should hold a state of ours do not. Python: `ValueError`.
    Corrupt(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(message) | Self::Type(message) | Self::Corrupt(message) => f.write_str(message),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {}

/// `Err(Error::Value(format!(…)))`.
#[macro_export]
macro_rules! value_error {
    ($($argument:tt)*) => { Err($crate::Error::Value(format!($($argument)*))) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_shown_as_written() {
        for error in [Error::Value("x".into()), Error::Type("x".into()), Error::Corrupt("x".into())] {
            assert_eq!(error.to_string(), "x");
        }
        assert_eq!(Error::Interrupted.to_string(), "interrupted");
        let failed: Result<()> = value_error!("X has {} columns, the model was fitted with {}", 3, 5);
        assert_eq!(failed, Err(Error::Value("X has 3 columns, the model was fitted with 5".into())));
    }
}
