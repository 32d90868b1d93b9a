//! Fails with as many words as it is told.

use crate::guest::{Answer, Guest, Input, failed};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        failed("x".repeat(usize::try_from(input.number("bytes")).unwrap()))
    }
}
