//! The special functions behind the tests' p-values, accurate far into the tails.

mod gamma;
mod kolmogorov;

pub use gamma::{chi2_isf, chi2_sf, ln_binomial};
pub(crate) use gamma::{log1p_minus, stirling_error};
pub use kolmogorov::{kolmogorov_sf, smirnov_sf};
