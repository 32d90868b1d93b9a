//! Asks for a connection that is no longer HTTP.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let headers = [
            ("upgrade", "websocket"),
            ("connection", "upgrade"),
            ("http2-settings", "AAMAAABkAAQAAP__"),
            ("Upgrade", "h2c"),
        ];
        wire::outcomes(headers.map(|(name, value)| wire::header(name, value.as_bytes())))
    }
}
