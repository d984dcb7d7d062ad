//! The losses, each with all that it is.

mod classes;
mod custom;
mod log_link;
mod numbers;
mod ranking;

pub(super) use classes::{Binary, Multiclass};
pub(super) use custom::Custom;
pub(super) use log_link::LogLink;
pub(super) use numbers::{Huber, Pinball, SquaredError};
pub(super) use ranking::LambdaRank;
