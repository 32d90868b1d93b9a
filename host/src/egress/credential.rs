//! Credentials of upstreams: bound to scheme, host and port, attached by the host after the rules have
//! matched, never seen by a guest.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderName, HeaderValue, header};
use url::{Host, Url};

use super::{oauth2::ClientCredentials, target::Target};
use crate::{config::secrets::Filled, secret::Secret};

/// Whom a credential is for: scheme, host and port, all three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    scheme: String,
    host: Host,
    port: u16,
}

impl Audience {
    /// Whether a request goes there.
    #[must_use]
    pub fn matches(&self, target: &Target) -> bool {
        self.scheme == target.scheme() && self.host == *target.host() && self.port == target.port()
    }

    /// Whether it is reached with TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }
}

impl FromStr for Audience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let odd = || format!("`{text}` must be scheme, host and port, like https://prom.internal:9090");
        let url = Url::parse(text).map_err(|_| odd())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let target = Target::parse(text).map_err(|_| odd())?;
        if bare { Ok(Self::from(&target)) } else { Err(odd()) }
    }
}

impl From<&Target> for Audience {
    fn from(target: &Target) -> Self {
        Self { scheme: target.scheme().to_owned(), host: target.host().clone(), port: target.port() }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// A credential for one upstream and no other.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    audience: Audience,
    kind: Kind,
    secrets: Vec<Secret>,
    origin: Option<Arc<str>>,
}

/// How a credential travels.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// In a header.
    Header(HeaderName, HeaderValue),
    /// As a query parameter.
    Query(String, Secret),
    /// As a bearer token that the host gets and renews.
    OAuth2(Arc<ClientCredentials>),
}

impl Credential {
    fn new(audience: Audience, kind: Kind, secrets: Vec<Secret>) -> Self {
        Self { audience, kind, secrets, origin: None }
    }

    /// A header.
    ///
    /// # Errors
    /// When the header cannot be sent, or belongs to the connection.
    pub fn header(audience: Audience, header: &str, value: &Filled) -> Result<Self, String> {
        let name: HeaderName =
            header.parse().map_err(|_| format!("header: `{header}` is not a header name"))?;
        if super::headers::belongs_to_host(&name) {
            return Err(format!(
                "header: `{header}` belongs to the connection and cannot carry a credential"
            ));
        }
        let mut secrets = value.secrets.clone();
        if super::headers::USUAL.contains(&name) {
            // Written in the clear, it is a secret all the same. The scheme (`Bearer `) is not.
            let text = value.text.expose();
            let bare = text.split_once(' ').map_or(text, |(_, rest)| rest);
            secrets.push(Secret::new(bare.to_owned()));
        }
        Ok(Self::new(audience, Kind::Header(name, header_value(value.text.expose())?), secrets))
    }

    /// A query parameter.
    ///
    /// # Errors
    /// When the key is empty.
    pub fn query(audience: Audience, key: String, value: &Filled) -> Result<Self, String> {
        if key.is_empty() {
            return Err("query: the key is empty".to_owned());
        }
        let secrets = all(value);
        Ok(Self::new(audience, Kind::Query(key, value.text.clone()), secrets))
    }

    /// HTTP Basic (RFC 7617).
    ///
    /// # Errors
    /// When the user name has a colon.
    pub fn basic(audience: Audience, username: &Filled, password: &Filled) -> Result<Self, String> {
        let (name, word) = (username.text.expose(), password.text.expose());
        if name.contains(':') {
            return Err("basic: a user name cannot hold a colon (RFC 7617)".to_owned());
        }
        let encoded = BASE64_STANDARD.encode(format!("{name}:{word}"));
        let value = header_value(&format!("Basic {encoded}"))?;
        let mut secrets = all(password);
        secrets.extend(username.secrets.iter().cloned()); // some APIs take their key as the user name
        secrets.push(Secret::new(encoded));
        Ok(Self::new(audience, Kind::Header(header::AUTHORIZATION, value), secrets))
    }

    /// A bearer token (RFC 6750).
    ///
    /// # Errors
    /// When it cannot stand in a header.
    pub fn bearer(audience: Audience, token: &Filled) -> Result<Self, String> {
        let value = header_value(&format!("Bearer {}", token.text.expose()))?;
        let secrets = all(token);
        Ok(Self::new(audience, Kind::Header(header::AUTHORIZATION, value), secrets))
    }

    /// A token of an OAuth 2 authorisation server.
    #[must_use]
    pub fn oauth2(audience: Audience, client: ClientCredentials) -> Self {
        let secrets = vec![client.secret().clone()];
        Self::new(audience, Kind::OAuth2(Arc::new(client)), secrets)
    }

