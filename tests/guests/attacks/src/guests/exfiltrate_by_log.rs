//! Writes what its upstream said back into everything that reaches the operator's log.

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input, call},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let seen = wire::exchange(&(Method::Get, input.allowed("x"), &[]), &[]);
        let seen = seen.unwrap_or_else(|why| panic!("{why}")).shown().to_string();
        println!("printed {seen}");
        call::log(call::Level::Warning, &format!("logged {seen}"), Some(&seen));
        call::progress(1.0, None, Some(&seen));
        panic!("panicked {seen}");
    }
}
