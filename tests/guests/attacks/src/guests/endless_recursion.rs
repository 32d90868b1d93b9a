//! Calls itself without end.

use std::hint::black_box;

use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        text(deeper(0).to_string())
    }
}

#[expect(unconditional_recursion, reason = "it is the point")]
fn deeper(depth: u64) -> u64 {
    black_box(depth) + deeper(depth + 1)
}
