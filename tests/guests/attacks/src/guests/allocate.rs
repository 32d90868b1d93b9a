//! Takes memory until there is none.

use std::hint::black_box;

use crate::guest::{Answer, Guest, Input};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let mut kept = Vec::new();
        loop {
            kept.push(black_box(vec![1_u8; 1 << 20]));
        }
    }
}
