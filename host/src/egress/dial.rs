//! The only outbound connections of the program: a pooled keep-alive client per service.
//!
//! Names are resolved here and the addresses vetted before one is dialled, so that what was checked is what
//! is connected to. Each service has its own pool: a connection never changes service or tenant.

use std::{
    future::Future,
    io,
    net::SocketAddr,
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
        Client,
        connect::{
            HttpConnector,
            dns::{GaiResolver, Name},
        },
    },
    rt::{TokioExecutor, TokioTimer},
};
use ipnet::IpNet;
use tower_service::Service;
use wasmtime_wasi_http::WasiBody;

use super::address;

/// An upstream that has not accepted a connection by then is not going to.
const CONNECT: Duration = Duration::from_secs(10);
/// Shorter than the idle time-outs of common servers and load balancers (60 s and more).
const IDLE: Duration = Duration::from_secs(50);
/// Enough for a busy service; more idle connections would only cost the upstream.
const IDLE_PER_UPSTREAM: usize = 32;

type Connector = HttpsConnector<HttpConnector<Vetting>>;

/// The outbound client of one service. Made at the first request: reading the system's certificates takes
/// longer than everything else a start does.
#[derive(Debug)]
pub struct Dialer {
    allowed: Arc<[IpNet]>,
    client: OnceLock<Client<Connector, WasiBody>>,
}

impl Dialer {
    /// A client whose names may resolve to public addresses and to `allowed` ones.
    #[must_use]
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed: allowed.into(), client: OnceLock::new() }
    }

    /// Sends a request that has passed the rules.
    ///
    /// # Errors
    /// When no connection can be made or the upstream breaks it.
    pub async fn send(
        &self,
        request: Request<WasiBody>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        self.client.get_or_init(|| client(self.allowed.clone())).request(request).await
    }
}

fn client(allowed: Arc<[IpNet]>) -> Client<Connector, WasiBody> {
    let mut http = HttpConnector::new_with_resolver(Vetting { allowed, inner: GaiResolver::new() });
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT));
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls())
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_UPSTREAM)
        .pool_timer(TokioTimer::new())
        .build(https)
}

/// The system's roots, read once for all services.
fn tls() -> rustls::ClientConfig {
    static ROOTS: OnceLock<Arc<rustls::RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a system certificate cannot be read");
        }
        let mut roots = rustls::RootCertStore::empty();
        let (_, unusable) = roots.add_parsable_certificates(found.certs);
        if unusable > 0 {
            tracing::debug!(unusable, "system certificates that rustls does not accept");
        }
        roots.into()
    });
    rustls::ClientConfig::builder().with_root_certificates(roots.clone()).with_no_client_auth()
}

/// The name resolved, and none of its addresses may be dialled.
#[derive(Debug, thiserror::Error)]
#[error(
    "{name} resolves to {address}, which is not a public address; to allow it, add to the service: \
     network: {{ allow_addresses: [\"{address}/{bits}\"] }}"
)]
pub struct AddressRefused {
    name: String,
    address: std::net::IpAddr,
    bits: u8,
}

#[derive(Clone, Debug)]
struct Vetting {
    allowed: Arc<[IpNet]>,
    inner: GaiResolver,
}

impl Service<Name> for Vetting {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allowed = self.allowed.clone();
        let text = name.as_str().to_owned();
        let resolving = self.inner.call(name);
        Box::pin(async move {
            let found: Vec<SocketAddr> = resolving.await?.collect();
            vet(&text, &found, &allowed).map(Vec::into_iter)
        })
    }
}

/// The addresses that may be dialled. `localhost` is only here because a rule named it, and means this
/// machine.
pub(super) fn vet(name: &str, found: &[SocketAddr], allowed: &[IpNet]) -> io::Result<Vec<SocketAddr>> {
    let local = name.eq_ignore_ascii_case("localhost");
    let may = |a: &&SocketAddr| (local && a.ip().is_loopback()) || address::may_dial(a.ip(), allowed);
    let vetted: Vec<_> = found.iter().filter(may).copied().collect();
    match (vetted.is_empty(), found.first()) {
        (false, _) => Ok(vetted),
        (true, None) => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
        (true, Some(refused)) => {
            let bits = if refused.is_ipv4() { 32 } else { 128 };
            Err(io::Error::other(AddressRefused { name: name.to_owned(), address: refused.ip(), bits }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_hides_a_private_address_is_refused() {
        let found = ["169.254.169.254:80".parse().unwrap()];
        let error = vet("metadata.example", &found, &[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "metadata.example resolves to 169.254.169.254, which is not a public address; to allow it, add to the service: \
             network: { allow_addresses: [\"169.254.169.254/32\"] }"
        );
    }

    #[test]
    fn only_vetted_addresses_are_left() {
        let found: Vec<SocketAddr> =
            ["10.0.0.1:1", "1.1.1.1:1", "192.168.0.1:1"].map(|a| a.parse().unwrap()).into();
        assert_eq!(vet("h", &found, &[]).unwrap(), ["1.1.1.1:1".parse().unwrap()]);
        let allowed = ["10.0.0.0/8".parse().unwrap()];
        assert_eq!(vet("h", &found, &allowed).unwrap().len(), 2);
    }

    #[test]
    fn localhost_means_this_machine() {
        let found = ["127.0.0.1:1".parse().unwrap(), "10.0.0.1:1".parse().unwrap()];
        assert_eq!(vet("localhost", &found, &[]).unwrap(), ["127.0.0.1:1".parse().unwrap()]);
        assert!(vet("localhost.example", &found, &[]).is_err());
    }
}
