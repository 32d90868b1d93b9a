//! Crashes with ten megabytes of last words.

use crate::guest::{Answer, Guest, Input};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        panic!("{}", "last words ".repeat(1_000_000))
    }
}
