//! Writes files and removes their names, but keeps them open: they take room that no search finds.

use serde_json::json;

use crate::{
    bindings::wasi::clocks::monotonic_clock::subscribe_duration,
    disk,
    guest::{Answer, Guest, Input, structured},
    wire::named,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let dir = disk::first();
        let chunk = vec![b'x'; 16 << 10];
        let (mut kept, mut held) = (Vec::new(), 0);
        for _ in 0..4 {
            let Ok(file) = disk::create(&dir, "nameless") else { break };
            let _ = dir.unlink_file_at("nameless");
            let mut written = 0;
            let full = loop {
                match file.write(&chunk, written) {
                    Ok(more) => written += more,
                    Err(error) => break named(&error),
                }
            };
            held += written;
            kept.push((file, full));
            // Until the host looks again at what is there.
            subscribe_duration(200_000_000).block();
        }
        structured(&json!({ "held": held, "files": kept.len() }))
    }
}
