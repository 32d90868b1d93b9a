//! Answers with text that is not UTF-8.

use crate::guest::{Answer, Guest, Input, text};

pub struct Attack;

impl Guest for Attack {
    #[expect(unsafe_code, reason = "no safe code makes such a string")]
    fn run(&self, _: &Input<'_>) -> Answer {
        let bytes = b"half a character: \xf0\x9f".to_vec();
        // Only its bytes are ever looked at, by the host.
        text(unsafe { String::from_utf8_unchecked(bytes) })
    }
}
