//! Makes links that lead out of its directory, and reads and writes through them.

use serde_json::json;

use crate::{
    disk,
    guest::{Answer, Guest, Input, structured},
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let dir = disk::first();
        let outside = input.config("outside");
        let links = [("etc", "/etc"), ("file", outside), ("up", ".."), ("up-file", "../outside.txt")];
        // Whether the link itself can be made says nothing; what is behind it counts.
        for (link, target) in links {
            let _ = dir.symlink_at(target, link);
        }
        let paths = ["etc/passwd", "file", "up/outside.txt", "up-file"];
        let read = paths.map(|path| disk::read(&dir, path));
        let made = ["etc/attack", "up/attack"].map(|path| disk::came(disk::create(&dir, path)));
        structured(&json!({ "read": read, "made": made }))
    }
}
