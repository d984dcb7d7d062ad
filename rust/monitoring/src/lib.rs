//! Two-sample tests and drift of tables: exact where it counts, calibrated everywhere, the same for any number of threads.
#![forbid(unsafe_code)]

pub mod adjust;
pub mod contingency;
pub mod drift;
pub mod ks;
pub mod order;
pub mod profile;
pub mod psi;
pub mod special;
