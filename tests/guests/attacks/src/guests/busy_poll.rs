//! Asks for ever whether a timer is ready, and waits for ready ones.

use crate::bindings::wasi::{clocks::monotonic_clock::subscribe_duration, io::poll::poll};
use crate::guest::{Answer, Guest, Input};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let (ready, never) = (subscribe_duration(0), subscribe_duration(u64::MAX));
        while !never.ready() {
            poll(&[&ready, &never]);
        }
        unreachable!("it is centuries away")
    }
}
