//! Histogram gradient boosting.

mod dart;
mod derivatives;
mod fit;
mod input;
mod loss;
mod losses;
mod params;
mod progress;
mod renewal;
mod resume;
mod sampling;
mod sizes;
mod state;

pub use dart::Dart;
pub use fit::{Evaluation, Fitted, Labels, Training, fit};
pub use input::Input;
pub use loss::{Objective, Ranking, Task};
pub use params::Params;
pub use progress::{Observer, Progress};
pub use sampling::Sampling;
pub use state::State;

pub use super::constraints::Interactions;
pub use super::grow::GrowPolicy;
