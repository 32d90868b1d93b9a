//! Frames the request in its own way.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let headers = [
            ("transfer-encoding", "chunked"),
            ("Transfer-Encoding", "identity, chunked"),
            ("te", "trailers"),
            ("trailer", "x-a"),
            ("connection", "keep-alive, authorization"),
            ("keep-alive", "timeout=1"),
            ("proxy-connection", "close"),
        ];
        wire::outcomes(headers.map(|(name, value)| wire::header(name, value.as_bytes())))
    }
}
