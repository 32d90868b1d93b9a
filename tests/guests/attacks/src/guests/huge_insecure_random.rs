//! Asks for a terabyte of cheap random bytes at once.

use crate::bindings::wasi::random::insecure::get_insecure_random_bytes;
use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let bytes = get_insecure_random_bytes(1 << 40);
        text(format!("{} bytes", bytes.len()))
    }
}
