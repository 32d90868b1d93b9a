//! Follows wherever its upstream sends it.

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let mut outcomes = Vec::new();
        for path in ["metadata", "port", "path"] {
            let seen = wire::exchange(&(Method::Get, input.allowed(path), &[]), &[]);
            let seen = seen.unwrap_or_else(|why| panic!("{why}"));
            outcomes.push(seen.status.to_string());
            outcomes.push(wire::outcome(&(Method::Get, seen.header("location").unwrap(), &[])));
        }
        wire::outcomes(outcomes)
    }
}
