//! Names files from the root of the machine.

use crate::{
    disk,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let dir = disk::first();
        let outside = input.config("outside");
        let paths = ["/etc/passwd", "//etc/passwd", "/proc/self/environ", "/", "/data/own.txt", outside];
        wire::outcomes(paths.map(|path| disk::read(&dir, path)))
    }
}
