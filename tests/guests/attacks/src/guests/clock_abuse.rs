//! Reads the clock for ever.

use std::hint::black_box;

use crate::bindings::wasi::clocks::monotonic_clock::now;
use crate::guest::{Answer, Guest, Input};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        loop {
            black_box(now());
        }
    }
}
