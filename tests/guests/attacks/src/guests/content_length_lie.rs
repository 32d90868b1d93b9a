//! Says a length that is not its body's.

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let lies = ["3", "5000", "0", "-1", "+5", "5, 5", "5\r\n"];
        let mut outcomes: Vec<_> =
            lies.iter().map(|lie| wire::header("content-length", lie.as_bytes())).collect();
        // The truth is the host's to say.
        let honest = wire::exchange(&(Method::Post, input.allowed("x"), &[]), b"hello");
        outcomes.push(honest.map_or_else(|why| why, |seen| seen.status.to_string()));
        wire::outcomes(outcomes)
    }
}
