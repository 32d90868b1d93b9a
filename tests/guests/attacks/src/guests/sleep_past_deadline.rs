//! Answers a second after its deadline.

use crate::bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let late = u64::from(input.context.deadline_ms) + 1000;
        subscribe_duration(late * 1_000_000).block();
        text("rested")
    }
}
