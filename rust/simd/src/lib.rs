//! Every intrinsic and unsafe loop of Arsenal's learning side, each beside its scalar twin.
//!
//! The instruction set is chosen once per process ([`Isa::active`]); `ARSENAL_FORCE_ISA` forces one for tests and
//! benchmarks. Every path returns the same bits as the scalar one.

pub mod isa;

pub use isa::Isa;
