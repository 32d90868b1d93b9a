//! Takes memory page by page until it is refused, then says how many it has.

use serde_json::json;

use crate::guest::{Answer, Guest, Input, structured};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        structured(&json!({ "pages": pages() }))
    }
}

#[cfg(target_family = "wasm")]
fn pages() -> usize {
    use core::arch::wasm32::{memory_grow, memory_size};
    while memory_grow::<0>(1) != usize::MAX {}
    memory_size::<0>()
}

#[cfg(not(target_family = "wasm"))]
fn pages() -> usize {
    0
}
