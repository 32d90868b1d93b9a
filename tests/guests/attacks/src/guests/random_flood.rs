//! Asks for random bytes for ever.

use std::hint::black_box;

use crate::bindings::wasi::random::random::get_random_bytes;
use crate::guest::{Answer, Guest, Input};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        loop {
            black_box(get_random_bytes(64 << 10));
        }
    }
}
