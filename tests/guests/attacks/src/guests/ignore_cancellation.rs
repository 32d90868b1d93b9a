//! Goes on after its client is gone.

use crate::guest::{Answer, Guest, Input, call, spin};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        call::log(call::Level::Info, "at it", None);
        spin()
    }
}
