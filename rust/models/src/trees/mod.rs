//! Trees grown on binned columns.

pub mod binned;
pub mod binning;
pub mod boosting;
mod categories;
mod columns;
mod constraints;
mod cuts;
mod distinct;
pub mod foreign;
mod grow;
mod oblivious;
pub mod shap;
mod split;
mod values;
