//! A line and its seal.
//!
//! `{"seq":7,"prev":"…",…,"hash":"…"}`: `hash` is the SHA-256 of the line up to the comma in front of it, and
//! `prev` is the `hash` of the line before, sixty-four zeros for the first. Anybody can check that with
//! `sha256sum`. Two more fields are the log's own: `kept_from`, on the first line of a file, is the first line
//! that was still kept then, so that a missing file is told from one that was given up; `lost` says how many
//! lines could not be written before this one.

use std::io::Write as _;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// SHA-256 in hexadecimal.
pub(super) type Hash = String;

/// `,"hash":"` and `"}` with the hash between them.
const TAIL: usize = 9 + 64 + 2;

/// What the first line is chained to.
pub(super) fn genesis() -> Hash {
    "0".repeat(64)
}

/// What a line says beside its entry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Seal {
    /// Its number, from 1.
    pub(super) seq: u64,
    /// The hash of the line before.
    pub(super) prev: Hash,
    /// On the first line of a file: the first line that is kept.
    #[serde(default)]
    pub(super) kept_from: Option<u64>,
    /// Lines that could not be written before this one.
    #[serde(default)]
    pub(super) lost: u64,
}

impl Seal {
    /// Appends a sealed line to `lines`, and returns its hash. `entry` is a JSON object.
    pub(super) fn close(&self, entry: &[u8], lines: &mut Vec<u8>) -> Hash {
        let start = lines.len();
        // Writing to a Vec cannot fail.
        let _ = write!(lines, r#"{{"seq":{},"prev":"{}""#, self.seq, self.prev);
        if let Some(first) = self.kept_from {
            let _ = write!(lines, r#","kept_from":{first}"#);
        }
        if self.lost > 0 {
            let _ = write!(lines, r#","lost":{}"#, self.lost);
        }
        lines.push(b',');
        lines.extend_from_slice(entry.get(1..entry.len().saturating_sub(1)).unwrap_or_default());
        let hash = hash(lines.get(start..).unwrap_or_default());
        let _ = writeln!(lines, r#","hash":"{hash}"}}"#);
        hash
    }

    /// Checks the hash of a line (without its newline), and reads its seal.
    pub(super) fn open(line: &[u8]) -> Option<(Self, Hash)> {
        let (body, tail) = line.split_at_checked(line.len().checked_sub(TAIL)?)?;
        let said = tail.strip_prefix(br#","hash":""#)?.strip_suffix(br#""}"#)?;
        let hash = hash(body);
        let seal = (said == hash.as_bytes()).then(|| serde_json::from_slice(line).ok())??;
        Some((seal, hash))
    }
}

fn hash(body: &[u8]) -> Hash {
    let mut hex = String::with_capacity(64);
    // Not `{byte:02x}`, which costs as much as the hash.
    for byte in Sha256::digest(body) {
        for digit in [byte >> 4, byte & 15] {
            hex.extend(char::from_digit(digit.into(), 16));
        }
    }
    hex
}

/// The number of a line, without a look at the rest of it.
pub(super) fn seq(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(br#"{"seq":"#)?;
    let digits = rest.split(|byte| *byte == b',').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The hash a line says it has.
pub(super) fn said_hash(line: &[u8]) -> Option<&str> {
    let tail = line.get(line.len().checked_sub(TAIL)?..)?;
    std::str::from_utf8(tail.strip_prefix(br#","hash":""#)?.strip_suffix(br#""}"#)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal { seq: 7, prev: genesis(), kept_from: Some(3), lost: 2 }
    }

    #[test]
    fn a_sealed_line_opens_again() {
        let mut lines = Vec::new();
        let hash = seal().close(br#"{"call":"x"}"#, &mut lines);
        let line = lines.strip_suffix(b"\n").unwrap();
        let expected = format!(
            r#"{{"seq":7,"prev":"{}","kept_from":3,"lost":2,"call":"x","hash":"{hash}"}}"#,
            genesis()
        );
        assert_eq!(String::from_utf8_lossy(line), expected);
        assert_eq!(Seal::open(line), Some((seal(), hash.clone())));
        assert_eq!((seq(line), said_hash(line)), (Some(7), Some(hash.as_str())));
    }

    #[test]
    fn the_hash_is_the_sha_256_of_the_line_up_to_it() {
        // printf abc | sha256sum
        assert_eq!(hash(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_line_with_any_byte_changed_does_not_open() {
        let mut lines = Vec::new();
        seal().close(br#"{"call":"x"}"#, &mut lines);
        lines.pop();
        for at in 0..lines.len() {
            let mut line = lines.clone();
            line[at] ^= 1;
            assert_eq!(Seal::open(&line), None, "{at}");
        }
        for odd in [&b""[..], b"{}", b"\xff"] {
            assert_eq!(Seal::open(odd), None);
            assert_eq!((seq(odd), said_hash(odd)), (None, None));
        }
    }
}
