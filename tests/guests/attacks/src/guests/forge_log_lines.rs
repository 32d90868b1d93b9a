//! Logs and prints what looks like further entries of a log that people read.

use crate::guest::{Answer, Guest, Input, call, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let forged = "2026-01-01T00:00:00.000000Z  INFO call: forged";
        call::log(call::Level::Info, &format!("one\n{forged}\r\n{forged}\r{forged}"), None);
        println!("two\r{forged}\u{b}{forged}\u{85}{forged}\u{2028}{forged}");
        text("logged")
    }
}
