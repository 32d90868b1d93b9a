//! Secrets in a response. The first line has the sizes of the chunks, then a secret a line, then an empty line,
//! then the body. However it is cut, the body comes out as the plainest possible replacement has it.
#![no_main]

use std::sync::Arc;

use bulkhead::egress::scrub::{Needles, Scrubber};

/// Byte by byte, the work grows with the square of this.
const LONGEST: usize = 512;
const REMOVED: &[u8] = b"[removed]";

/// The forms that the host promises to know, written out by hand.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let percent = |upper: bool, space: &str| {
        let mut text = String::new();
        for byte in secret.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(byte as char)
                }
                b' ' => text.push_str(space),
                _ if upper => text.push_str(&format!("%{byte:02X}")),
                _ => text.push_str(&format!("%{byte:02x}")),
            }
        }
        text
    };
    let json = |slash: &str| {
        let mut text = String::new();
        for char in secret.chars() {
            match char {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '/' => text.push_str(slash),
                '\u{8}' => text.push_str("\\b"),
                '\u{c}' => text.push_str("\\f"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\0'..='\u{1f}' => text.push_str(&format!("\\u{:04x}", char as u32)),
                _ => text.push(char),
            }
        }
        text
    };
    let all = [
        secret.to_owned(),
        percent(true, "%20"),
        percent(false, "%20"),
        percent(true, "+"),
        json("/"),
        json("\\/"),
    ];
    all.map(String::into_bytes).into()
}

/// The parts of a body between secrets: at each place, the longest needle that stands there goes.
fn parts<'a>(needles: &[Vec<u8>], body: &'a [u8]) -> Vec<&'a [u8]> {
    let (mut parts, mut from, mut at) = (Vec::new(), 0, 0);
    while at < body.len() {
        let here = needles.iter().filter(|needle| body[at..].starts_with(needle)).map(Vec::len).max();
        match here {
            Some(len) => {
                parts.push(&body[from..at]);
                at += len;
                from = at;
            }
            None => at += 1,
        }
    }
    parts.push(&body[from..]);
    parts
}

fn scrubbed(needles: &Arc<Needles>, chunks: &[&[u8]]) -> Vec<u8> {
    let mut scrubber = Scrubber::new(needles.clone());
    let mut clean = Vec::new();
    for chunk in chunks {
        clean.extend_from_slice(&scrubber.push(chunk.to_vec().into()));
    }
    clean.extend_from_slice(&scrubber.finish());
    assert!(scrubber.finish().is_empty(), "what was passed on is held no longer");
    clean
}

fn cut<'a>(body: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut sizes = sizes.iter().cycle();
    let (mut chunks, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if data.len() > LONGEST {
        return;
    }
    let mut lines = data.splitn(2, |b| *b == b'\n');
    let (sizes, mut rest) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let mut secrets = Vec::new();
    loop {
        let mut lines = rest.splitn(2, |b| *b == b'\n');
        let (line, after) = (lines.next().unwrap_or_default(), lines.next());
        rest = after.unwrap_or_default();
        // `|` stands for a newline, so that a secret may have one.
        let secret = String::from_utf8_lossy(line).replace('|', "\n");
        if secret.is_empty() || secrets.len() == 4 {
            break;
        }
        secrets.push(secret);
    }
    let sizes = sizes.split(|b| *b == b' ').map(|word| {
        let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
        number.unwrap_or(word.len()).clamp(1, LONGEST)
    });
    let sizes: Vec<usize> = sizes.collect();

    let Some(needles) = Needles::new(secrets.iter().map(String::as_str)) else {
        assert!(secrets.is_empty());
        return;
    };
    let needles = Arc::new(needles);
    let known: Vec<Vec<u8>> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    let parts = parts(&known, rest);
    let expected = parts.join(REMOVED);
    let show = String::from_utf8_lossy;

    let whole = needles.clean(rest);
    assert_eq!(show(&whole), show(&expected), "whole");
    for part in &parts {
        let left = known.iter().find(|needle| part.windows(needle.len()).any(|window| window == **needle));
        assert!(left.is_none(), "a secret is left");
    }
    assert_eq!(show(&scrubbed(&needles, &cut(rest, &sizes))), show(&expected), "in chunks of {sizes:?}");
    assert_eq!(show(&scrubbed(&needles, &cut(rest, &[1]))), show(&expected), "byte by byte");
});
