//! The only outbound connections of the program: pooled keep-alive clients of one service.
//!
//! Names are resolved here and the addresses vetted before one is dialled, so that what was checked is what
//! is connected to. Each service has its own pools: a connection never changes service, tenant, credential
//! or TLS identity.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client, Error,
        connect::{HttpConnector, dns::Name},
    },
    rt::{TokioExecutor, TokioTimer},
};
use ipnet::IpNet;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use sha2::{Digest as _, Sha256};
use tower_service::Service;
use wasmtime_wasi_http::WasiBody;

use super::{
    address,
    credential::Audience,
    resolve::{Resolve, System},
    target::Target,
};
use crate::config::{Caps, Network};

/// Shorter than the idle time-outs of common servers and load balancers (60 s and more).
const IDLE: Duration = Duration::from_secs(50);
/// Enough for a busy service; more idle connections would only cost the upstream.
const IDLE_PER_UPSTREAM: usize = 32;

type Pool = Client<HttpsConnector<HttpConnector<Vetting>>, WasiBody>;

/// Whom to trust and who to be, for one upstream.
#[derive(Clone, Debug)]
pub struct TlsIdentity {
    audience: Audience,
    config: ClientConfig,
    own_roots: bool,
    own_certificate: bool,
    /// SHA-256 of what it was made from.
    digest: [u8; 32],
}

impl PartialEq for TlsIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.audience == other.audience && self.digest == other.digest
    }
}

impl TlsIdentity {
    /// From PEM: certificates to trust instead of the system's, and the host's own with its key.
    ///
    /// # Errors
    /// When they cannot be used, or there is nothing to use.
    pub fn new(
        audience: Audience,
        ca: Option<&[u8]>,
        certificate: Option<&[u8]>,
        key: Option<&[u8]>,
    ) -> Result<Self, String> {
        if !audience.is_https() {
            return Err(format!("for: {audience} is not https"));
        }
        let roots = match ca {
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in chain("ca", pem)? {
                    roots.add(certificate).map_err(|e| format!("ca: {e}"))?;
                }
                Arc::new(roots)
            }
            None => system_roots(),
        };
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let config = match (certificate, key) {
            (Some(certificate), Some(key)) => {
                let chain = chain("client_certificate", certificate)?;
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| format!("client_key: {e}"))?;
                builder.with_client_auth_cert(chain, key).map_err(|e| format!("client_certificate: {e}"))?
            }
            (None, None) if ca.is_some() => builder.with_no_client_auth(),
            (None, None) => return Err("has no effect without `ca` or `client_certificate`".to_owned()),
            _ => return Err("`client_certificate` and `client_key` go together".to_owned()),
        };
        // Each by its own digest, so that none can pass for another's beginning.
        let parts = [ca, certificate, key].map(|part| part.map(Sha256::digest));
        let digest = parts.iter().fold(Sha256::new(), |all, part| match part {
            Some(part) => all.chain_update([1]).chain_update(part),
            None => all.chain_update([0]),
        });
        let digest = digest.finalize().into();
        Ok(Self { audience, config, own_roots: ca.is_some(), own_certificate: certificate.is_some(), digest })
    }

    /// For people.
    #[must_use]
    pub fn describe(&self) -> String {
        let trusts = if self.own_roots { "its own CA" } else { "the system's CAs" };
        let shows = if self.own_certificate { ", shows a client certificate" } else { "" };
        format!("{}: trusts {trusts}{shows}", self.audience)
    }
}

fn chain(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|e| format!("{what}: {e}"))?;
    if certificates.is_empty() {
        Err(format!("{what}: holds no certificate in PEM"))
    } else {
        Ok(certificates)
    }
}

/// The outbound clients of one service. Each is made at the first request: reading the system's
/// certificates takes longer than everything else a start does.
#[derive(Debug)]
pub struct Dialer {
    vetting: Vetting,
    connect_timeout: Duration,
    header_bytes: usize,
    usual: OnceLock<Pool>,
    own: Vec<(TlsIdentity, OnceLock<Pool>)>,
}

impl Dialer {
    /// Clients whose names may resolve to public addresses and to those the service's network allows.
    #[must_use]
    pub fn new(network: Network, caps: &Caps, resolver: Arc<dyn Resolve>) -> Self {
        Self {
            vetting: Vetting { allowed: network.allow_addresses.into(), resolver },
            connect_timeout: caps.connect_timeout,
            header_bytes: usize::try_from(caps.header_bytes.as_u64()).unwrap_or(usize::MAX),
            usual: OnceLock::new(),
            own: network.tls.into_iter().map(|identity| (identity, OnceLock::new())).collect(),
        }
    }

    /// A dialer that reaches nothing private; for what has no way out anyway.
    #[must_use]
    pub fn closed() -> Self {
        Self::new(Network::default(), &Caps::default(), System::shared())
    }

    /// Sends a request that has passed the rules; `target` is where it goes.
    ///
    /// # Errors
    /// When no connection can be made or the upstream breaks it.
    pub async fn send(
        &self,
        target: &Target,
        request: Request<WasiBody>,
    ) -> Result<Response<Incoming>, Error> {
        let own = self.own.iter().find(|(identity, _)| identity.audience.matches(target));
        let pool = match own {
            Some((identity, pool)) => pool.get_or_init(|| self.pool(identity.config.clone())),
            None => self.usual.get_or_init(|| self.pool(usual_tls())),
        };
        pool.request(request).await
    }

    /// The TLS identity for an upstream, if it has one of its own.
    #[must_use]
    pub fn identity(&self, target: &Target) -> Option<&TlsIdentity> {
        self.identities().find(|identity| identity.audience.matches(target))
    }

