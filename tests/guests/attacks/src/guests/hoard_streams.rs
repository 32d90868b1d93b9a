//! Keeps as many streams of its output as it is told.

use crate::bindings::wasi::cli::stdout::get_stdout;
use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let mut kept = Vec::new();
        for _ in 0..input.number("count") {
            kept.push(get_stdout());
        }
        text(format!("{} are kept", kept.len()))
    }
}
