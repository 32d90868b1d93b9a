//! URL patterns: what a rule matches, no more and no less.
//!
//! | pattern | matches |
//! |---|---|
//! | `https://api.example.com/v1/**` | any path below `/v1/`, and `/v1` itself |
//! | `http://h:9090/a/*/c` | exactly one non-empty segment for `*` |
//! | `https://*.example.com/**` | any name below `example.com`, not `example.com`, no address |
//! | `https://*/**` | any host name, no address |
//! | `https://h` | only the path `/` |
//!
//! A scheme's default port and no port are the same. Hosts are compared as IDNA has them. Paths are
//! compared segment by segment, percent-decoded, after [`super::target`] has normalised the request.

use std::{fmt, str::FromStr};

use percent_encoding::AsciiSet;
use url::Host;

use super::target::{SEGMENT, is_ambiguous};

/// A literal `*` is shown as `%2A`, so that it is not taken for a wildcard.
const LITERAL: &AsciiSet = &SEGMENT.add(b'*');

/// Scheme, host, port and path pattern of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlPattern {
    /// `http` or `https`.
    pub scheme: String,
    /// Which hosts.
    pub host: HostPattern,
    /// The port, the scheme's default filled in.
    pub port: u16,
    pub(crate) path: Vec<Segment>,
}

/// Which hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This one.
    Exact(Host),
    /// Names that end in `.` and this.
    Below(String),
    /// Any name.
    AnyName,
}

/// What a segment of a path may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// This one.
    Literal(String),
    /// Any one.
    One,
    /// Whatever follows.
    Rest,
}

/// Why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a URL pattern: {why}")]
pub struct PatternError {
    text: String,
    why: &'static str,
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "*" {
            return Ok(Self::AnyName);
        }
        if let Some(parent) = text.strip_prefix("*.") {
            return match host(parent) {
                Some(Host::Domain(name)) => Ok(Self::Below(format!(".{name}"))),
                _ => Err("after `*.` a host name is expected"),
            };
        }
        if text.contains('*') {
            return Err("in a host, `*` stands alone or as `*.` at the start");
        }
        host(text).map(Self::Exact).ok_or("the host is not valid")
    }

    /// Whether a host is meant.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Exact(own), host) => own == host,
            (Self::Below(suffix), Host::Domain(name)) => {
                name.len() > suffix.len() && name.ends_with(suffix.as_str())
            }
            (Self::AnyName, Host::Domain(_)) => true,
            // An address is only ever meant when it is written.
            (Self::Below(_) | Self::AnyName, Host::Ipv4(_) | Host::Ipv6(_)) => false,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(host)) => self.matches(host),
            (Self::AnyName, _) => true,
            (Self::Below(own), Self::Below(theirs)) => theirs.ends_with(own.as_str()),
            _ => false,
        }
    }
}

impl UrlPattern {
    /// Whether a normalised request is meant.
    #[must_use]
    pub fn matches(&self, scheme: &str, host: &Host, port: u16, path: &[String]) -> bool {
        self.scheme == scheme
            && self.port == port
            && self.host.matches(host)
            && path_matches(&self.path, path)
    }

    /// Whether everything `other` matches is matched by this one too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.port == other.port
            && self.host.covers(&other.host)
            && path_covers(&self.path, &other.path)
    }

    /// What matches exactly the requests that both match; none if there are none.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Option<Self> {
        let same = self.scheme == other.scheme && self.port == other.port;
        let host =
            [(self, other), (other, self)].into_iter().find(|(wide, narrow)| wide.host.covers(&narrow.host));
        let (_, narrow) = host.filter(|_| same)?;
        let path = path_meet(&self.path, &other.path)?;
        Some(Self { scheme: self.scheme.clone(), host: narrow.host.clone(), port: self.port, path })
    }
}

