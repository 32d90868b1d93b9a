//! Keeps many answers open at once and reads none of them.

use crate::{
    bindings::wasi::http::{outgoing_handler, types::Method},
    guest::{Answer, Guest, Input},
    http, wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let mut outcomes = Vec::new();
        let mut kept = Vec::new();
        for _ in 0..6 {
            let request = http::request(&Method::Get, &input.allowed("held"), &[]);
            let answer = outgoing_handler::handle(request, None);
            match answer.and_then(|answer| http::receive(&answer)) {
                Ok(response) => {
                    outcomes.push(response.status().to_string());
                    kept.push((response.consume().unwrap(), response));
                }
                Err(code) => outcomes.push(http::code(&code)),
            }
        }
        // What is let go of may be had again.
        drop(kept);
        outcomes.push(wire::outcome(&(Method::Get, input.allowed("x"), &[])));
        wire::outcomes(outcomes)
    }
}
