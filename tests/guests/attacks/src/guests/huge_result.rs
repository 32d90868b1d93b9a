//! Answers with as much text as it is told.

use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        text("x".repeat(usize::try_from(input.number("bytes")).unwrap()))
    }
}
