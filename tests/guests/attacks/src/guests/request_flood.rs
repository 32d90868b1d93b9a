//! Sends one request after the other without end.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        wire::gets((0..input.number("times")).map(|n| input.allowed(&n.to_string())))
    }
}
