//! Puts the end of a line, and what would follow it, into every part of a request.

use crate::{
    bindings::wasi::http::types::{Fields, Method},
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let url = input.allowed("x");
        let smuggled = "1\r\nhost: evil.example";
        let mut outcomes = Vec::new();
        for value in [smuggled, "1\nx: 1", "1\rx: 1", "1\0", "\u{7f}", "\r\n\r\nGET /secret HTTP/1.1\r\n\r\n"]
        {
            outcomes.push(wire::header("x-a", value.as_bytes()));
            let list = [("x-a".to_owned(), value.as_bytes().to_vec())];
            let listed = Fields::from_list(&list).err().map(|error| wire::named(&error));
            outcomes.push(listed.unwrap_or_default());
            let set = Fields::new().set("x-a", &[b"1".to_vec(), value.as_bytes().to_vec()]);
            outcomes.push(set.err().map(|error| wire::named(&error)).unwrap_or_default());
        }
        for name in ["x-a\r\nhost", "x-a: 1\r\nx-b", "x a", "x:a", "x\0", "", "héader"] {
            outcomes.push(wire::header(name, b"1"));
        }
        let method = Method::Other(format!("GET /secret HTTP/1.1\r\nx: {smuggled}"));
        outcomes.push(wire::outcome(&(method, url.clone(), &[])));
        outcomes.push(wire::outcome(&(Method::Other("GET /secret".to_owned()), url.clone(), &[])));
        outcomes.push(wire::outcome(&(Method::Get, format!("{url} HTTP/1.1\r\nx: 1"), &[])));
        outcomes.push(wire::outcome(&(Method::Get, format!("{url}\nx: 1"), &[])));
        let authority = url.replacen("/allowed", "\r\nx: 1/allowed", 1);
        outcomes.push(wire::outcome(&(Method::Get, authority, &[])));
        wire::outcomes(outcomes)
    }
}
