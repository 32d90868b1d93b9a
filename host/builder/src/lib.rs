//! Turns a component's project, in Rust, JavaScript or Python, into a `.wasm` that Bulkhead will load.
//!
//! Owns three things and nothing else: what a new project is ([`project`]), how a guest is built here ([`toolchain`],
//! [`build()`]), and what a component must look like from outside ([`contract`]). The host's `bulkhead new` and
//! `bulkhead build`, the host's build script, the Makefile and the tests all come through here, so there is one way to
//! make a guest.

pub mod build;
mod bytes;
pub mod contract;
pub mod from_openapi;
mod javascript;
pub mod project;
mod python;
pub mod toolchain;
mod tools;
mod wit;

pub use build::{Artifact, BuildError, build};
