//! Lets go of requests in every half-done state.

use crate::{
    bindings::wasi::http::{
        outgoing_handler,
        types::{FutureIncomingResponse, IncomingResponse, Method, OutgoingRequest},
    },
    guest::{Answer, Guest, Input},
    http, wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let url = input.allowed("held");
        for _ in 0..5 {
            // never sent
            drop(http::request(&Method::Post, &url, &[]).body());
            // sent, not waited for
            drop(send(http::request(&Method::Get, &url, &[])));
            // answered, body not asked for
            drop(answer(&url));
            // body begun, not read to its end
            if let Some(response) = answer(&url) {
                let body = response.consume().unwrap();
                let stream = body.stream().unwrap();
                let _ = stream.blocking_read(1).unwrap();
                drop((stream, body, response));
            }
            // upload begun, not finished
            let upload = http::request(&Method::Post, &url, &[]);
            let body = upload.body().unwrap();
            let answer = send(upload);
            let stream = body.write().unwrap();
            let _ = stream.blocking_write_and_flush(b"half");
            drop((stream, body, answer));
        }
        // What was let go of gives its place back, a moment later.
        let tried = (0..50).map(|_| wire::outcome(&(Method::Get, input.allowed("x"), &[])));
        let outcome = tried.into_iter().find(|outcome| outcome != "ConnectionLimitReached");
        wire::outcomes(outcome)
    }
}

fn send(request: OutgoingRequest) -> Option<FutureIncomingResponse> {
    outgoing_handler::handle(request, None).ok()
}

/// None where the host has no place for the request: those let go of may still hold theirs.
fn answer(url: &str) -> Option<IncomingResponse> {
    http::receive(&send(http::request(&Method::Get, url, &[]))?).ok()
}
