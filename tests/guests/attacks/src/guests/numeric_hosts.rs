//! Writes addresses as numbers: decimal, octal, hexadecimal, with fewer parts.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

const SELF: [&str; 8] = [
    "2130706433",
    "0x7f000001",
    "0X7F000001",
    "017700000001",
    "127.1",
    "127.0.1",
    "0177.0.0.01",
    "0x7f.0x0.0.1",
];

const METADATA: [&str; 6] =
    ["2852039166", "0xa9fea9fe", "025177524776", "169.254.43518", "169.16689662", "0251.0376.0251.0376"];

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        match input.argument("meaning") {
            "own port" => {
                let port = input.config("url").rsplit(':').next().unwrap();
                wire::gets(SELF.map(|host| format!("http://{host}:{port}/allowed/x")))
            }
            "other port" => {
                let port = input.config("other").rsplit(':').next().unwrap();
                wire::gets(SELF.map(|host| format!("http://{host}:{port}/allowed/x")))
            }
            _ => wire::gets(METADATA.map(|host| format!("http://{host}/allowed/x"))),
        }
    }
}
