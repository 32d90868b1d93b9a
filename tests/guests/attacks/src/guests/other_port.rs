//! Sends to other ports of its own host.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let other = input.config("other");
        wire::gets([format!("{other}/allowed/x"), "http://127.0.0.1/allowed/x".to_owned()])
    }
}
