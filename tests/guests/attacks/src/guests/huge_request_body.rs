//! Uploads more than anybody asked for.

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let body = vec![b'x'; usize::try_from(input.number("bytes")).unwrap()];
        let sent = wire::exchange(&(Method::Post, input.allowed("x"), &[]), &body);
        wire::outcomes([sent.map_or_else(|why| why, |seen| seen.status.to_string())])
    }
}
