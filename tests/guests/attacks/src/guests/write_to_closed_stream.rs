//! Goes on uploading to an upstream that has answered and hung up.

use crate::{
    bindings::wasi::http::{outgoing_handler, types::Method},
    guest::{Answer, Guest, Input},
    http, wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let request = http::request(&Method::Post, &input.allowed("closes"), &[]);
        let body = request.body().unwrap();
        let answer = outgoing_handler::handle(request, None).map_err(|code| http::code(&code)).unwrap();
        let stream = body.write().unwrap();
        let ended = loop {
            if let Err(error) = stream.blocking_write_and_flush(&[b'x'; 4096]) {
                break wire::named(&error);
            }
        };
        // A closed stream stays closed, however often one writes.
        let again = stream.write(b"more").err().map_or("taken".to_owned(), |error| wire::named(&error));
        drop((stream, body, answer));
        wire::outcomes([ended, again, wire::outcome(&(Method::Get, input.allowed("x"), &[]))])
    }
}
