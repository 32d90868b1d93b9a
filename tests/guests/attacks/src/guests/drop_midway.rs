//! Lets go of requests in every half-done state.

use crate::{
    bindings::wasi::http::{outgoing_handler, types::Method},
    guest::{Answer, Guest, Input},
    http, wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let url = input.allowed("held");
        let request = |method| http::request(&method, &url, &[]);
        let send =
            |request| outgoing_handler::handle(request, None).map_err(|code| http::code(&code)).unwrap();
        for _ in 0..5 {
            // never sent
            drop(request(Method::Post).body().unwrap());
            // sent, not waited for
            drop(send(request(Method::Get)));
            // answered, body not asked for
            drop(http::receive(&send(request(Method::Get))).map_err(|code| http::code(&code)).unwrap());
            // body begun, not read to its end
            let response =
                http::receive(&send(request(Method::Get))).map_err(|code| http::code(&code)).unwrap();
            let body = response.consume().unwrap();
            let stream = body.stream().unwrap();
            let _ = stream.blocking_read(1).unwrap();
            drop((stream, body, response));
            // upload begun, not finished
            let upload = request(Method::Post);
            let body = upload.body().unwrap();
            let answer = send(upload);
            let stream = body.write().unwrap();
            stream.blocking_write_and_flush(b"half").unwrap();
            drop((stream, body, answer));
        }
        wire::gets([input.allowed("x")])
    }
}
