//! Sends methods it did not ask for, and one it did in small letters.

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let other = |name: &str| Method::Other(name.to_owned());
        let methods = [Method::Patch, other("PROPFIND"), other("get"), other("GETS"), other("PATCH")];
        wire::outcomes(methods.map(|method| wire::outcome(&(method, input.allowed("x"), &[]))))
    }
}
