//! Uploads a byte now and then, for ever, and so keeps an upstream's connection busy.

use crate::{
    bindings::wasi::{
        clocks::monotonic_clock::subscribe_duration,
        http::{outgoing_handler, types::Method},
    },
    guest::{Answer, Guest, Input},
    http,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let request = http::request(&Method::Post, &input.allowed("x"), &[]);
        let body = request.body().unwrap();
        let _answer = outgoing_handler::handle(request, None).map_err(|code| http::code(&code)).unwrap();
        let stream = body.write().unwrap();
        loop {
            stream.blocking_write_and_flush(b"x").unwrap();
            subscribe_duration(10_000_000).block();
        }
    }
}
