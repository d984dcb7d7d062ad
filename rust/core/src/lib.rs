//! What Arsenal's learning crates share: errors, views of tables, the thread pool, random numbers, fitted structures.
//!
//! Nothing here knows Python, and nothing here is unsafe: kernels live in `arsenal-simd`.
#![forbid(unsafe_code)]

pub mod ensemble;
pub mod error;
pub mod foreign;
pub mod pool;
pub mod rng;
pub mod table;

pub use error::{Error, Result};
