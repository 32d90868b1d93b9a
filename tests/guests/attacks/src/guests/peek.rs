//! Looks for an environment, arguments, input, files and folders.

use std::{fs, io::Read};

use serde_json::json;

use crate::guest::{Answer, Guest, Input, structured};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let paths = ["/etc/passwd", "/proc/self/environ", "Cargo.toml", "bulkhead.yaml", "/", ".", ".."];
        let read = paths.iter().filter(|path| fs::read(path).is_ok()).count();
        let listed = paths.iter().filter(|path| fs::read_dir(path).is_ok()).count();
        let mut input = String::new();
        structured(&json!({
            "environment": std::env::vars().count(),
            "arguments": std::env::args().count(),
            "input": std::io::stdin().read_to_string(&mut input).unwrap_or_default(),
            "read": read,
            "listed": listed,
        }))
    }
}
