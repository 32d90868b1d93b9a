//! Sends by other schemes than its own.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let (_, rest) = input.config("url").split_once("://").unwrap();
        let schemes = ["https", "ftp", "ws", "file", "unix", "data"];
        wire::gets(schemes.map(|scheme| format!("{scheme}://{rest}/allowed/x")))
    }
}
