//! A learner's own state as bytes.

use arsenal_core::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A state as bytes, little-endian; `magic` names the learner and the version of the format.
///
/// # Errors
/// `Value` if memory for the bytes cannot be had.
pub(super) fn to_bytes(magic: [u8; 8], state: &impl Serialize) -> Result<Vec<u8>> {
    postcard::to_extend(state, magic.to_vec())
        .map_err(|error| Error::Value(format!("cannot write the learner's state: {error}")))
}

/// Reads what [`to_bytes`] wrote; `learner` is named in the error.
///
/// # Errors
/// `Corrupt` if the bytes are anything else.
pub(super) fn from_bytes<S: DeserializeOwned>(magic: [u8; 8], learner: &str, bytes: &[u8]) -> Result<S> {
    let body =
        bytes.strip_prefix(&magic).ok_or_else(|| Error::Corrupt(format!("not the state of a {learner} learner")))?;
    postcard::from_bytes(body).map_err(|error| Error::Corrupt(format!("the learner's state is damaged: {error}")))
}
