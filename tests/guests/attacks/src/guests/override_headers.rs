//! Asks for one thing in the request line, which the rules see, and for another in a header, which some
//! servers believe.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let headers = [
            ("x-http-method-override", "DELETE"),
            ("X-HTTP-Method", "DELETE"),
            ("x-method-override", "DELETE"),
            ("x-original-url", "/secret"),
            ("X-Rewrite-URL", "/secret"),
        ];
        wire::outcomes(headers.map(|(name, value)| wire::header(name, value.as_bytes())))
    }
}
