//! Every intrinsic and unsafe loop of Arsenal's learning side, each beside its scalar twin.
//!
//! The instruction set is chosen once per process ([`Isa::active`]); `ARSENAL_FORCE_ISA` forces one for tests and
//! benchmarks. Every path returns the same bits as the scalar one.

pub mod bin_search;
pub mod bins;
pub mod cuts;
pub mod gradient;
pub mod heap;
pub mod histogram;
pub mod isa;
pub mod math;
pub mod partition;
pub mod paths;
pub mod ranking;

pub use isa::Isa;
