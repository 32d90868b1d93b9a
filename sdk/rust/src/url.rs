//! Owns URLs as far as a guest needs them: splitting into the parts wasi:http wants, and encoding.
//!
//! The host parses and checks every URL again; this only has to send what was meant.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{Error, Result};

/// RFC 3986 unreserved characters stay; everything else is encoded.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What may not stand literally in a path or query that is already written out. `%` stays: it is
/// taken for an encoding that is already there.
const WRITTEN: &AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'|')
    .add(b'\\')
    .add(b'^');

/// Percent-encodes one query value, one path segment, or anything else that stands for itself.
pub fn encode_component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// Whether a segment of a path would be resolved away on the route, or by an upstream that decodes it first, and reach
/// another resource; the host sends none of those. `..;x` is `..` with a parameter to some servers.
pub(crate) fn climbs(segment: &str) -> bool {
    let dots = |part: &str| matches!(part.split(';').next(), Some("." | ".."));
    segment.contains('\0') || segment.split(['/', '\\']).any(dots)
}

/// `application/x-www-form-urlencoded` pairs, spaces as `%20`.
pub fn form_encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut encoded = String::new();
    for (key, value) in pairs {
        push_pair(&mut encoded, key, value);
    }
    encoded
}

pub(crate) fn push_pair(query: &mut String, key: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.extend(utf8_percent_encode(key, COMPONENT));
    query.push('=');
    query.extend(utf8_percent_encode(value, COMPONENT));
}

/// The parts of an absolute http or https URL. The fragment is dropped: it is never sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) https: bool,
    /// Host and port.
    pub(crate) authority: String,
    /// Begins with `/`.
    pub(crate) path: String,
    /// Without `?`; empty for none.
    pub(crate) query: String,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| Error::failed(format!("`{text}` is not a URL that can be fetched: {why}"));
        let (scheme, rest) =
            text.trim().split_once("://").ok_or_else(|| wrong("expected https://host/path"))?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("only http and https are")),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = match before.find('/') {
            Some(slash) => before.split_at(slash),
            None => (before, "/"),
        };
        if authority.contains('@') {
            return Err(wrong("user and password do not belong into a URL; the operator sets credentials"));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        if authority.is_empty() || !authority.bytes().all(plain) {
            return Err(wrong("expected a host name in ASCII (xn--… for others)"));
        }
        Ok(Self {
            https,
            authority: authority.to_ascii_lowercase(),
            path: utf8_percent_encode(path, WRITTEN).to_string(),
            query: utf8_percent_encode(query, WRITTEN).to_string(),
        })
    }

    pub(crate) fn path_with_query(&self) -> String {
        match self.query.as_str() {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority, self.path_with_query())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_and_what_may_not_stand_is_encoded() {
        for (given, expected) in [
            ("https://Example.com", "https://example.com/"),
            ("HTTP://h:9090/a b?q=\"x\"#frag", "http://h:9090/a%20b?q=%22x%22"),
            ("https://h/a%20b?x=1&y=%2F", "https://h/a%20b?x=1&y=%2F"),
            ("https://[::1]:8080/é", "https://[::1]:8080/%C3%A9"),
            ("https://h?x=1", "https://h/?x=1"),
            (" https://h/a?b?c ", "https://h/a?b?c"),
        ] {
            assert_eq!(Url::parse(given).unwrap().to_string(), expected, "{given}");
        }
    }

    #[test]
    fn what_is_no_fetchable_url_is_refused() {
        for given in ["", "h/path", "ftp://h/", "https://", "https:///x", "https://u:p@h/", "https://é.fr/"]
        {
            assert!(Url::parse(given).is_err(), "{given}");
        }
    }

    #[test]
    fn components_are_encoded_whole() {
        assert_eq!(encode_component("a/b c&d=é~"), "a%2Fb%20c%26d%3D%C3%A9~");
        assert_eq!(form_encode([("a b", "1"), ("c", "&")]), "a%20b=1&c=%26");
    }
}
