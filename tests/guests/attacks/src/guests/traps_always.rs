//! Crashes in every call that is not honest.

use crate::guest::{Answer, Guest, Input};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        panic!("again")
    }
}
