//! Writes until the disk is full.

use serde_json::json;

use crate::{
    disk::{self, came},
    guest::{Answer, Guest, Input, structured},
    wire::named,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let dir = disk::first();
        // By other ways than writing one byte after the other.
        let sparse = disk::create(&dir, "sparse").unwrap();
        let (resized, far) = (came(sparse.set_size(1 << 40)), came(sparse.write(b"x", 1 << 40)));
        let streamed = disk::create(&dir, "streamed").and_then(|file| file.append_via_stream()).unwrap();
        let file = disk::create(&dir, "full").unwrap();
        let chunk = vec![b'x'; 16 << 10];
        let mut written = 0;
        let full = loop {
            match file.write(&chunk, written) {
                Ok(more) => written += more,
                Err(error) => break named(&error),
            }
        };
        let streamed = chunk
            .chunks(4096)
            .cycle()
            .find_map(|chunk| streamed.blocking_write_and_flush(chunk).err().map(|error| named(&error)));
        structured(&json!({
            "written": written, "full": full, "resized": resized, "far": far, "streamed": streamed,
        }))
    }
}
