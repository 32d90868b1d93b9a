//! Prints twenty thousand lines.

use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        for _ in 0..20_000 {
            println!("printed line");
        }
        text("flooded")
    }
}
