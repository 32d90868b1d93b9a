//! Hostile guests: one file and one misdeed each, under `guests`. The service's config chooses:
//! `{ guest: "spin" }`; without it the guest is honest. `tests/all/hostile` has a test for each, of the same
//! name; the list both share is `list.rs`, so that a guest without a test does not compile.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    missing_debug_implementations,
    reason = "misbehaving is what it is for"
)]

#[expect(clippy::pedantic, reason = "generated")]
pub mod bindings;
pub mod disk;
pub mod guest;
pub mod guests;
pub mod http;
#[macro_use]
mod list;
pub mod export;
pub mod wire;
