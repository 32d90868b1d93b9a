//! What several targets share: a second reading of URLs and patterns, written without the `url` crate's help
//! where that is possible, to hold the host's against.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Longer inputs find nothing that shorter ones do not, and cost time.
pub const LONGEST: usize = 4096;

/// The input as text; none if it is not, or too long.
pub fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok().filter(|text| text.len() <= LONGEST)
}

/// A URL as it is sent, taken apart by hand.
#[derive(Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    pub scheme: &'a str,
    pub host: &'a str,
    pub port: u16,
    pub segments: Vec<Vec<u8>>,
    pub query: Option<&'a str>,
}

impl<'a> Sent<'a> {
    /// RFC 3986 for URLs that are already normal; none for any other.
    pub fn read(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let default = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#'])?);
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let (host, port) = match authority.strip_suffix(']') {
            Some(_) => (authority, default),
            None => match authority.split_once("]:").or_else(|| authority.split_once(':')) {
                Some((host, port)) => (&authority[..authority.len() - port.len() - 1], {
                    assert!(!host.is_empty());
                    port.parse().ok()?
                }),
                None => (authority, default),
            },
        };
        let segments = path.strip_prefix('/')?.split('/').map(decode).collect();
        Some(Self { scheme, host, port, segments, query })
    }

    /// Whether the host is a name and no address.
    pub fn is_name(&self) -> bool {
        is_name(self.host)
    }

    /// The keys of the query, decoded.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        let pairs = self.query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| decode(&pair.split('=').next().unwrap_or_default().replace('+', " "))).collect()
    }
}

fn is_name(host: &str) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host.parse::<Ipv4Addr>().is_err() && !bracketed.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok())
}

/// Percent-decodes; what is no escape stays.
pub fn decode(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes().peekable();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let mut digit = || ahead.next().and_then(|b| (b as char).to_digit(16));
        match (byte, digit(), digit()) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                bytes.nth(1);
            }
            _ => decoded.push(byte),
        }
    }
    decoded
}

/// Whether a decoded segment could be read as a step up or as nothing, by an upstream that takes `%2f` and
/// `\` for separators.
pub fn is_ambiguous(segment: &[u8]) -> bool {
    segment.contains(&0)
        || segment.split(|b| matches!(b, b'/' | b'\\')).any(|part| matches!(part, b"." | b".."))
}

/// A second opinion on what a pattern matches, from its text. The pattern must be one the host accepts.
pub fn means(pattern: &str, sent: &Sent<'_>) -> bool {
    let (scheme, rest) = pattern.split_once("://").expect("an accepted pattern has a scheme");
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let port_at = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
    let (host, port) = port_at.map_or((authority, None), |at| (&authority[..at], Some(&authority[at + 1..])));
    let default = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
    let port = port.map_or(default, |port| port.parse().expect("an accepted pattern's port is a number"));
    scheme.eq_ignore_ascii_case(sent.scheme)
        && port == sent.port
        && host_means(host, sent)
        && path_means(path, &sent.segments)
}

fn host_means(host: &str, sent: &Sent<'_>) -> bool {
    // How a name is written in IDNA is not ours to do twice.
    let plain = |host: &str| {
        let host = url::Host::parse(host).expect("an accepted pattern has a host").to_string();
        host.trim_end_matches('.').to_owned()
    };
    match host.strip_prefix("*.") {
        None if host == "*" => sent.is_name(),
        None => plain(host) == sent.host,
        Some(parent) => {
            let child = sent.host.strip_suffix(&plain(parent)).and_then(|rest| rest.strip_suffix('.'));
            sent.is_name() && child.is_some_and(|child| !child.is_empty())
        }
    }
}

fn path_means(path: &str, segments: &[Vec<u8>]) -> bool {
    let wanted: Vec<&str> = path.split('/').collect();
    let (wanted, open) = match wanted.split_last() {
        Some((&"**", wanted)) => (wanted, true),
        _ => (&wanted[..], false),
    };
    let enough = if open { segments.len() >= wanted.len() } else { segments.len() == wanted.len() };
    enough
        && wanted.iter().zip(segments).all(|(wanted, segment)| match *wanted {
            "*" => !segment.is_empty(),
            literal => decode(literal) == *segment,
        })
}

/// A URL that a pattern must match: each wildcard replaced by something it stands for.
pub fn example(pattern: &str) -> String {
    let (scheme, rest) = pattern.split_once("://").expect("an accepted pattern has a scheme");
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let authority = match authority.strip_prefix('*') {
        Some(rest) => format!("any{rest}"),
        None => authority.to_owned(),
    };
    let path = path.split('/').map(|segment| match segment {
        "*" => "one",
        "**" => "any/rest",
        literal => literal,
    });
    format!("{scheme}://{authority}/{}", path.collect::<Vec<_>>().join("/"))
}
