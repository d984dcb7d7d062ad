//! Arsenal's learning algorithms, one folder each: parameters, and what fitting them returns.
#![forbid(unsafe_code)]

pub mod trees;
