//! Has a page with the secret on it sent in pieces, none of which holds the whole.

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let ranges = ["bytes=0-3", "bytes=4-7", "bytes=-4", "bytes=0-0,2-2,4-4"];
        wire::outcomes(
            ranges.map(|range| {
                wire::outcome(&(Method::Get, input.allowed("x"), &[("range", range.as_bytes())]))
            }),
        )
    }
}
