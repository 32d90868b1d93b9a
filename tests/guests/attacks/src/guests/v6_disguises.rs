//! Hides an IPv4 address in an IPv6 one.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let port = input.config("url").rsplit(':').next().unwrap();
        let own = [
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "0:0:0:0:0:ffff:7f00:0001",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "2001:0:7f00:1::80ff:fffe",
            "::1",
        ];
        let metadata = ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"];
        let own = own.map(|address| format!("http://[{address}]:{port}/allowed/x"));
        let metadata = metadata.map(|address| format!("http://[{address}]/allowed/x"));
        wire::gets(own.into_iter().chain(metadata))
    }
}
