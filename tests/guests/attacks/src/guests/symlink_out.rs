//! Reads through links that somebody left in its directory.

use crate::{
    disk,
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let dir = disk::first();
        let paths = ["file-link", "directory-link/outside.txt", "link-to-link", "sub/relative-link"];
        wire::outcomes(paths.map(|path| disk::read(&dir, path)))
    }
}
