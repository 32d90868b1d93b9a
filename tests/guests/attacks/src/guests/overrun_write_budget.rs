//! Writes more than a stream said it would take, without asking.

use crate::{
    bindings::wasi::http::{outgoing_handler, types::Method},
    guest::{Answer, Guest, Input, text},
    http,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let request = http::request(&Method::Post, &input.allowed("x"), &[]);
        let body = request.body().unwrap();
        let _answer = outgoing_handler::handle(request, None).map_err(|code| http::code(&code)).unwrap();
        let stream = body.write().unwrap();
        let _ = stream.write(&vec![b'x'; usize::try_from(input.number("bytes")).unwrap()]);
        text("written")
    }
}
