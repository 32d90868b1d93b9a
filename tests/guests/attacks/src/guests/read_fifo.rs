//! Reads from a pipe that nobody writes to.

use crate::{
    disk,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        wire::outcomes([disk::read(&disk::first(), "pipe")])
    }
}
