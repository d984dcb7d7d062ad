//! Histogram gradient boosting.

mod fit;
mod loss;
mod params;
mod state;

pub use fit::{Evaluation, Fitted, Labels, Progress, Training, fit};
pub use loss::Task;
pub use params::Params;
pub use state::{Importance, State};
