//! Brings credentials of its own, where the operator's belong.

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let names =
            ["authorization", "Authorization", "cookie", "x-api-key", "X-API-KEY", "proxy-authorization"];
        wire::outcomes(
            names.map(|name| wire::outcome(&(Method::Get, input.allowed("x"), &[(name, b"Bearer mine")]))),
        )
    }
}
