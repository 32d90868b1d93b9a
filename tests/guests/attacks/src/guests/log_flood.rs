//! Logs twenty thousand messages.

use crate::guest::{Answer, Guest, Input, call, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        for _ in 0..20_000 {
            call::log(call::Level::Info, "logged line", None);
        }
        text("flooded")
    }
}
