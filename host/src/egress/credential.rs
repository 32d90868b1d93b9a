//! Credentials of upstreams: bound to scheme, host and port, attached by the host after the rules have
//! matched, never seen by a guest.

use http::{HeaderMap, HeaderName, HeaderValue};
use url::{Host, Url};

use super::target::Target;
use crate::secret::Secret;

/// A header for requests to one upstream and no other.
#[derive(Clone, Debug)]
pub struct Credential {
    scheme: String,
    host: Host,
    port: u16,
    header: HeaderName,
    value: HeaderValue,
}

impl Credential {
    /// A credential for the upstream at `audience`.
    ///
    /// # Errors
    /// When the audience is more or less than scheme, host and port, or the header cannot be sent.
    pub fn new(audience: &str, header: &str, value: &Secret) -> Result<Self, String> {
        let odd =
            || format!("for: `{audience}` must be scheme, host and port, like https://prom.internal:9090");
        let url = Url::parse(audience).map_err(|_| odd())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let target = Target::parse(audience).map_err(|_| odd())?;
        if !bare {
            return Err(odd());
        }
        let name: HeaderName =
            header.parse().map_err(|_| format!("header: `{header}` is not a header name"))?;
        if super::headers::belongs_to_host(&name) {
            return Err(format!(
                "header: `{header}` belongs to the connection and cannot carry a credential"
            ));
        }
        let mut sent = HeaderValue::from_str(value.expose()).map_err(|_| {
            "value: holds characters that a header cannot carry (a newline, perhaps)".to_owned()
        })?;
        sent.set_sensitive(true);
        Ok(Self {
            scheme: target.scheme().to_owned(),
            host: target.host().clone(),
            port: target.port(),
            header: name,
            value: sent,
        })
    }

    /// The header this credential is sent in.
    #[must_use]
    pub fn header(&self) -> &HeaderName {
        &self.header
    }

    /// `scheme://host:port`, for people.
    #[must_use]
    pub fn audience(&self) -> String {
        format!("{}://{}:{}", self.scheme, self.host, self.port)
    }

    /// Attaches itself if the request goes to its upstream.
    pub fn attach(&self, target: &Target, headers: &mut HeaderMap) {
        if self.scheme == target.scheme() && self.host == *target.host() && self.port == target.port() {
            headers.insert(self.header.clone(), self.value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(audience: &str) -> Result<Credential, String> {
        Credential::new(audience, "Authorization", &Secret::new("Bearer t".into()))
    }

    #[test]
    fn a_credential_goes_to_its_audience_only() {
        let credential = credential("https://Prom.internal").unwrap();
        let attached = |url: &str| {
            let mut headers = HeaderMap::new();
            credential.attach(&Target::parse(url).unwrap(), &mut headers);
            headers.contains_key("authorization")
        };
        assert!(attached("https://prom.internal:443/a"));
        for other in [
            "http://prom.internal/",
            "https://prom.internal:8443/",
            "https://prom.internal.evil.example/",
            "https://x/",
        ] {
            assert!(!attached(other), "{other}");
        }
    }

    #[test]
    fn an_audience_is_scheme_host_and_port() {
        for odd in ["prom.internal", "https://h/path", "https://h/?q", "https://u@h", "ftp://h"] {
            assert!(credential(odd).unwrap_err().contains("must be scheme, host and port"), "{odd}");
        }
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_refused() {
        let error = |header, value: &str| {
            Credential::new("http://h", header, &Secret::new(value.into())).unwrap_err()
        };
        assert_eq!(error("a b", "x"), "header: `a b` is not a header name");
        assert!(error("Host", "x").contains("belongs to the connection"));
        assert!(error("A", "x\ny").contains("a newline, perhaps"));
    }

    #[test]
    fn the_value_is_not_printed() {
        let shown = format!("{:?}", Credential::new("http://h", "a", &Secret::new("s3cret".into())).unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
