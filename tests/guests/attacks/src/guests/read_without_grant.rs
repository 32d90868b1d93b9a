//! Looks for files where nobody gave it any.

use serde_json::json;

use crate::{
    bindings::wasi::filesystem::preopens::get_directories,
    guest::{Answer, Guest, Input, structured},
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let paths = ["/etc/passwd", "/data/own.txt", "own.txt", ".", "/", "/proc/self/environ", "../own.txt"];
        let found = paths.into_iter().filter(|path| std::fs::metadata(path).is_ok());
        let written = std::fs::write("/tmp/attack", "x").is_ok() || std::fs::write("attack", "x").is_ok();
        structured(&json!({
            "directories": get_directories().len(),
            "found": found.collect::<Vec<_>>(),
            "written": written,
        }))
    }
}
