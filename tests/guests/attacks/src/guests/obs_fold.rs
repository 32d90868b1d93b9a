//! Continues a header on the next line, as HTTP/1.0 once allowed.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let headers =
            [("x-a", "1\r\n more"), ("x-a", "1\r\n\tmore"), ("x-a", "1\n more"), ("x-a", "1\r\thost: evil")];
        wire::outcomes(headers.map(|(name, value)| wire::header(name, value.as_bytes())))
    }
}
