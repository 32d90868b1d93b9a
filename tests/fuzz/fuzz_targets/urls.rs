//! A URL of a guest, normalised. What is matched is what is sent, and nothing in it can be read in two ways.
#![no_main]

use bulkhead::egress::target::Target;
use bulkhead_fuzz::{Sent, is_ambiguous, text};
use http::Uri;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(text) = text(data) else { return };
    let Ok(target) = Target::parse(text) else { return };
    let sent = target.url().as_str();

    // Normalising twice changes nothing.
    let again = Target::parse(sent).unwrap_or_else(|_| panic!("{sent} is refused the second time"));
    assert_eq!(again.url(), target.url());
    assert_eq!((again.host(), again.port()), (target.host(), target.port()), "{sent}");
    assert_eq!(again.segments(), target.segments(), "{sent}");

    // What is matched is what is sent: read by hand,
    let read = Sent::read(sent).unwrap_or_else(|| panic!("{sent} is not normal"));
    assert_eq!(read.scheme, target.scheme());
    assert_eq!(read.host, target.host().to_string());
    assert_eq!(read.port, target.port());
    assert!(
        read.segments.iter().map(Vec::as_slice).eq(target.segments().iter().map(String::as_bytes)),
        "{sent}"
    );
    let keys: Vec<_> = target.query_keys().collect();
    let lossy: Vec<_> = read.keys().iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect();
    assert_eq!(lossy, keys, "{sent}");

    // and as the HTTP client reads it; a URL that it cannot read is not sent.
    if let Ok(uri) = Uri::try_from(sent) {
        assert_eq!(uri.scheme_str(), Some(read.scheme));
        assert_eq!(uri.host(), Some(read.host));
        assert_eq!(uri.port_u16().unwrap_or(read.port), read.port);
        assert_eq!((uri.path(), uri.query()), (target.url().path(), target.url().query()));
    }

    // Nothing is left that upstreams read in different ways.
    assert!(!sent.contains(['#', '\t', '\n', ' ']) && !target.url().path().contains('\\'), "{sent}");
    assert!(!target.segments().iter().any(|segment| is_ambiguous(segment.as_bytes())), "{sent}");
    assert!(!read.host.contains(['@', '/', '?', '%']) && !read.host.ends_with('.'), "{sent}");
    assert!(!read.host.bytes().any(|b| b.is_ascii_uppercase() || !b.is_ascii_graphic()), "{sent}");

    // The log shows the same URL, less the query.
    let logged = target.without_query();
    assert_eq!(sent.split('?').next(), Some(logged.as_str()));
});
