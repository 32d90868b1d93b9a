//! The only outbound connections of the program: pooled keep-alive clients of one service.
//!
//! Names are resolved here and the addresses vetted before one is dialled, so that what was checked is what
//! is connected to. Each service has its own pools: a connection never changes service, tenant, credential
//! or TLS identity.

use std::{
    future::{Future, poll_fn},
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper_rustls::{
    DefaultServerNameResolver, FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder,
    MaybeHttpsStream,
};
use hyper_util::{
    client::legacy::{
        Client, Error,
        connect::{HttpConnector, dns::Name},
    },
    rt::{TokioExecutor, TokioTimer},
};
use ipnet::IpNet;
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, ServerName},
};
use tower_service::Service;
use wasmtime_wasi_http::WasiBody;

use super::{
    address, fault,
    resolve::{Resolve, System},
    target::Target,
    tls::{self, TlsIdentity},
};
use crate::config::{Caps, Network};

/// Shorter than the idle time-outs of common servers and load balancers (60 s and more).
const IDLE: Duration = Duration::from_secs(50);
/// Enough for a busy service; more idle connections would only cost the upstream.
const IDLE_PER_UPSTREAM: usize = 32;

type Connector = HttpsConnector<HttpConnector<Vetting>>;
type Pool = Client<Connector, WasiBody>;

/// The outbound clients of one service. Each is made at the first request: reading the system's
/// certificates takes longer than everything else a start does.
#[derive(Debug)]
pub struct Dialer {
    vetting: Vetting,
    connect_timeout: Duration,
    header_bytes: usize,
    stand_in: Option<SocketAddr>,
    usual: OnceLock<Pool>,
    own: Vec<(TlsIdentity, OnceLock<Pool>)>,
}

impl Dialer {
    /// Clients whose names may resolve to public addresses and to those the service's network allows.
    #[must_use]
    pub fn new(network: Network, caps: &Caps, resolver: Arc<dyn Resolve>) -> Self {
        Self {
            vetting: Vetting {
                allowed: Allowed { ranges: network.allow_addresses, names: network.internal_names }.into(),
                resolver,
            },
            connect_timeout: caps.connect_timeout,
            header_bytes: usize::try_from(caps.header_bytes.as_u64()).unwrap_or(usize::MAX),
            stand_in: network.stand_in,
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
        mut request: Request<WasiBody>,
    ) -> Result<Response<Incoming>, Error> {
        if let Some(stand_in) = self.stand_in {
            played_by(stand_in, &mut request);
            return self.usual.get_or_init(|| self.pool(tls::usual(), None)).request(request).await;
        }
        let own = self.own.iter().find(|(identity, _)| identity.audience().matches(target));
        let pool = match own {
            Some((identity, pool)) => {
                pool.get_or_init(|| self.pool(identity.config().clone(), identity.server_name()))
            }
            None => self.usual.get_or_init(|| self.pool(tls::usual(), None)),
        };
        pool.request(request).await
    }

    /// The TLS identity for an upstream, if it has one of its own.
    #[must_use]
    pub fn identity(&self, target: &Target) -> Option<&TlsIdentity> {
        self.identities().find(|identity| identity.audience().matches(target))
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
                Ok(found.into_iter().map(|address| (address, allowed.may_dial(name, address))).collect())
            }
        }
    }

    /// Connects as a request would, agrees on TLS if that is spoken there, and sends nothing: the certificate that is
    /// shown. It is a connection of its own, that no request uses.
    ///
    /// # Errors
    /// When there is no connection, or whoever is there cannot be trusted.
    pub async fn greet(&self, target: &Target) -> Result<Option<CertificateDer<'static>>, String> {
        let mut connector = match self.identity(target) {
            Some(identity) => self.connector(identity.config().clone(), identity.server_name()),
            None => self.connector(tls::usual(), None),
        };
        let uri = target.uri().ok_or("the URL cannot be sent")?;
        let connecting = poll_fn(|cx| connector.poll_ready(cx)).await;
        connecting.map_err(|error| fault::chain(&*error))?;
        // The connector's own limit is for TCP alone.
        let connected = tokio::time::timeout(self.connect_timeout, connector.call(uri)).await;
        let connected = connected.map_err(|_| format!("no answer within {:?}", self.connect_timeout))?;
        match connected.map_err(|error| fault::chain(&*error))? {
            MaybeHttpsStream::Http(_) => Ok(None),
            MaybeHttpsStream::Https(stream) => {
                let shown = stream.inner().get_ref().1.peer_certificates();
                Ok(shown.and_then(|chain| chain.first()).map(|first| first.clone().into_owned()))
            }
        }
    }

    fn pool(&self, tls: ClientConfig, server_name: Option<&ServerName<'static>>) -> Pool {
        Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_UPSTREAM)
            .pool_timer(TokioTimer::new())
            .http1_max_buf_size(self.header_bytes)
            .build(self.connector(tls, server_name))
    }

    fn connector(&self, tls: ClientConfig, server_name: Option<&ServerName<'static>>) -> Connector {
        let mut http = HttpConnector::new_with_resolver(self.vetting.clone());
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(self.connect_timeout));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let https = match server_name {
            Some(name) => https.with_server_name_resolver(FixedServerNameResolver::new(name.clone())),
            None => https.with_server_name_resolver(DefaultServerNameResolver::default()),
        };
        https.enable_http1().wrap_connector(http)
    }
}

