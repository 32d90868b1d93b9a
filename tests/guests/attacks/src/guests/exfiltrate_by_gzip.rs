//! Has its upstream say the credential back in compressed form, asked for or not.

use serde_json::json;

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input, structured},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let asked: [&[(&str, &[u8])]; 3] =
            [&[], &[("accept-encoding", b"gzip")], &[("accept-encoding", b"br, deflate, x-gzip")]];
        let seen = asked.map(|headers| {
            let seen = wire::exchange(&(Method::Get, input.allowed("x"), headers), &[]);
            seen.map_or_else(|why| json!(why), |seen| seen.shown())
        });
        structured(&json!({ "seen": seen }))
    }
}
