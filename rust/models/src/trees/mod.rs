//! Trees grown on binned columns.

pub mod binned;
pub mod binning;
pub mod boosting;
mod categories;
mod distinct;
mod grow;
mod split;
mod values;
