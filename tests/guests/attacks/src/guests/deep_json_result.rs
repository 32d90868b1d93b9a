//! Answers with a hundred thousand nested arrays.

use crate::guest::{Answer, Guest, Input, raw_structured};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        raw_structured("[".repeat(100_000) + &"]".repeat(100_000))
    }
}
