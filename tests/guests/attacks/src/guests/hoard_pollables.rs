//! Keeps as many pollables of one stream as it is told.

use crate::bindings::wasi::cli::stdout::get_stdout;
use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let stdout = get_stdout();
        let kept: Vec<_> = (0..input.number("count")).map(|_| stdout.subscribe()).collect();
        text(format!("{} are kept", kept.len()))
    }
}
