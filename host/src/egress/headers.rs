//! Which request headers are whose: the connection's are the host's, credentials' are the operator's, the
//! rest is the guest's.

use http::{HeaderMap, HeaderName, header};

use super::{
    DenyReason,
    credential::{Credential, Kind},
    target::Target,
};

/// By these some servers take another method or path than that of the request line, which is the one that was
/// matched.
const OVERRIDES: [&str; 5] =
    ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"];

/// Hop-by-hop headers (RFC 9110 §7.6.1), those that frame, route or override a message, and `Accept-Encoding`: the host
/// decodes responses, so that it can bound them and look for secrets.
#[must_use]
pub fn belongs_to_host(name: &HeaderName) -> bool {
    const NAMES: [HeaderName; 10] = [
        header::ACCEPT_ENCODING,
        header::CONNECTION,
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::TE,
        header::TRAILER,
        header::UPGRADE,
        header::PROXY_AUTHORIZATION,
        header::PROXY_AUTHENTICATE,
    ];
    NAMES.contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings" | "forwarded")
        || OVERRIDES.contains(&name.as_str())
        || name.as_str().starts_with("x-forwarded-")
}

/// Headers that carry credentials, whoever configures them.
pub const USUAL: [HeaderName; 3] = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE];

/// Headers by which a Kubernetes API server takes a request for another's (user impersonation): who asks is the
/// operator's to say, as with a credential.
const IMPERSONATE: &str = "impersonate-";

/// Refuses headers and query keys that only an operator's credential may set. Cookies have rules of their own
/// ([`cookie`](super::cookie)).
///
/// # Errors
/// When the guest set one itself.
pub fn refuse_credentials(
    headers: &HeaderMap,
    target: &Target,
    credentials: &[Credential],
) -> Result<(), DenyReason> {
    let own = |credential: &Credential| match credential.kind() {
        Kind::Header(name, _) => name != header::COOKIE && headers.contains_key(name),
        Kind::Query(key, _) => target.query_keys().any(|given| given.eq_ignore_ascii_case(key)),
        Kind::OAuth2(_) => false, // `Authorization`, one of the usual ones
    };
    let impersonates = headers.keys().any(|name| name.as_str().starts_with(IMPERSONATE));
    let usual = |name: &&HeaderName| **name != header::COOKIE;
    if impersonates
        || USUAL.iter().filter(usual).any(|name| headers.contains_key(name))
        || credentials.iter().any(own)
    {
        return Err(DenyReason::GuestCredential);
    }
    Ok(())
}

/// Bytes of a header section as it is sent: names, values, and four for `: ` and the end of the line.
#[must_use]
pub fn size(headers: &HeaderMap) -> u64 {
    headers.iter().map(|(name, value)| name.as_str().len() as u64 + value.len() as u64 + 4).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::secrets::Filled, secret::Secret};

    fn refused(name: &'static str, url: &str) -> Result<(), DenyReason> {
        let value = Filled { text: Secret::new("k".into()), secrets: Vec::new() };
        let audience = || "http://h".parse().unwrap();
        let credentials = [
            Credential::header(audience(), "X-Api-Key", &value).unwrap(),
            Credential::query(audience(), "api_key".into(), &value).unwrap(),
        ];
        let headers = [(HeaderName::from_static(name), "v".parse().unwrap())].into_iter().collect();
        refuse_credentials(&headers, &Target::parse(url).unwrap(), &credentials)
    }

    #[test]
    fn a_guest_may_not_bring_credentials() {
        let names =
            ["authorization", "proxy-authorization", "x-api-key", "impersonate-user", "impersonate-extra-x"];
        for name in names {
            assert_eq!(refused(name, "http://h"), Err(DenyReason::GuestCredential), "{name}");
        }
        for url in ["http://h/?api_key=1", "http://h/?a&api%5Fkey", "http://other/?a=1&API_KEY=2"] {
            assert_eq!(refused("accept", url), Err(DenyReason::GuestCredential), "{url}");
        }
        assert_eq!(refused("accept", "http://h/?q=api_key"), Ok(()));
    }

    #[test]
    fn the_size_is_the_one_on_the_wire() {
        let headers = [(header::ACCEPT, "a/b".parse().unwrap())].into_iter().collect();
        assert_eq!(size(&headers), "accept: a/b\r\n".len() as u64);
    }
}
