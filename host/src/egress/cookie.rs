//! Cookies of guests: those that a rule of the operator names go out, beside the credential's, and no others. A cookie is
//! mostly who is asking, which is the operator's to say; but some APIs take a language or a tenant by one.

use http::{HeaderMap, HeaderValue, Method, header};

use super::{
    DenyReason,
    credential::{Credential, Kind},
    target::Target,
};
use crate::grant::Grant;

/// Refuses cookies that no rule names, that a credential sets, or that servers read in more than one way.
///
/// # Errors
/// When there is one.
pub(super) fn check(
    headers: &HeaderMap,
    grant: &Grant,
    credentials: &[Credential],
    method: &Method,
    target: &Target,
) -> Result<(), DenyReason> {
    for header in headers.get_all(header::COOKIE) {
        for cookie in header.as_bytes().split(|byte| *byte == b';') {
            let name = name(cookie.trim_ascii()).ok_or(DenyReason::GuestCookie)?;
            let taken = credentials.iter().filter_map(own).any(|own| names(own).any(|known| known == name));
            if taken || !grant.allows_cookie(name, method, target) {
                return Err(DenyReason::GuestCookie);
            }
        }
    }
    Ok(())
}

/// Puts a credential's cookies beside those of the guest, in one header (RFC 6265 §5.4).
pub(super) fn add(headers: &mut HeaderMap, own: &HeaderValue) {
    let both: Vec<&[u8]> =
        headers.get_all(header::COOKIE).iter().chain([own]).map(HeaderValue::as_bytes).collect();
    let mut both = HeaderValue::from_bytes(&both.join(&b"; "[..])).unwrap_or_else(|_| own.clone());
    both.set_sensitive(true);
    headers.insert(header::COOKIE, both);
}

/// Whether it is a name that a cookie may have.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

/// The name of a cookie as RFC 6265 §4.1.1 has them. In what it leaves out (quotes, commas, spaces) some servers find
/// further cookies.
fn name(cookie: &[u8]) -> Option<&str> {
    let (name, value) = std::str::from_utf8(cookie).ok()?.split_once('=')?;
    let octet = |byte: u8| matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e);
    (is_name(name) && value.bytes().all(octet)).then_some(name)
}

/// The cookies of a credential that is in them.
fn own(credential: &Credential) -> Option<&HeaderValue> {
    match credential.kind() {
        Kind::Header(name, value) if name == header::COOKIE => Some(value),
        _ => None,
    }
}

fn names(own: &HeaderValue) -> impl Iterator<Item = &str> {
    let cookies = std::str::from_utf8(own.as_bytes()).unwrap_or_default().split(';');
    cookies.map(|cookie| cookie.split('=').next().unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        config::{EgressRule, secrets::Filled},
        grant::EgressRequest,
        secret::Secret,
    };

    fn grant() -> Grant {
        let asked = EgressRequest {
            url: "{config.url}/**".into(),
            methods: vec!["GET".into(), "POST".into()],
            reason: String::new(),
        };
        let rule = |url: &str, cookies: &[&str]| EgressRule {
            url: Some(url.parse().unwrap()),
            methods: Some(vec![Method::GET]),
            query: None,
            cookies: cookies.iter().map(|name| (*name).to_owned()).collect(),
        };
        // The wider one stands first and names none.
        let rules = [rule("http://h/**", &[]), rule("http://h/a/**", &["lang", "theme", "sid"])];
        Grant::new(&[asked], &json!({ "url": "http://h" }), Some(&rules)).unwrap()
    }

    fn checked(cookies: &[&str], method: &str, url: &str) -> Result<(), DenyReason> {
        let value = Filled { text: Secret::new("sid=s3cret; b=1".into()), secrets: Vec::new() };
        let session = Credential::header("http://h".parse().unwrap(), "Cookie", &value).unwrap();
        let headers = cookies.iter().map(|value| (header::COOKIE, value.parse().unwrap())).collect();
        check(&headers, &grant(), &[session], &method.parse().unwrap(), &Target::parse(url).unwrap())
    }

    #[test]
    fn a_guest_sends_the_cookies_that_a_rule_names() {
        for cookies in [&["lang=de"][..], &["lang=de; theme=a%20b"], &["lang=de", "theme="], &[]] {
            assert_eq!(checked(cookies, "GET", "http://h/a/x"), Ok(()), "{cookies:?}");
        }
    }

    #[test]
    fn no_other_cookie_goes_out() {
        for cookie in ["other=1", "LANG=de", "lang=de; other=1", "sid=mine", "lang", "", "lang=de;"] {
            assert_eq!(checked(&[cookie], "GET", "http://h/a/x"), Err(DenyReason::GuestCookie), "{cookie}");
        }
        for (method, url) in [("POST", "http://h/a/x"), ("GET", "http://h/b"), ("GET", "http://other/a/x")] {
            assert_eq!(checked(&["lang=de"], method, url), Err(DenyReason::GuestCookie), "{method} {url}");
        }
    }

    #[test]
    fn nothing_in_a_value_reads_as_a_further_cookie() {
        for cookie in ["lang=\"a", "lang=a, sid=1", "lang=a b", "lang=\\\"", "lang =a"] {
            assert_eq!(checked(&[cookie], "GET", "http://h/a/x"), Err(DenyReason::GuestCookie), "{cookie}");
        }
    }

    #[test]
    fn the_credentials_cookie_stands_beside_them_in_one_header() {
        let mut headers = HeaderMap::new();
        for own in ["lang=de", "theme=x"] {
            headers.append(header::COOKIE, own.parse().unwrap());
        }
        add(&mut headers, &"sid=s3cret".parse().unwrap());
        let all: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
        assert!(all.len() == 1 && all[0].is_sensitive());
        assert_eq!(all[0].to_str().unwrap(), "lang=de; theme=x; sid=s3cret");
    }
}
