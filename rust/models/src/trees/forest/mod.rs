//! Random forests, extremely randomised trees and single decision trees.

mod fit;
mod grow;
mod inspect;
mod median;
mod params;
mod prune;
mod sample;
mod search;
mod state;
mod target;

pub use fit::{Fitted, Outputs, Training, fit};
pub use inspect::Paths;
pub use params::{Criterion, Params, Splitter};
pub use state::State;
