//! Trees grown on binned columns.

mod bin_column;
pub mod binned;
pub mod binning;
pub mod boosting;
mod categories;
mod columns;
mod constraints;
mod cuts;
mod distinct;
pub mod foreign;
pub mod forest;
mod grow;
mod grown;
pub mod importance;
pub mod isolation;
mod mapper;
mod oblivious;
pub mod partial_dependence;
mod reader;
pub mod shap;
pub mod sketch;
mod split;
mod state;
mod values;
