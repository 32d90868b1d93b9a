//! Climbs out of its directory.

use crate::{
    disk,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let dir = disk::first();
        let paths = [
            "../outside.txt",
            "..",
            "./../outside.txt",
            "sub/../../outside.txt",
            "sub/../../data/../outside.txt",
            "sub/..//../outside.txt",
        ];
        wire::outcomes(paths.map(|path| disk::read(&dir, path)))
    }
}
