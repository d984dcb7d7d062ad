//! Arsenal's inference runtime: loads ONNX models and scores rows, without allocations or locks where it matters.
//!
//! A [`Session`] is a loaded model. It is immutable, [`Send`] and [`Sync`]: put it into an [`Arc`](std::sync::Arc) and
//! let every thread run it.
//!
//! ```
//! use arsenal_runtime::{Input, Session, Text};
//!
//! # let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flights.onnx"))?;
//! let session = Session::from_bytes(&bytes)?; // or Session::load("flights.onnx")
//! let names: Vec<&str> = session.inputs().iter().map(|input| input.name.as_str()).collect();
//! assert_eq!(names, ["distance", "carrier"]);
//!
//! let rows = [2, 1];
//! let carriers = [Text::from("EV"), Text::from("UA")];
//! let inputs = [Input::new(&[300.0_f32, 4000.0], &rows)?, Input::new(&carriers, &rows)?];
//! let outputs = session.run(&inputs, &["probabilities"])?;
//! assert_eq!(outputs[0].shape(), [2, 2]);
//! let probabilities = outputs[0].values::<f32>().expect("the model's dtype");
//! assert!(probabilities[0] > 0.9 && probabilities[2] < 0.1); // classes are "late" and "on time"
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Session::run`] allocates what it returns. [`Session::run_into`] writes to memory of yours and allocates nothing,
//! given a [`Workspace`] where [`Session::bind`] asks for one.
//!
//! The crate builds the C++ library with `CMake` and links it statically. `ARSENAL_LIB_DIR` names a folder with a
//! `libarsenal.a` that is there already. Without the feature `all-operators` the library has trees, linear models and
//! what their files need, in a third of the size.
#![deny(unsafe_code)]

mod dtype;
mod error;
#[allow(unsafe_code, reason = "the C interface is called here alone")]
mod ffi;
mod options;
mod session;
mod tensor;
mod workspace;

pub use dtype::DType;
pub use error::Error;
pub use ffi::{Element, Input, Output, Text, Writable};
pub use options::Options;
pub use session::{Binding, Session, ValueInfo};
pub use tensor::{Tensor, Values};
pub use workspace::Workspace;

/// The result of a call to the runtime.
pub type Result<T> = std::result::Result<T, Error>;
