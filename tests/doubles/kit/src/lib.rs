//! What the tests of components share.
//!
//! - [`wire`]: a request and a reply as plain values, so that one double serves a native test and a socket.
//! - [`contract`]: a component's `api.txt`, the operations of its upstream that it uses.
//! - [`vendor`]: the vendor's API document, where it is at hand, and whether a table or a reply agrees with it.
//! - [`below()`]: a double behind a path prefix.
//! - [`walk`]: calls every tool once against a double, and checks all that can be checked without knowing the service.
//! - [`prompts`]: what a prompt says, the tools it names, and what its arguments could be.
//! - [`trouble`]: an upstream that fails in each way one can.
//!
//! Everything here is for tests: what is wrong panics, and says what.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test's tools fail by panicking, and a test that is skipped says so"
)]

mod below;
pub mod contract;
pub mod prompts;
pub mod trouble;
pub mod vendor;
pub mod walk;
pub mod wire;

pub use below::below;
pub use contract::Contract;
pub use walk::{Example, Walk};
pub use wire::{Double, Reply, Request};
