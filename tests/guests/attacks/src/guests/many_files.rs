//! Makes empty files, and then empty directories, until the disk has no room for names.

use serde_json::json;

use crate::{
    disk,
    guest::{Answer, Guest, Input, structured},
    wire::named,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let dir = disk::first();
        let mut files = 0;
        let full = loop {
            match disk::create(&dir, &format!("file-{files}")) {
                Ok(_) => files += 1,
                Err(error) => break named(&error),
            }
        };
        let directory = disk::came(dir.create_directory_at("directory"));
        structured(&json!({ "files": files, "full": full, "directory": directory }))
    }
}
