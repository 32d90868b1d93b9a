//! Keeps secrets out of what a guest reads: each occurrence in a response is replaced, also where it is
//! split over chunks.
//!
//! A secret is looked for as it is, percent-encoded, encoded as in a form (which is how it travels in a query),
//! and escaped as in JSON. What an upstream does to it beyond that (hashing, compressing inside the body) is
//! not seen.

use std::{borrow::Cow, fmt, sync::Arc};

use aho_corasick::{AhoCorasick, Input, MatchKind};
use bytes::{Bytes, BytesMut};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded;

/// What stands in a secret's place.
const REMOVED: &[u8] = b"[removed]";

/// RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The texts to look for.
pub struct Needles {
    automaton: AhoCorasick,
    /// The same for header names, which have no case.
    names: AhoCorasick,
    texts: Vec<Vec<u8>>,
    longest: usize,
}

/// They are secrets.
impl fmt::Debug for Needles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Needles(…)")
    }
}

impl Needles {
    /// Every form of every secret; none if there are no secrets.
    #[must_use]
    pub fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut texts: Vec<Vec<u8>> = secrets.flat_map(forms).filter(|text| !text.is_empty()).collect();
        texts.sort();
        texts.dedup();
        let longest = texts.iter().map(Vec::len).max()?;
        // Fails only for gigabytes of patterns.
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&texts).ok()?;
        let names = AhoCorasick::builder().ascii_case_insensitive(true).build(&texts).ok()?;
        Some(Self { automaton, names, texts, longest })
    }

    /// Whether a header's name holds a secret.
    #[must_use]
    pub fn are_in_name(&self, name: &str) -> bool {
        self.names.is_match(name)
    }

    /// A whole text, cleaned.
    #[must_use]
    pub fn clean<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.automaton.is_match(text) {
            return Cow::Borrowed(text);
        }
        let mut clean = BytesMut::with_capacity(text.len());
        self.replace(text, |_| text.len(), &mut clean);
        Cow::Owned(clean.into())
    }

    /// Copies `text` to `clean` with secrets replaced, up to where `hold` says, which is asked anew behind
    /// each secret. Says how far that was.
    fn replace(&self, text: &[u8], hold: impl Fn(usize) -> usize, clean: &mut BytesMut) -> usize {
        let mut at = 0;
        let mut end = hold(at);
        while let Some(found) = self.automaton.find(Input::new(text).range(at..)) {
            if found.start() >= end {
                break;
            }
            clean.extend_from_slice(text.get(at..found.start()).unwrap_or_default());
            clean.extend_from_slice(REMOVED);
            at = found.end();
            end = end.max(hold(at));
        }
        clean.extend_from_slice(text.get(at..end).unwrap_or_default());
        end
    }

    /// Where the part of `text` starts that may be the beginning of a secret, not before `from`.
    fn hold(&self, text: &[u8], from: usize) -> usize {
        let first = text.len().saturating_sub(self.longest - 1).max(from);
        let begins = |at: &usize| {
            let tail = text.get(*at..).unwrap_or_default();
            self.texts.iter().any(|needle| needle.len() > tail.len() && needle.starts_with(tail))
        };
        (first..text.len()).find(begins).unwrap_or(text.len())
    }
}

/// A secret as it may be written in a response.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let percent = utf8_percent_encode(secret, RESERVED).to_string();
    let lower = lower_hex(&percent);
    let plus = percent.replace("%20", "+");
    let form = form_urlencoded::byte_serialize(secret.as_bytes()).collect(); // `~` and `*` differ from the above
    let json = serde_json::Value::from(secret).to_string();
    let json = json.trim_start_matches('"');
    let json = json.strip_suffix('"').unwrap_or(json).to_owned();
    let slashes = json.replace('/', "\\/");
    [secret.to_owned(), percent, lower, plus, form, json, slashes].map(String::into_bytes).into()
}

/// `%2F` as `%2f`.
fn lower_hex(percent: &str) -> String {
    let mut parts = percent.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        text.push('%');
        text.push_str(&hex.to_ascii_lowercase());
        text.push_str(rest);
    }
    text
}

/// Cleans a body chunk by chunk. What may be the beginning of a secret is held back until more is known.
pub struct Scrubber {
    needles: Arc<Needles>,
    /// Perhaps the beginning of a secret.
    held: BytesMut,
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrubber").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

impl Scrubber {
    /// Nothing held yet.
    #[must_use]
    pub fn new(needles: Arc<Needles>) -> Self {
        Self { needles, held: BytesMut::new() }
    }

