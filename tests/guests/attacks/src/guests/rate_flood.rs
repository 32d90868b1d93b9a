//! Sends as many requests as it can, all at once.

use serde_json::json;

use crate::{
    bindings::wasi::http::{outgoing_handler, types::Method},
    guest::{Answer, Guest, Input, structured},
    http,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let sent: Vec<_> = (0..input.number("times"))
            .map(|_| {
                let request = http::request(&Method::Get, &input.allowed("x"), &[]);
                outgoing_handler::handle(request, None).map_err(|code| http::code(&code)).unwrap()
            })
            .collect();
        let answers = sent.iter().map(|answer| match http::receive(answer) {
            Ok(response) => {
                let headers = response.headers();
                let header = |name: &str| {
                    headers.get(name).first().map(|value| String::from_utf8_lossy(value).into_owned())
                };
                json!({
                    "status": response.status(),
                    "refused": header("bulkhead-refused"),
                    "retry_after": header("retry-after"),
                })
            }
            Err(code) => json!(http::code(&code)),
        });
        structured(&json!({ "answers": answers.collect::<Vec<_>>() }))
    }
}
