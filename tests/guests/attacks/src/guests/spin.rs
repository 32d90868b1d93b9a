//! Computes for ever.

use crate::guest::{Answer, Guest, Input, spin};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        spin()
    }
}
