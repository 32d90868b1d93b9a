//! The ways a secret may be written, and a search for all of them.

use aho_corasick::AhoCorasick;
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded;

/// RFC 3986 §2.3: not encoded in a URL.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Finds secrets.
pub(super) struct Search {
    automaton: AhoCorasick,
    /// What each pattern is, for people.
    names: Vec<String>,
}

impl Search {
    /// For the whole of each secret, and for each run of letters, digits and hyphens in it that is long enough
    /// to be no accident.
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut patterns, mut names) = (Vec::new(), Vec::new());
        for secret in secrets {
            let runs = secret.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
            for part in runs.filter(|run| run.len() >= 10).chain([secret]) {
                for (how, text) in disguises(part) {
                    names.push(format!("{part} ({how})"));
                    patterns.push(text);
                }
            }
        }
        Self { automaton: AhoCorasick::new(patterns).unwrap(), names }
    }

    /// The first secret in a text, with some of what is around it.
    pub(super) fn find(&self, text: &[u8]) -> Option<String> {
        let found = self.automaton.find(text)?;
        let around = &text[found.start().saturating_sub(200)..text.len().min(found.end() + 100)];
        Some(format!("{}: …{}…", self.names[found.pattern()], String::from_utf8_lossy(around)))
    }
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Each way to write a text, by name.
pub(super) fn disguises(text: &str) -> Vec<(&'static str, String)> {
    let percent = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let reserved = utf8_percent_encode(text, UNRESERVED).to_string();
    let mut all = vec![
        ("as it is", text.to_owned()),
        ("in JSON", json(text)),
        ("in JSON in JSON", json(&json(text))),
        ("in a URL", percent.clone()),
        ("in a URL", percent.to_lowercase()),
        ("in a URL", reserved.clone()),
        ("in a URL", reserved.to_lowercase()),
        ("in a form", form_urlencoded::byte_serialize(text.as_bytes()).collect()),
        ("in hexadecimal", hex(text)),
        ("in hexadecimal", hex(text).to_uppercase()),
        ("as numbers", text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ")),
    ];
    for engine in [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD] {
        // What of it is the same wherever it begins in what is encoded.
        for before in 0..3 {
            let mut encoded = engine.encode([&vec![0; before], text.as_bytes()].concat());
            if !(before + text.len()).is_multiple_of(3) {
                encoded.pop();
            }
            all.push(("in base64", encoded.split_off((before * 8).div_ceil(6))));
        }
    }
    all
}

#[test]
fn every_disguise_is_seen_through() {
    let secret = "canary-secret/\"+1";
    let search = Search::new([secret]);
    let wrapped = |text: &str| search.find(format!("<{text}>").as_bytes());
    for (how, text) in disguises(secret) {
        assert!(wrapped(&text).is_some(), "{how}");
    }
    for before in ["", "a", "ab", "abc"] {
        let encoded = BASE64_STANDARD_NO_PAD.encode(format!("{before}{secret}:after"));
        assert!(wrapped(&encoded).unwrap().contains("in base64"));
    }
    assert!(wrapped("canary-secret").is_some(), "a part of it");
    assert_eq!(wrapped("canary-secre"), None);
}
