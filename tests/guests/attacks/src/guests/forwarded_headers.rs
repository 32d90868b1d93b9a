//! Claims that somebody else asks.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let headers = [
            ("forwarded", "for=127.0.0.1"),
            ("x-forwarded-for", "127.0.0.1"),
            ("X-Forwarded-Host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-anything", "1"),
        ];
        wire::outcomes(headers.map(|(name, value)| wire::header(name, value.as_bytes())))
    }
}
