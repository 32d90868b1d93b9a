//! Puts a user, or a host that is none, before the host.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let (_, own) = input.config("url").split_once("://").unwrap();
        let targets = [
            format!("user:password@{own}"),
            format!("user@{own}"),
            format!(":@{own}"),
            format!("{own}@169.254.169.254"),
            format!("{own}%40169.254.169.254"),
        ];
        wire::gets(targets.map(|authority| format!("http://{authority}/allowed/x")))
    }
}
