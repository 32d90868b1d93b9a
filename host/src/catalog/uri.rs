//! URIs on the wire. Those of different services must not meet: one whose scheme is the service's name is that
//! service's own and stays; any other gets the service's name in front, `docs+file:///a`. No service has a `+` in its
//! name, so the way back is unambiguous.

/// A service's URI, or URI template, as clients see it.
#[must_use]
pub fn public(service: &str, uri: &str) -> String {
    match uri.split_once(':') {
        Some((scheme, _)) if scheme == service => uri.to_owned(),
        _ => format!("{service}+{uri}"),
    }
}

/// The service of a URI as clients write it, and the URI as the service knows it.
#[must_use]
pub fn split(public: &str) -> Option<(&str, &str)> {
    let (scheme, _) = public.split_once(':')?;
    let Some((service, _)) = scheme.split_once('+') else { return Some((scheme, public)) };
    let uri = public.get(service.len() + 1..)?;
    // There is one way to write each.
    (self::public(service, uri) == public).then_some((service, uri))
}

/// Whether anybody can fetch it without the host.
#[must_use]
pub fn is_web(uri: &str) -> bool {
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_uri_goes_out_and_comes_back() {
        for (service, uri, seen) in [
            ("docs", "docs://a/b", "docs://a/b"),
            ("docs", "file:///a", "docs+file:///a"),
            ("docs", "https://a.example/x?y=1", "docs+https://a.example/x?y=1"),
            ("git", "git+ssh://h/r", "git+git+ssh://h/r"),
            ("a-b", "urn:isbn:1", "a-b+urn:isbn:1"),
            ("docs", "{scheme}://x", "docs+{scheme}://x"),
        ] {
            assert_eq!(public(service, uri), seen);
            assert_eq!(split(seen), Some((service, uri)), "{seen}");
        }
    }

    #[test]
    fn what_never_went_out_does_not_come_back() {
        for uri in ["", "nothing", "docs+docs://a/b", "a+"] {
            assert_eq!(split(uri), None, "{uri}");
        }
        assert_eq!(split("other://x"), Some(("other", "other://x")));
    }

    #[test]
    fn what_is_on_the_web_is_fetched_without_us() {
        assert!(is_web("https://a") && is_web("HTTP://a"));
        assert!(!is_web("file:///a") && !is_web("httpsx:a") && !is_web("http"));
    }
}
