//! Uploads in two halves with a pause between them, for upstreams that answer in the pause.

use crate::{
    bindings::wasi::{
        clocks::monotonic_clock::subscribe_duration,
        http::{
            outgoing_handler,
            types::{Method, OutgoingBody},
        },
    },
    guest::{Answer, Guest, Input},
    http, wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let request = http::request(&Method::Put, &input.allowed("x"), &[]);
        let body = request.body().unwrap();
        let answer = outgoing_handler::handle(request, None).map_err(|code| http::code(&code)).unwrap();
        let stream = body.write().unwrap();
        for half in [b"first ", b"second"] {
            let _ = stream.blocking_write_and_flush(half);
            subscribe_duration(400_000_000).block();
        }
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
        let outcome = match http::receive(&answer) {
            Ok(response) => response.status().to_string(),
            Err(code) => http::code(&code),
        };
        wire::outcomes([outcome])
    }
}
