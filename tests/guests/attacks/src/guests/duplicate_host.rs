//! Names a second host beside the one of the URL.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let headers =
            [("host", "evil.example"), ("Host", "evil.example"), ("HOST", "evil.example"), ("host", "")];
        wire::outcomes(headers.map(|(name, value)| wire::header(name, value.as_bytes())))
    }
}
