//! Which request headers are whose: the connection's are the host's, credentials' are the operator's, the
//! rest is the guest's.

use http::{HeaderMap, HeaderName, header};

use super::{DenyReason, credential::Credential};

/// Hop-by-hop headers (RFC 9110 §7.6.1) and those that frame or route a message.
#[must_use]
pub fn belongs_to_host(name: &HeaderName) -> bool {
    const NAMES: [HeaderName; 9] = [
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
        || name.as_str().starts_with("x-forwarded-")
}

/// Refuses headers that only an operator's credential may set.
///
/// # Errors
/// When the guest set one itself.
pub fn refuse_credentials(headers: &HeaderMap, credentials: &[Credential]) -> Result<(), DenyReason> {
    let usual = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE];
    let own = credentials.iter().map(Credential::header);
    if usual.iter().chain(own).any(|name| headers.contains_key(name)) {
        return Err(DenyReason::GuestCredential);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_guest_may_not_bring_credentials() {
        let credentials = [Credential::new("http://h", "X-Api-Key", &Secret::new("k".into())).unwrap()];
        let refused = |name: &'static str| {
            let headers = [(HeaderName::from_static(name), "v".parse().unwrap())].into_iter().collect();
            refuse_credentials(&headers, &credentials)
        };
        for name in ["authorization", "cookie", "proxy-authorization", "x-api-key"] {
            assert_eq!(refused(name), Err(DenyReason::GuestCredential), "{name}");
        }
        assert_eq!(refused("accept"), Ok(()));
    }
}
