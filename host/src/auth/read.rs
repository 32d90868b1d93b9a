//! Which credentials a request brings: from its headers and its connection, never from its URL.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, header};

use super::certificate::ClientCertificate;
use crate::{request::Credentials, secret::Secret};

/// The header of an API key.
const API_KEY: &str = "x-api-key";

/// Reads the credentials. Who sends several could be one caller to this host and another to a proxy before it:
/// that is refused, and so is a header that occurs twice.
#[must_use]
pub fn read(headers: &HeaderMap, certificate: Option<Arc<ClientCertificate>>) -> Credentials {
    let authorization = headers.get_all(header::AUTHORIZATION).iter().map(authorization);
    let keys = headers.get_all(API_KEY).iter().map(|value| secret(value).map(Credentials::ApiKey));
    let shown = certificate.map(|certificate| Some(Credentials::Certificate(certificate)));
    let mut found = authorization.chain(keys).chain(shown);
    match (found.next(), found.next()) {
        (None, _) => Credentials::Nothing,
        (Some(Some(one)), None) => one,
        _ => Credentials::Unreadable,
    }
}

fn authorization(value: &HeaderValue) -> Option<Credentials> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        let token = rest.bytes().all(|b| b.is_ascii_graphic()) && !rest.is_empty();
        return token.then(|| Credentials::Bearer(Secret::new(rest.to_owned())));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
    let (username, password) = pair.split_once(':')?;
    Some(Credentials::Basic { username: username.to_owned(), password: Secret::new(password.to_owned()) })
}

fn secret(value: &HeaderValue) -> Option<Secret> {
    let text = value.to_str().ok()?.trim();
    (!text.is_empty()).then(|| Secret::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading(headers: &[(&'static str, &str)]) -> String {
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<Vec<(http::HeaderName, HeaderValue)>>()
            .into_iter()
            .fold(HeaderMap::new(), |mut map, (name, value)| {
                map.append(name, value);
                map
            });
        match read(&map, None) {
            Credentials::Bearer(token) => format!("bearer {}", token.expose()),
            Credentials::ApiKey(key) => format!("key {}", key.expose()),
            Credentials::Basic { username, password } => format!("basic {username}:{}", password.expose()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_kind_is_read_from_its_header() {
        assert_eq!(reading(&[]), "Nothing");
        assert_eq!(reading(&[("authorization", "Bearer abc.def")]), "bearer abc.def");
        assert_eq!(reading(&[("authorization", "bEARER  abc")]), "bearer abc");
        assert_eq!(reading(&[("x-api-key", " k ")]), "key k");
        let basic = format!("Basic {}", BASE64_STANDARD.encode("user:pass:word"));
        assert_eq!(reading(&[("authorization", &basic)]), "basic user:pass:word");
    }

    #[test]
    fn several_credentials_are_refused() {
        assert_eq!(reading(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]), "Unreadable");
        assert_eq!(reading(&[("authorization", "Bearer a"), ("x-api-key", "a")]), "Unreadable");
        assert_eq!(reading(&[("x-api-key", "a"), ("x-api-key", "a")]), "Unreadable");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for value in
            ["", "Bearer", "Bearer ", "Bearer a b", "Negotiate x", "Basic !", "Basic YQ==", "Digest a=b"]
        {
            assert_eq!(reading(&[("authorization", value)]), "Unreadable", "{value}");
        }
        assert_eq!(reading(&[("x-api-key", " ")]), "Unreadable");
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_never_taken_for_nothing(value in "[ -~]{0,80}") {
            prop_assert_ne!(reading(&[("authorization", &value)]), "Nothing");
        }
    }
}
