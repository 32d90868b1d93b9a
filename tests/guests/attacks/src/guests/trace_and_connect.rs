//! Asks for a mirror and for a tunnel.

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let other = |name: &str| Method::Other(name.to_owned());
        let methods = [Method::Trace, Method::Connect, other("TRACE"), other("CONNECT"), other("TRACK")];
        wire::outcomes(methods.map(|method| wire::outcome(&(method, input.allowed("x"), &[]))))
    }
}
