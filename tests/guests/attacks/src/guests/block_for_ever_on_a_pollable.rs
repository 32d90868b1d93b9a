//! Waits for an event that is centuries away.

use crate::bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        subscribe_duration(u64::MAX).block();
        text("the centuries passed")
    }
}
