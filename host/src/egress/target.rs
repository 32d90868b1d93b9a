//! The normalised form of an outbound request's URL. What is matched is what is sent: the rules look at a
//! [`Target`], and the request goes out with exactly its text.

use std::borrow::Cow;

use http::Uri;
use percent_encoding::{AsciiSet, CONTROLS};
use url::{Host, Url};

use super::DenyReason;

/// Characters that are written percent-encoded in one path segment (RFC 3986 §3.3).
pub const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// A URL after normalisation: dot segments resolved, host in IDNA and lower case without a trailing dot,
/// default port filled in, no user information, no fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: Host,
    port: u16,
    segments: Vec<String>,
}

impl Target {
    /// Normalises a URL.
    ///
    /// # Errors
    /// When it is not an absolute http or https URL, names a user, has a host that no name server knows
    /// (`h..`), or hides a path separator beside dot segments (`..%2f..`), which upstreams read in different
    /// ways.
    pub fn parse(text: &str) -> Result<Self, DenyReason> {
        let mut url = Url::parse(text).map_err(|_| DenyReason::MalformedUrl)?;
        // An empty name (`http://@h/`) leaves no trace in the URL; that somebody wrote it is odd enough.
        let authority = text.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
            return Err(DenyReason::UserInfo);
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(DenyReason::MalformedUrl);
        }
        url.set_fragment(None);
        if let Some(name) = url.domain().and_then(|name| name.strip_suffix('.')).map(str::to_owned) {
            // With a second dot it is no name, and the first is not the only thing between it and its normal form.
            if name.ends_with('.') {
                return Err(DenyReason::MalformedUrl);
            }
            url.set_host(Some(&name)).map_err(|_| DenyReason::MalformedUrl)?;
        }
        let host = url.host().ok_or(DenyReason::MalformedUrl)?.to_owned();
        let port = url.port_or_known_default().ok_or(DenyReason::MalformedUrl)?;
        let segments = url.path_segments().ok_or(DenyReason::MalformedUrl)?;
        let segments = segments
            .map(super::pattern::decode)
            .collect::<Option<Vec<_>>>()
            .ok_or(DenyReason::MalformedUrl)?;
        if segments.iter().any(|segment| is_ambiguous(segment)) {
            return Err(DenyReason::MalformedUrl);
        }
        Ok(Self { url, host, port, segments })
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, the scheme's default filled in.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path's segments, percent-decoded.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The URL as it is sent.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The same for the HTTP client.
    pub(super) fn uri(&self) -> Option<Uri> {
        Uri::try_from(self.url.as_str()).ok()
    }

    /// The keys of its query, decoded (`application/x-www-form-urlencoded`).
    pub fn query_keys(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.url.query_pairs().map(|(key, _)| key)
    }

    /// The URL without its query, for logs: a query may hold what the caller typed.
    #[must_use]
    pub fn without_query(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.to_string()
    }
}

/// Whether upstreams read a decoded segment in different ways, so that no request is sent with it.
pub(super) fn is_ambiguous(segment: &str) -> bool {
    if !segment.starts_with('.') && !segment.bytes().any(|byte| matches!(byte, 0 | b'/' | b'\\')) {
        return false;
    }
    // `..;x` is `..` with a parameter to some servers.
    let dots = |part: &str| matches!(part.split(';').next(), Some("." | ".."));
    segment.contains('\0') || segment.split(['/', '\\']).any(dots)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_are_normalised() {
        for (given, sent) in [
            ("HTTPS://EXAMPLE.com:443/a/./b/../c?x#y", "https://example.com/a/c?x"),
            ("http://example.com./", "http://example.com/"),
            ("http://example.com\\a", "http://example.com/a"),
            ("http://0x7f000001/", "http://127.0.0.1/"),
            ("http://017700000001/", "http://127.0.0.1/"),
            ("http://bücher.example/%2E%2e/a", "http://xn--bcher-kva.example/a"),
            ("http://h/a%2fb", "http://h/a%2fb"),
        ] {
            assert_eq!(Target::parse(given).unwrap().url().as_str(), sent, "{given}");
        }
    }

    #[test]
    fn ambiguous_urls_are_refused() {
        for (given, reason) in [
            ("http://user@h/", DenyReason::UserInfo),
            ("http://:pass@h/", DenyReason::UserInfo),
            ("http://@h/", DenyReason::UserInfo),
            ("http://h/a/..;/admin", DenyReason::MalformedUrl),
            ("http://h/a/.;x=1/admin", DenyReason::MalformedUrl),
            ("ftp://h/", DenyReason::MalformedUrl),
            ("/relative", DenyReason::MalformedUrl),
            ("http:///", DenyReason::MalformedUrl),
            ("http://h../", DenyReason::MalformedUrl),
            ("http://127.0.0.1.../", DenyReason::MalformedUrl),
            ("http://h/a/..%2f..%2fadmin", DenyReason::MalformedUrl),
            ("http://h/a/..%5cadmin", DenyReason::MalformedUrl),
            ("http://h/a%00", DenyReason::MalformedUrl),
            ("http://h/%ff", DenyReason::MalformedUrl),
        ] {
            assert_eq!(Target::parse(given).map(|t| t.url().to_string()), Err(reason), "{given}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(url in "http://[a-z]{1,8}(/[a-z.%2fF5cC]{0,6}){0,4}") {
            if let Ok(once) = Target::parse(&url) {
                let twice = Target::parse(once.url().as_str()).unwrap();
                prop_assert_eq!(once.url(), twice.url());
                prop_assert!(!once.segments().iter().any(|s| s == ".."));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = Target::parse(&text);
        }
    }
}
