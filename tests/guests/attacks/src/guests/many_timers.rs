//! Sets timers and never waits for one.

use crate::bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use crate::guest::{Answer, Guest, Input};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let mut timers = Vec::new();
        loop {
            timers.push(subscribe_duration(1_000_000_000));
        }
    }
}
