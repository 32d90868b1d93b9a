//! Fails with what its upstream said back.

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input, failed},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        match wire::exchange(&(Method::Get, input.allowed("x"), &[]), &[]) {
            Ok(seen) => failed(String::from_utf8_lossy(&seen.body)),
            Err(why) => failed(why),
        }
    }
}
