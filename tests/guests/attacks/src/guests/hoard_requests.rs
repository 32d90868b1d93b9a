//! Keeps as many requests as it is told, none of which it sends.

use crate::bindings::wasi::http::types::{Fields, OutgoingRequest};
use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let mut kept = Vec::new();
        for _ in 0..input.number("count") {
            kept.push(OutgoingRequest::new(Fields::new()));
        }
        text(format!("{} are kept", kept.len()))
    }
}
