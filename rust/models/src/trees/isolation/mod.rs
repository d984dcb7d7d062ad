//! Isolation forest (Liu, Ting and Zhou 2008): rows that few random cuts isolate are outliers.

mod fit;
mod params;

pub use fit::{State, Training, fit};
pub use params::Params;
