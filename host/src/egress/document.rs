//! Documents the host itself needs from a server the operator named: an issuer's metadata and its keys.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Empty, Limited};
use ipnet::IpNet;
use url::Host;

use super::{
    address,
    dial::Dialer,
    oauth2::is_local,
    probe::Probe,
    resolve::Resolve,
    target::Target,
    tls::{Pem, TlsIdentity, Trust},
};
use crate::config::{Caps, Network};

/// Most a document may hold.
const LARGEST: usize = 256 << 10;
/// It must arrive within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to one server's documents.
#[derive(Debug)]
pub struct Documents {
    dialer: Dialer,
    allowed: Vec<IpNet>,
}

impl Documents {
    /// A way to the servers of `urls`, whose names may resolve to public addresses and to `allowed`; `ca`, in
    /// PEM, is trusted for them instead of the system's authorities.
    ///
    /// # Errors
    /// When `ca` cannot be used.
    pub fn new(
        urls: &[&Target],
        allowed: Vec<IpNet>,
        ca: Option<&[u8]>,
        resolver: &Arc<dyn Resolve>,
    ) -> Result<Self, String> {
        let mut tls = Vec::new();
        if let Some(ca) = ca {
            for url in urls.iter().filter(|url| url.scheme() == "https") {
                let audience = format!("{}://{}:{}", url.scheme(), url.host(), url.port()).parse()?;
                let trust = Trust::Only(Pem { name: "ca", text: ca });
                tls.push(TlsIdentity::new(audience, trust, None)?);
            }
        }
        let network = Network { allow_addresses: allowed.clone(), tls, ..Network::default() };
        Ok(Self { dialer: Dialer::new(network, &Caps::default(), resolver.clone()), allowed })
    }

    /// The way of a dialer, to addresses alone.
    #[must_use]
    pub fn through(dialer: Dialer) -> Self {
        Self { dialer, allowed: Vec::new() }
    }

    /// Gets a document.
    ///
    /// # Errors
    /// With the reason, for the log.
    pub async fn get(&self, url: &Target) -> Result<Bytes, String> {
        let got = tokio::time::timeout(PATIENCE, self.fetch(url)).await;
        let got = got.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
        got.map_err(|why| format!("{}: {why}", url.without_query()))
    }

    async fn fetch(&self, url: &Target) -> Result<Bytes, String> {
        let mut request = Request::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
        *request.uri_mut() = url.uri().ok_or("the URL cannot be sent")?;
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let sent = self.dialer.send(url, request).await;
        let response = sent.map_err(|error| super::fault::chain(&error))?;
        if response.status() != http::StatusCode::OK {
            return Err(format!("it answered {}", response.status()));
        }
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        Ok(body.map_err(|error| format!("its answer cannot be read: {error}"))?.to_bytes())
    }

    /// What the server shows without being asked for a document.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn probe(&self, url: &Target) -> Result<Probe, String> {
        self.dialer.probe(url).await
    }

    /// A URL that a document from `from` names. It may lead to another server, and not to an address that only
    /// this machine or its network can reach: the operator wrote `from`, and not this.
    ///
    /// # Errors
    /// When it may not be followed.
    pub fn follow(&self, from: &Target, text: &str) -> Result<Target, String> {
        let url = Target::parse(text).map_err(|_| format!("`{text}` is not a URL"))?;
        let place = |url: &Target| (url.scheme().to_owned(), url.host().clone(), url.port());
        if place(&url) == place(from) {
            return Ok(url);
        }
        let public = match url.host() {
            Host::Ipv4(address) => address::may_dial((*address).into(), &self.allowed),
            Host::Ipv6(address) => address::may_dial((*address).into(), &self.allowed),
            Host::Domain(_) => !is_local(url.host()),
        };
        if url.scheme() == "https" && public {
            return Ok(url);
        }
        Err(format!("`{text}` is not https, or not a public address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::resolve::System;

    #[test]
    fn a_document_leads_to_no_private_address() {
        let documents = Documents::new(&[], Vec::new(), None, &System::shared()).unwrap();
        let from = Target::parse("https://idp.example/.well-known/openid-configuration").unwrap();
        let follow = |text: &str| documents.follow(&from, text).map(|url| url.url().to_string());
        assert_eq!(follow("https://idp.example/keys").unwrap(), "https://idp.example/keys");
        assert_eq!(follow("https://keys.example/").unwrap(), "https://keys.example/");
        for odd in [
            "http://idp.example/keys",
            "https://127.0.0.1/",
            "https://169.254.169.254/keys",
            "https://[::1]/",
            "https://localhost/",
            "https://10.0.0.1/",
            "keys",
            "file:///etc/passwd",
        ] {
            assert!(follow(odd).is_err(), "{odd}");
        }
        let local = Target::parse("http://127.0.0.1:9/d").unwrap();
        assert!(documents.follow(&local, "http://127.0.0.1:9/keys").is_ok());
        assert!(documents.follow(&local, "http://127.0.0.1:10/keys").is_err());
    }
}