fn path_meet(one: &[Segment], other: &[Segment]) -> Option<Vec<Segment>> {
    let (mut met, mut one, mut other) = (Vec::new(), one.iter(), other.iter());
    loop {
        let segment = match (one.next(), other.next()) {
            (None, None) => return Some(met),
            // A final `**` is any rest, no rest included.
            (Some(Segment::Rest), rest) => {
                met.extend(rest.into_iter().chain(other).cloned());
                return Some(met);
            }
            (rest, Some(Segment::Rest)) => {
                met.extend(rest.into_iter().chain(one).cloned());
                return Some(met);
            }
            (None, _) | (_, None) => return None,
            (Some(Segment::One), Some(segment)) | (Some(segment), Some(Segment::One)) => {
                if matches!(segment, Segment::Literal(text) if text.is_empty()) {
                    return None;
                }
                segment
            }
            (Some(one), Some(other)) => Some(one).filter(|one| *one == other)?,
        };
        met.push(segment.clone());
    }
}

fn path_matches(pattern: &[Segment], path: &[String]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((Segment::Rest, _)), _) => true,
        (Some((Segment::Literal(own), pattern)), Some((segment, path))) => {
            own == segment && path_matches(pattern, path)
        }
        (Some((Segment::One, pattern)), Some((segment, path))) => {
            !segment.is_empty() && path_matches(pattern, path)
        }
        (Some((Segment::Literal(_) | Segment::One, _)), None) | (None, Some(_)) => false,
    }
}

fn path_covers(own: &[Segment], other: &[Segment]) -> bool {
    match (own.split_first(), other.split_first()) {
        (None, None) => true,
        (Some((Segment::Rest, _)), _) => true,
        (Some((Segment::One, own)), Some((Segment::One, other))) => path_covers(own, other),
        (Some((Segment::One, own)), Some((Segment::Literal(text), other))) => {
            !text.is_empty() && path_covers(own, other)
        }
        (Some((Segment::Literal(a), own)), Some((Segment::Literal(b), other))) => {
            a == b && path_covers(own, other)
        }
        _ => false,
    }
}

impl FromStr for UrlPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        parse(text).map_err(|why| PatternError { text: text.to_owned(), why })
    }
}

fn parse(text: &str) -> Result<UrlPattern, &'static str> {
    let (scheme, rest) = text.split_once("://").ok_or("it needs a scheme, like https://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return Err("the scheme must be http or https"),
    };
    let odd = |c: char| matches!(c, '?' | '#' | '\\') || c.is_whitespace() || c.is_control();
    if rest.contains(odd) {
        return Err("it may hold no query, fragment, backslash, space or control character");
    }
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    if authority.contains('@') {
        return Err("it may hold no user name or password; use `credentials`");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            // Not what Rust takes for a number (`+80`), but what a URL may hold.
            let digits = Some(port).filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
            (host, digits.and_then(|port| port.parse().ok()).ok_or("the port is not a number")?)
        }
        _ => (authority, default_port),
    };
    if host.is_empty() {
        return Err("the host is missing");
    }
    Ok(UrlPattern { scheme, host: HostPattern::parse(host)?, port, path: path_pattern(path)? })
}

/// A host as requests have it: at most one dot at its end, which is dropped, and no `*` behind an escape.
fn host(text: &str) -> Option<Host> {
    match Host::parse(text).ok()? {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            let sound = !name.ends_with('.') && !name.contains('*');
            sound.then(|| Host::parse(name).ok()).flatten()
        }
        address => Some(address),
    }
}

fn path_pattern(path: &str) -> Result<Vec<Segment>, &'static str> {
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let last = segments.len().saturating_sub(1);
    let parsed = segments.into_iter().enumerate().map(|(i, segment)| match segment {
        "**" if i == last => Ok(Segment::Rest),
        "**" => Err("`**` may only be the last segment"),
        "*" => Ok(Segment::One),
        "." | ".." => Err("it may hold no dot segments"),
        text if text.contains('*') => Err("`*` stands for a whole segment"),
        text => match decode(text).ok_or("its percent-encoding is broken")? {
            text if is_ambiguous(&text) => Err("it may hold no dot segments and no NUL, escaped or not"),
            text => Ok(Segment::Literal(text)),
        },
    });
    parsed.collect()
}

