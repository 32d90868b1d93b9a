//! Computes for as long as it is told.

use std::hint::black_box;

use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let mut sum = 0_u64;
        for n in 0..input.number("steps") {
            sum = black_box(sum.wrapping_add(n));
        }
        text(sum.to_string())
    }
}
