//! Histogram gradient boosting.

mod fit;
mod loss;
mod losses;
mod params;
mod progress;
mod renewal;
mod state;

pub use fit::{Evaluation, Fitted, Labels, Training, fit};
pub use loss::{Objective, Ranking, Task};
pub use params::Params;
pub use progress::{Observer, Progress};
pub use state::{Importance, State};