    /// Says where it was found, if not in the configuration.
    #[must_use]
    pub fn found_in(mut self, origin: Arc<str>) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Whether it is what `Authorization` carries.
    #[must_use]
    pub fn authorizes(&self) -> bool {
        match &self.kind {
            Kind::Header(name, _) => name == header::AUTHORIZATION,
            Kind::Query(..) => false,
            Kind::OAuth2(_) => true,
        }
    }

    /// How it travels.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Whom it is for.
    #[must_use]
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    /// What must not be found in a response.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(Secret::expose)
    }
}

/// For people: how it travels, whom it is for and where it was found, never its value.
impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Header(name, _) => write!(f, "header {name}")?,
            Kind::Query(key, _) => write!(f, "query key {key}")?,
            Kind::OAuth2(client) => write!(f, "OAuth 2 token from {}", client.token_url())?,
        }
        write!(f, " for {}", self.audience)?;
        self.origin.as_ref().map_or(Ok(()), |origin| write!(f, " ({origin})"))
    }
}

/// A text that is secret as a whole, and the secrets in it, which an upstream may tell by themselves.
fn all(text: &Filled) -> Vec<Secret> {
    [&text.text].into_iter().chain(&text.secrets).cloned().collect()
}

/// A header value that is not shown in a log.
pub(crate) fn header_value(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| "value: holds characters that a header cannot carry (a newline, perhaps)".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn plain(text: &str) -> Filled {
        Filled { text: Secret::new(text.to_owned()), secrets: Vec::new() }
    }

    #[test]
    fn an_audience_is_scheme_host_and_port() {
        let audience: Audience = "https://Prom.internal".parse().unwrap();
        let matches = |url: &str| audience.matches(&Target::parse(url).unwrap());
        assert!(matches("https://prom.internal:443/a"));
        for other in [
            "http://prom.internal/",
            "https://prom.internal:8443/",
            "https://prom.internal.evil.example/",
            "https://x/",
        ] {
            assert!(!matches(other), "{other}");
        }
        for odd in ["prom.internal", "https://h/path", "https://h/?q", "https://u@h", "ftp://h"] {
            let error = odd.parse::<Audience>().unwrap_err();
            assert!(error.contains("must be scheme, host and port"), "{odd}");
        }
    }

    fn audience() -> Audience {
        "http://h".parse().unwrap()
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_refused() {
        let error = |header, value| Credential::header(audience(), header, &plain(value)).unwrap_err();
        assert_eq!(error("a b", "x"), "header: `a b` is not a header name");
        assert!(error("Host", "x").contains("belongs to the connection"));
        assert!(error("A", "x\ny").contains("a newline, perhaps"));
        let error = Credential::basic(audience(), &plain("a:b"), &plain("p")).unwrap_err();
        assert_eq!(error, "basic: a user name cannot hold a colon (RFC 7617)");
    }

    #[test]
    fn each_kind_knows_what_to_keep_out_of_responses() {
        let secrets = |credential: Result<Credential, String>| {
            credential.unwrap().secrets().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(secrets(Credential::header(audience(), "Authorization", &plain("Bearer tok"))), ["tok"]);
        // A literal in a header of its own is no secret: `X-Scope-OrgID: production`.
        assert_eq!(secrets(Credential::header(audience(), "X-Tenant", &plain("blue"))), [""; 0]);
        assert_eq!(secrets(Credential::query(audience(), "k".into(), &plain("val"))), ["val"]);
        assert_eq!(secrets(Credential::basic(audience(), &plain("u"), &plain("pass"))), ["pass", "dTpwYXNz"]);
        assert_eq!(secrets(Credential::bearer(audience(), &plain("tok"))), ["tok"]);
        // `app-${secret:key}`: the secret may come back by itself.
        let key = Filled { text: Secret::new("app-key".into()), secrets: vec![Secret::new("key".into())] };
        assert_eq!(secrets(Credential::query(audience(), "k".into(), &key)), ["app-key", "key"]);
        assert_eq!(secrets(Credential::bearer(audience(), &key)), ["app-key", "key"]);
        assert_eq!(
            secrets(Credential::basic(audience(), &key, &plain("pass"))),
            ["pass", "key", "YXBwLWtleTpwYXNz"]
        );
    }

    #[test]
    fn the_value_is_not_printed() {
        let credential = Credential::bearer(audience(), &plain("s3cret")).unwrap();
        assert!(!format!("{credential:?} {credential}").contains("s3cret"));
        let credential = Credential::query(audience(), "k".into(), &plain("s3cret")).unwrap();
        assert!(!format!("{credential:?} {credential}").contains("s3cret"));
    }
}
