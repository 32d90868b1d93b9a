//! Calls the host that runs it, and there itself, without end.

use crate::{
    bindings::wasi::http::types::Method,
    guest::{Answer, Guest, Input, text},
    http,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        // Its service is called `allowed`, so this is its own endpoint.
        let url = format!("{}/allowed", input.config("url"));
        let call = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"allowed_run","arguments":{}}}"#;
        let headers: [(&str, &[u8]); 2] =
            [("content-type", b"application/json"), ("accept", b"application/json, text/event-stream")];
        match http::send(&Method::Post, &url, &headers, call) {
            Ok(reply) => text(reply.text()),
            Err(code) => text(http::code(&code)),
        }
    }
}