    /// All TLS identities of upstreams that have their own.
    pub fn identities(&self) -> impl Iterator<Item = &TlsIdentity> {
        self.own.iter().map(|(identity, _)| identity)
    }

    /// The addresses a name has now and whether each may be dialled, for `explain`.
    ///
    /// # Errors
    /// When it has none.
    pub async fn look_up(&self, target: &Target) -> io::Result<Vec<(IpAddr, bool)>> {
        match target.host() {
            url::Host::Ipv4(address) => Ok(vec![((*address).into(), true)]),
            url::Host::Ipv6(address) => Ok(vec![((*address).into(), true)]),
            url::Host::Domain(name) => {
                let found = self.vetting.resolver.resolve(name).await?;
                if found.is_empty() {
                    return Err(no_address());
                }
                let allowed = &self.vetting.allowed;
                Ok(found.into_iter().map(|address| (address, may_dial(name, address, allowed))).collect())
            }
        }
    }

    fn pool(&self, tls: ClientConfig) -> Pool {
        let mut http = HttpConnector::new_with_resolver(self.vetting.clone());
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(self.connect_timeout));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_UPSTREAM)
            .pool_timer(TokioTimer::new())
            .http1_max_buf_size(self.header_bytes)
            .build(https)
    }
}

fn usual_tls() -> ClientConfig {
    ClientConfig::builder().with_root_certificates(system_roots()).with_no_client_auth()
}

/// The system's roots, read once for all services.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a system certificate cannot be read");
        }
        let mut roots = RootCertStore::empty();
        let (_, unusable) = roots.add_parsable_certificates(found.certs);
        if unusable > 0 {
            tracing::debug!(unusable, "system certificates that rustls does not accept");
        }
        roots.into()
    });
    roots.clone()
}

/// The name resolved, and none of its addresses may be dialled.
#[derive(Debug, thiserror::Error)]
#[error(
    "{name} resolves to {address}, which is not a public address; to allow it, add to the service: \
     network: {{ allow_addresses: [\"{address}/{bits}\"] }}"
)]
pub struct AddressRefused {
    name: String,
    address: IpAddr,
    bits: u8,
}

#[derive(Clone, Debug)]
struct Vetting {
    allowed: Arc<[IpNet]>,
    resolver: Arc<dyn Resolve>,
}

impl Service<Name> for Vetting {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allowed = self.allowed.clone();
        let resolving = self.resolver.resolve(name.as_str());
        Box::pin(async move {
            let found = resolving.await?;
            // The connector fills in the port.
            let vetted = vet(name.as_str(), &found, &allowed)?.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(vetted.collect::<Vec<_>>().into_iter())
        })
    }
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}

/// `localhost` is only here because a rule named it, and means this machine.
fn may_dial(name: &str, address: IpAddr, allowed: &[IpNet]) -> bool {
    (name.eq_ignore_ascii_case("localhost") && address.is_loopback()) || address::may_dial(address, allowed)
}

/// The addresses that may be dialled.
pub(super) fn vet(name: &str, found: &[IpAddr], allowed: &[IpNet]) -> io::Result<Vec<IpAddr>> {
    let vetted: Vec<_> = found.iter().filter(|address| may_dial(name, **address, allowed)).copied().collect();
    match (vetted.is_empty(), found.first()) {
        (false, _) => Ok(vetted),
        (true, None) => Err(no_address()),
        (true, Some(refused)) => {
            let bits = if refused.is_ipv4() { 32 } else { 128 };
            Err(io::Error::other(AddressRefused { name: name.to_owned(), address: *refused, bits }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses<const N: usize>(texts: [&str; N]) -> Vec<IpAddr> {
        texts.map(|text| text.parse().unwrap()).into()
    }

    #[test]
    fn a_name_that_hides_a_private_address_is_refused() {
        let error = vet("metadata.example", &addresses(["169.254.169.254"]), &[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "metadata.example resolves to 169.254.169.254, which is not a public address; to allow it, add to the service: \
             network: { allow_addresses: [\"169.254.169.254/32\"] }"
        );
    }

    #[test]
    fn only_vetted_addresses_are_left() {
        let found = addresses(["10.0.0.1", "1.1.1.1", "192.168.0.1"]);
        assert_eq!(vet("h", &found, &[]).unwrap(), addresses(["1.1.1.1"]));
        let allowed = ["10.0.0.0/8".parse().unwrap()];
        assert_eq!(vet("h", &found, &allowed).unwrap().len(), 2);
    }

    #[test]
    fn localhost_means_this_machine() {
        let found = addresses(["127.0.0.1", "10.0.0.1"]);
        assert_eq!(vet("localhost", &found, &[]).unwrap(), addresses(["127.0.0.1"]));
        assert!(vet("localhost.example", &found, &[]).is_err());
    }

    #[test]
    fn a_tls_identity_says_what_is_wrong_with_it() {
        let new = |audience: &str, ca: Option<&[u8]>, certificate: Option<&[u8]>| {
            TlsIdentity::new(audience.parse().unwrap(), ca, certificate, None).unwrap_err()
        };
        assert_eq!(new("http://h", None, None), "for: http://h:80 is not https");
        assert_eq!(new("https://h", None, None), "has no effect without `ca` or `client_certificate`");
        assert_eq!(new("https://h", Some(b"x"), None), "ca: holds no certificate in PEM");
        assert_eq!(new("https://h", None, Some(b"x")), "`client_certificate` and `client_key` go together");
    }
}
