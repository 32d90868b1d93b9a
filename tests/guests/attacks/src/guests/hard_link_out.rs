//! Makes hard links of files outside its directory, and moves its own out of it.

use crate::{
    bindings::wasi::filesystem::types::PathFlags,
    disk::{self, came},
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let dir = disk::first();
        let (outside, straight) = (input.config("outside"), PathFlags::empty());
        wire::outcomes([
            came(dir.link_at(straight, "../outside.txt", &dir, "linked")),
            came(dir.link_at(straight, outside, &dir, "linked")),
            came(dir.link_at(straight, "own.txt", &dir, "../linked")),
            came(dir.rename_at("../outside.txt", &dir, "moved")),
            came(dir.rename_at("own.txt", &dir, "../moved")),
            came(dir.link_at(straight, "directory-link/outside.txt", &dir, "linked")),
        ])
    }
}
