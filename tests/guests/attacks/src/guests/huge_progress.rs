//! Reports progress in as many words as it is told.

use crate::guest::{Answer, Guest, Input, call, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        call::progress(1.0, None, Some(&"x".repeat(usize::try_from(input.number("bytes")).unwrap())));
        text("reported")
    }
}
