//! Sends to hosts that are not its own: other names of its own machine too.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let url = input.config("url");
        let port = url.rsplit(':').next().unwrap();
        let hosts = ["localhost", "127.0.0.2", "127.0.0.1.example.com", "example.com", "[::1]", "0.0.0.0"];
        wire::gets(hosts.map(|host| format!("http://{host}:{port}/allowed/x")))
    }
}
