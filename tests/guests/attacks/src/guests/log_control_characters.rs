//! Logs and prints what would forge log lines and drive a terminal.

use crate::guest::{Answer, Guest, Input, call, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let forged = r#"{"level":"ERROR","message":"forged"}"#;
        let odd = format!("begun\n{forged}\r\n\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\0ended");
        call::log(call::Level::Info, &odd, Some(&odd));
        println!("printed \u{1b}[2J\u{7}\r\u{9b}31m\0ended");
        text("logged")
    }
}
