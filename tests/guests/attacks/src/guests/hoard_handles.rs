//! Keeps as many header lists as it is told.

use crate::bindings::wasi::http::types::Fields;
use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let mut kept = Vec::new();
        for _ in 0..input.number("count") {
            kept.push(Fields::new());
        }
        text(format!("{} are kept", kept.len()))
    }
}