    /// Takes a chunk and gives back what is safe to pass on; perhaps nothing.
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        let needles = &*self.needles;
        if self.held.is_empty()
            && needles.hold(&chunk, 0) == chunk.len()
            && !needles.automaton.is_match(&chunk)
        {
            return chunk;
        }
        self.held.extend_from_slice(&chunk);
        let mut clean = BytesMut::with_capacity(self.held.len());
        let end = needles.replace(&self.held, |from| needles.hold(&self.held, from), &mut clean);
        self.held = self.held.split_off(end);
        clean.freeze()
    }

    /// The body has ended: what was held back is passed on, cleaned.
    pub fn finish(&mut self) -> Bytes {
        let held = std::mem::take(&mut self.held);
        Bytes::from(self.needles.clean(&held).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scrubbed(secrets: &[&str], chunks: &[&[u8]]) -> String {
        let mut scrubber = Scrubber::new(Needles::new(secrets.iter().copied()).unwrap().into());
        let mut clean = Vec::new();
        for chunk in chunks {
            clean.extend(scrubber.push(Bytes::copy_from_slice(chunk)));
        }
        clean.extend(scrubber.finish());
        String::from_utf8(clean).unwrap()
    }

    #[test]
    fn a_secret_is_removed_wherever_it_is_cut() {
        let text = b"before s3cret/k%y after";
        for cut in 0..text.len() {
            let (a, b) = text.split_at(cut);
            assert_eq!(scrubbed(&["s3cret/k%y"], &[a, b]), "before [removed] after", "{cut}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(scrubbed(&["s3cret/k%y"], &bytes), "before [removed] after");
    }

    #[test]
    fn every_usual_way_to_write_it_is_known() {
        let secret = "a/b \"ü\"*~";
        for text in [
            "a/b \"ü\"*~",
            "a%2Fb%20%22%C3%BC%22%2A~",
            "a%2fb%20%22%c3%bc%22%2a~",
            "a%2Fb+%22%C3%BC%22%2A~",
            "a%2Fb+%22%C3%BC%22*%7E",
            r#"a/b \"ü\"*~"#,
            r#"a\/b \"ü\"*~"#,
        ] {
            assert_eq!(scrubbed(&[secret], &[b"<", text.as_bytes(), b">"]), "<[removed]>", "{text}");
        }
    }

    #[test]
    fn the_longer_of_two_secrets_wins() {
        assert_eq!(scrubbed(&["abcd", "abcdefgh"], &[b"abcd", b"efgh abcdx"]), "[removed] [removed]x");
    }

    #[test]
    fn what_cannot_be_a_secret_is_not_held_back() {
        let mut scrubber = Scrubber::new(Needles::new(["token"].into_iter()).unwrap().into());
        assert_eq!(scrubber.push(Bytes::from("data: 1\n\n")), "data: 1\n\n");
        assert_eq!(scrubber.push(Bytes::from("to")), "");
        assert_eq!(scrubber.push(Bytes::from("ad")), "toad");
    }

    #[test]
    fn what_is_looked_for_and_held_back_is_not_shown() {
        let mut scrubber = Scrubber::new(Needles::new(["token"].into_iter()).unwrap().into());
        assert_eq!(scrubber.push(Bytes::from("toke")), "");
        assert_eq!(format!("{scrubber:?} {:?}", scrubber.needles), "Scrubber { held: 4, .. } Needles(…)");
    }

    #[test]
    fn no_secrets_need_no_needles() {
        assert!(Needles::new([].into_iter()).is_none());
        assert!(Needles::new([""].into_iter()).is_none());
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter_and_no_secret_is_left(
            secrets in prop::collection::vec("[ab]{2,5}", 1..3),
            text in "[abc]{0,40}",
            cuts in prop::collection::vec(0_usize..40, 0..6),
        ) {
            let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
            let needles = Needles::new(secrets.iter().copied()).unwrap();
            let whole = String::from_utf8(needles.clean(text.as_bytes()).into_owned()).unwrap();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            cuts.push(text.len());
            let mut from = 0;
            let mut chunks = Vec::new();
            for cut in cuts {
                chunks.push(&text.as_bytes()[from..cut]);
                from = cut;
            }
            prop_assert_eq!(scrubbed(&secrets, &chunks), whole.clone());
            for part in whole.split("[removed]") {
                prop_assert!(!secrets.iter().any(|secret| part.contains(secret)));
            }
        }
    }
}
