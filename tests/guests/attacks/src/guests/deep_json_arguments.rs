//! Answers honestly; it is the client that sends nested arrays.

use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        text(format!("{} bytes", input.call.arguments.len()))
    }
}