/// The same request for whoever plays its upstream. No name is looked up for it, and there is no TLS to speak.
fn played_by<B>(stand_in: SocketAddr, request: &mut Request<B>) {
    let meant = request.uri().authority().and_then(|meant| HeaderValue::from_str(meant.as_str()).ok());
    if let Some(meant) = meant {
        request.headers_mut().insert(header::HOST, meant);
    }
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    // Without a host nothing is sent: better than to the upstream itself.
    *request.uri_mut() = format!("http://{stand_in}{path}").parse().unwrap_or_default();
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
    allowed: Arc<Allowed>,
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

/// What names may resolve to beside public addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowed {
    /// Any name: to these.
    ranges: Vec<IpNet>,
    /// These names: to addresses of private networks.
    names: Vec<String>,
}

impl Allowed {
    /// `localhost` is only here because a rule named it, and means this machine.
    fn may_dial(&self, name: &str, address: IpAddr) -> bool {
        let named = || self.names.iter().any(|own| own.eq_ignore_ascii_case(name));
        (name.eq_ignore_ascii_case("localhost") && address.is_loopback())
            || address::may_dial(address, &self.ranges)
            || (address::is_internal(address) && named())
    }
}

/// The addresses that may be dialled.
pub(super) fn vet(name: &str, found: &[IpAddr], allowed: &Allowed) -> io::Result<Vec<IpAddr>> {
    let vetted: Vec<_> = found.iter().filter(|address| allowed.may_dial(name, **address)).copied().collect();
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
        let error = vet("metadata.example", &addresses(["169.254.169.254"]), &Allowed::default())
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "metadata.example resolves to 169.254.169.254, which is not a public address; to allow it, add to the service: \
             network: { allow_addresses: [\"169.254.169.254/32\"] }"
        );
    }

    #[test]
    fn a_stand_in_gets_the_request_and_is_told_whom_it_was_meant_for() {
        let mut request = Request::get("https://api.example.com:8443/a?b=c").body(()).unwrap();
        played_by("127.0.0.1:9".parse().unwrap(), &mut request);
        assert_eq!(request.uri(), "http://127.0.0.1:9/a?b=c");
        assert_eq!(request.headers()[header::HOST], "api.example.com:8443");
    }

    #[test]
    fn only_vetted_addresses_are_left() {
        let found = addresses(["10.0.0.1", "1.1.1.1", "192.168.0.1"]);
        assert_eq!(vet("h", &found, &Allowed::default()).unwrap(), addresses(["1.1.1.1"]));
        let allowed = Allowed { ranges: vec!["10.0.0.0/8".parse().unwrap()], ..Allowed::default() };
        assert_eq!(vet("h", &found, &allowed).unwrap().len(), 2);
    }

    #[test]
    fn localhost_means_this_machine() {
        let found = addresses(["127.0.0.1", "10.0.0.1"]);
        assert_eq!(vet("localhost", &found, &Allowed::default()).unwrap(), addresses(["127.0.0.1"]));
        assert!(vet("localhost.example", &found, &Allowed::default()).is_err());
    }

    #[test]
    fn an_internal_name_may_be_in_a_private_network_and_nowhere_else() {
        let allowed = Allowed { names: vec!["api.prod".to_owned()], ..Allowed::default() };
        let found =
            addresses(["10.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "127.0.0.1", "fd00::1"]);
        let vetted = addresses(["10.0.0.1", "127.0.0.1", "fd00::1"]);
        assert_eq!(vet("API.prod", &found, &allowed).unwrap(), vetted);
        assert!(vet("api.prod", &addresses(["169.254.169.254"]), &allowed).is_err());
        assert!(vet("other.prod", &found, &allowed).is_err());
    }
}
