//! Waits for a million pollables at once.

use crate::bindings::wasi::{clocks::monotonic_clock::subscribe_duration, io::poll::poll};
use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let timer = subscribe_duration(0);
        let ready = poll(&vec![&timer; 1_000_000]);
        text(format!("{} are ready", ready.len()))
    }
}
