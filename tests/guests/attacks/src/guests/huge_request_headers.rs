//! Sends headers larger than any upstream takes: one of them, and many of them.

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let (count, bytes) = (input.number("count"), input.number("bytes"));
        let names: Vec<_> = (0..count).map(|n| format!("x-{n}")).collect();
        let value = vec![b'x'; usize::try_from(bytes).unwrap()];
        let headers: Vec<(&str, &[u8])> =
            names.iter().map(|name| (name.as_str(), value.as_slice())).collect();
        wire::outcomes([wire::outcome(&(Method::Get, input.allowed("x"), &headers))])
    }
}
