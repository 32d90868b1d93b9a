//! Does what it should: one request after the other, each read to its end. It is its upstream that misbehaves.

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let method = match input.argument("method") {
            "POST" => Method::Post,
            _ => Method::Get,
        };
        let times = input.number("times").max(1);
        wire::outcomes((0..times).map(|_| wire::outcome(&(method.clone(), input.allowed("x"), &[]))))
    }
}
