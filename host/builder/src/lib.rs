//! Turns a component crate into a `.wasm` that Bulkhead will load.
//!
//! Owns two things and nothing else: how a guest is compiled here ([`toolchain`], [`build()`]), and what
//! a component must look like from outside ([`contract`]). The host's `bulkhead build`, the host's build
//! script, the Makefile and the tests all come through here, so there is one way to make a guest.

pub mod build;
pub mod contract;
pub mod toolchain;

pub use build::{Artifact, BuildError, build};