/// Percent-decodes one segment; none if it is not valid UTF-8 afterwards.
#[must_use]
pub fn decode(segment: &str) -> Option<String> {
    if !segment.contains('%') {
        return Some(segment.to_owned());
    }
    percent_encoding::percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(f),
            Self::Below(suffix) => write!(f, "*{suffix}"),
            Self::AnyName => f.write_str("*"),
        }
    }
}

impl fmt::Display for UrlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if (self.scheme.as_str(), self.port) != ("http", 80)
            && (self.scheme.as_str(), self.port) != ("https", 443)
        {
            write!(f, ":{}", self.port)?;
        }
        for segment in &self.path {
            match segment {
                Segment::Literal(text) => {
                    write!(f, "/{}", percent_encoding::utf8_percent_encode(text, LITERAL))?;
                }
                Segment::One => f.write_str("/*")?,
                Segment::Rest => f.write_str("/**")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::egress::target::Target;

    fn pattern(text: &str) -> UrlPattern {
        text.parse().unwrap()
    }

    fn matches(text: &str, url: &str) -> bool {
        let target = Target::parse(url).unwrap();
        pattern(text).matches(target.scheme(), target.host(), target.port(), target.segments())
    }

    #[test]
    fn a_rule_matches_what_it_says() {
        for (rule, url) in [
            ("https://h.example/v1/**", "https://h.example/v1/a/b?q=1"),
            ("https://h.example/v1/**", "https://h.example/v1/"),
            ("https://h.example/v1/**", "https://H.EXAMPLE:443/v1"),
            ("http://h:9090/a/*/c", "http://h:9090/a/b/c"),
            ("https://*.example.com/**", "https://a.b.example.com/"),
            ("https://*/**", "https://anything.example/x"),
            ("https://h", "https://h/"),
            ("https://h./x", "https://h/x"),
            ("https://h%2e/x", "https://h/x"),
            ("https://127.1./x", "https://127.0.0.1/x"),
            ("https://*.h./x", "https://a.h/x"),
            ("https://h/%2a", "https://h/*"),
            ("http://[::1]:80/**", "http://[::1]/x"),
            ("https://h/a%20b", "https://h/a b"),
            ("https://bücher.example/**", "https://xn--bcher-kva.example/"),
        ] {
            assert!(matches(rule, url), "{rule} should match {url}");
        }
    }

    #[test]
    fn a_rule_matches_nothing_else() {
        for (rule, url) in [
            ("https://h.example/v1/**", "http://h.example/v1/a"),
            ("https://h.example/v1/**", "https://h.example:8443/v1/a"),
            ("https://h.example/v1/**", "https://h.example/v1x"),
            ("https://h.example/v1/**", "https://h.example/V1/a"),
            ("https://h.example/v1/**", "https://h.example/v1/../admin"),
            ("https://h.example/v1/**", "https://h.example/v1/%2e%2e/admin"),
            ("https://h.example/v1/**", "https://h.example.evil.example/v1/a"),
            ("http://h:9090/a/*/c", "http://h:9090/a//c"),
            ("http://h:9090/a/*/c", "http://h:9090/a/b/b/c"),
            ("https://*.example.com/**", "https://example.com/"),
            ("https://*.example.com/**", "https://evilexample.com/"),
            ("https://*/**", "https://10.0.0.1/x"),
            ("https://*/**", "https://[::1]/x"),
            ("https://*/**", "https://2130706433/x"),
            ("https://h", "https://h/x"),
            ("https://h/%2a", "https://h/x"),
        ] {
            assert!(!matches(rule, url), "{rule} should not match {url}");
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (text, why) in [
            ("h/x", "it needs a scheme, like https://"),
            ("ftp://h/x", "the scheme must be http or https"),
            ("https:///x", "the host is missing"),
            ("https://h/**/x", "`**` may only be the last segment"),
            ("https://h/a*", "`*` stands for a whole segment"),
            ("https://a*.h/", "in a host, `*` stands alone or as `*.` at the start"),
            ("https://u:p@h/", "it may hold no user name or password; use `credentials`"),
            ("https://h/?a=1", "it may hold no query, fragment, backslash, space or control character"),
            ("https://h/a\u{19}", "it may hold no query, fragment, backslash, space or control character"),
            ("https://h/../x", "it may hold no dot segments"),
            ("https://h:x/", "the port is not a number"),
            ("https://h:+443/", "the port is not a number"),
            ("https://h../", "the host is not valid"),
            ("https://0x7f.10../", "the host is not valid"),
            ("https://%2a.h/", "the host is not valid"),
            ("https://*.h../", "after `*.` a host name is expected"),
            ("https://h/%2e%2E/x", "it may hold no dot segments and no NUL, escaped or not"),
            ("https://h/a%2f..%2fb", "it may hold no dot segments and no NUL, escaped or not"),
        ] {
            assert_eq!(text.parse::<UrlPattern>().unwrap_err().why, why, "{text}");
        }
    }

    #[test]
    fn covering_is_matching_for_patterns() {
        let covers = |a: &str, b: &str| pattern(a).covers(&pattern(b));
        assert!(covers("https://*/**", "https://*.h/x/*"));
        assert!(covers("https://h/a/*", "https://h/a/b"));
        assert!(covers("https://h/a/**", "https://h/a/*/c"));
        assert!(!covers("https://h/a/*", "https://h/a/**"));
        assert!(!covers("https://*.h/**", "https://h/**"));
        assert!(!covers("https://h/a", "https://h/*"));
    }

    #[test]
    fn an_escaped_star_is_not_shown_as_a_wildcard() {
        assert_eq!(pattern("https://h/%2a/*").to_string(), "https://h/%2A/*");
    }

    proptest! {
        /// Whatever a covered pattern matches, its cover matches too.
        #[test]
        fn a_cover_matches_all_of_what_it_covers(
            a in "(/(a|b|\\*)){0,3}(/\\*\\*)?", b in "(/(a|b|\\*)){0,3}(/\\*\\*)?", path in "(/(a|b|c)){0,4}",
        ) {
            let (a, b) = (format!("https://h{a}"), format!("https://h{b}"));
            let url = format!("https://h{path}");
            if pattern(&a).covers(&pattern(&b)) && matches(&b, &url) {
                prop_assert!(matches(&a, &url), "{a} covers {b} but misses {url}");
            }
        }

        #[test]
        fn a_pattern_is_written_as_it_is_read(path in "(/(a|b%20c|\\*)){1,3}(/\\*\\*)?", port in 1_u16..) {
            let written = pattern(&format!("http://h:{port}{path}"));
            prop_assert_eq!(pattern(&written.to_string()), written);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = text.parse::<UrlPattern>();
        }
    }

    proptest! {
        #[test]
        fn what_two_patterns_meet_in_matches_what_both_match(
            one in "(http|https)://(h|x\\.h|\\*|\\*\\.h|1\\.1\\.1\\.1)(:81)?(/(a|b|\\*|)){0,4}(/\\*\\*)?",
            other in "(http|https)://(h|x\\.h|\\*|\\*\\.h|1\\.1\\.1\\.1)(:81)?(/(a|b|\\*|)){0,4}(/\\*\\*)?",
            url in "(http|https)://(h|x\\.h|y\\.x\\.h|1\\.1\\.1\\.1)(:81)?(/(a|b|c|)){1,5}",
        ) {
            let met = pattern(&one).meet(&pattern(&other)).is_some_and(|met| {
                let target = Target::parse(&url).unwrap();
                met.matches(target.scheme(), target.host(), target.port(), target.segments())
            });
            prop_assert_eq!(met, matches(&one, &url) && matches(&other, &url));
        }
    }
}
