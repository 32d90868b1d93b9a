//! Waits for none of no pollables.

use crate::bindings::wasi::io::poll::poll;
use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let ready = poll(&[]);
        text(format!("{} are ready", ready.len()))
    }
}
