//! From a YAML file to a [`Config`] the host can act on.
//!
//! Two stages: [`raw`] is the file as written, where every unknown key is an error; [`resolve`] turns it
//! into checked values with secrets loaded. This module is the only reader of files and environment
//! variables for configuration. A key that would have no effect does not exist.

pub mod access;
pub mod audit;
pub mod auth;
mod defaults;
pub mod files;
pub mod front;
pub mod kubernetes;
pub mod limits;
pub mod load;
pub mod raw;
pub mod resolve;
pub mod results;
pub mod secrets;
pub mod service;
pub mod sessions;
pub mod signatures;
pub mod tasks;
pub mod telemetry;
pub mod units;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc};

use bulkhead_registry::signers::Requirement;
pub use load::ConfigError;
use serde_json::Value;

use crate::{
    access::Overrides,
    breaker::Trip,
    egress::{credential::Credential, pattern::UrlPattern, tls::TlsIdentity},
    limit::gate::CallLimits,
    shape::Shaping,
};

/// Everything the host needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Listener and checks in front of it.
    pub server: Server,
    /// Where components and compiled code are.
    pub components: Components,
    /// Whose components are run.
    pub signatures: Arc<Requirement>,
    /// What stands between the network and the host.
    pub front: front::Front,
    /// Who may call; none means everybody is the local user.
    pub auth: Option<auth::Auth>,
    /// The tenant of the local user; the first unless given.
    pub local_tenant: Option<String>,
    /// Named sets of tools.
    pub presets: crate::access::Presets,
    /// Numbers of the host.
    pub metrics: telemetry::Metrics,
    /// Where traces go.
    pub otlp: Option<telemetry::Otlp>,
    /// What is logged.
    pub logging: telemetry::Logging,
    /// The audit log, if there is one.
    pub audit: Option<audit::Audit>,
    /// Results that are kept; none turns that off.
    pub cache: Option<results::CacheLimits>,
    /// Those whose services are served.
    pub tenants: Vec<Tenant>,
}

impl Config {
    /// The tenant of the local user.
    #[must_use]
    pub fn local(&self) -> &str {
        let first = || self.tenants.first().map(|tenant| tenant.name.as_str());
        self.local_tenant.as_deref().or_else(first).unwrap_or("local")
    }

    /// What of it is not services and callers.
    #[must_use]
    pub fn without_tenants(&self) -> Self {
        let mut rest = Self { tenants: Vec::new(), auth: None, ..self.clone() };
        rest.presets.clear();
        rest
    }

    /// Keys that have another value in `new` and are read only when a host starts.
    #[must_use]
    pub fn needing_restart(&self, new: &Self) -> Vec<&'static str> {
        let (old_front, front) = (&self.front, &new.front);
        let (old, server) = (&self.server, &new.server);
        let keys = [
            ("server.listen", old.listen == server.listen),
            ("server.allowed_hosts", old.allowed_hosts == server.allowed_hosts),
            ("server.allowed_origins", old.allowed_origins == server.allowed_origins),
            ("server.concurrent_calls", old.concurrent_calls == server.concurrent_calls),
            ("server.limits", old.limits == server.limits),
            ("server.tls", old_front.tls == front.tls),
            ("server.plaintext", old_front.plaintext == front.plaintext),
            ("server.public_url", old_front.public_url == front.public_url),
            ("server.metrics_open", old_front.metrics_open == front.metrics_open),
            ("server.sessions", old.sessions == server.sessions),
            ("server.tasks", old.tasks == server.tasks),
            ("server.legacy_sse", old.legacy_sse == server.legacy_sse),
            ("server.direct", old.direct == server.direct),
            ("components.trust", self.components.trust == new.components.trust),
            ("components.lock", self.components.lock == new.components.lock),
            ("components.cache_dir", self.components.cache_dir == new.components.cache_dir),
            ("metrics", self.metrics == new.metrics),
            ("telemetry", self.otlp == new.otlp),
            ("audit", self.audit == new.audit),
            ("cache", self.cache == new.cache),
        ];
        keys.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
    }
}

/// The HTTP listener.
#[derive(Clone, Debug)]
pub struct Server {
    /// Address and port.
    pub listen: SocketAddr,
    /// `Host` values accepted, beside loopback names.
    pub allowed_hosts: Vec<String>,
    /// `Origin` values accepted; browsers are refused unless listed.
    pub allowed_origins: Vec<String>,
    /// Guests running at once, over all services.
    pub concurrent_calls: u32,
    /// What clients and their connections may use.
    pub limits: limits::Connections,
    /// What seals handles, newest first; none means a key of the host's own.
    pub handle_keys: Vec<crate::secret::Secret>,
    /// Sessions of legacy clients; none means every request stands for itself.
    pub sessions: Option<sessions::Sessions>,
    /// Calls that outlive their request.
    pub tasks: tasks::Tasks,
    /// Whether clients that speak HTTP+SSE are served.
    pub legacy_sse: bool,
    /// Whether what can be is answered without rmcp's service loop.
    pub direct: bool,
}

/// Folders.
#[derive(Clone, Debug)]
pub struct Components {
    /// Where a bare component name is looked up.
    pub dir: PathBuf,
    /// Where compiled code is kept; none turns the cache off.
    pub cache_dir: Option<PathBuf>,
    /// Whether an exchanged component is served at once.
    pub trust: crate::pin::Trust,
    /// What is pinned.
    pub lock: PathBuf,
}

/// One tenant and its services.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    /// Its name.
    pub name: String,
    /// How many calls of all its services it may make.
    pub calls: CallLimits,
    /// How clients are shown its tools.
    pub listing: crate::request::Listing,
    /// Its services, by name.
    pub services: Vec<Service>,
}

/// A component configured under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The name; prefix of its tools.
    pub name: String,
    /// The component.
    pub component: ComponentSource,
    /// Whose component that has to be.
    pub signatures: Arc<Requirement>,
    /// What the component's `initialize` gets.
    pub config: Value,
    /// `config.namespace` of a component that takes one, unless the operator wrote another: that of its cluster.
    pub namespace: Option<String>,
    /// What is attached to requests for certain upstreams.
    pub credentials: Vec<Credential>,
    /// The operator's own egress rules; none means what the config's URLs imply.
    pub egress: Option<Vec<EgressRule>>,
    /// Addresses and TLS.
    pub network: Network,
    /// Folders its guests see.
    pub files: Vec<Folder>,
    /// How many calls it takes.
    pub calls: CallLimits,
    /// How many calls some of its tools take.
    pub tool_limits: BTreeMap<String, CallLimits>,
    /// What its guests may use.
    pub limits: Limits,
    /// What its outbound requests may use.
    pub caps: Caps,
    /// When its guests are given a rest.
    pub quarantine: Trip,
    /// How often it is listed again.
    pub refresh: Option<std::time::Duration>,
    /// The operator's view of its tools.
    pub overrides: Overrides,
    /// What is done with the results of some of its tools.
    pub shapes: BTreeMap<String, Shaping>,
}

/// Where a component comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComponentSource {
    /// A file.
    File(PathBuf),
    /// The `utilities` component inside the binary.
    EmbeddedUtilities,
}

/// One rule of an operator's egress block.
#[derive(Clone, Debug, PartialEq)]
pub struct EgressRule {
    /// What may be requested; none means all that is asked for on the config's hosts.
    pub url: Option<UrlPattern>,
    /// With which methods; none means those the component asks for.
    pub methods: Option<Vec<http::Method>>,
    /// With which query keys; none means any.
    pub query: Option<Vec<String>>,
    /// Cookies that a guest may set.
    pub cookies: Vec<String>,
}

/// Addresses and TLS of a service's upstreams.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// Private address ranges that names may resolve to.
    pub allow_addresses: Vec<ipnet::IpNet>,
    /// Names that may resolve to addresses of private networks.
    pub internal_names: Vec<String>,
    /// Whom to trust and who to be, for upstreams that need their own.
    pub tls: Vec<TlsIdentity>,
    /// When an upstream is given a rest.
    pub circuit_breaker: Trip,
    /// Who plays all upstreams: every request goes there, without TLS, and its `Host` says whom it was meant for. No file
    /// can say it, only `bulkhead test`.
    pub stand_in: Option<std::net::SocketAddr>,
}

/// A folder of the host that a service's guests see.
#[derive(Clone, Debug, PartialEq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Where the guest sees it: an absolute path.
    pub at: String,
    /// How many bytes it may hold once guests write to it; none means they may not.
    pub quota: Option<bytesize::ByteSize>,
}

/// What one call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory and tables of the guest, together.
    pub memory: bytesize::ByteSize,
    /// From start to answer, waiting for upstreams included.
    pub deadline: std::time::Duration,
    /// Processor time, waiting not included.
    pub cpu: std::time::Duration,
    /// WebAssembly fuel, for a limit that is the same on every machine; none means not counted.
    pub fuel: Option<u64>,
    /// What a client gets of a result, content and structured result together; more is cut.
    pub result_bytes: bytesize::ByteSize,
    /// What the guest prints, and what it logs; each.
    pub log_bytes: bytesize::ByteSize,
    /// What differs while the service is asked what it offers.
    pub listing: ListingLimits,
    /// WASI resources (streams, pollables, headers, requests) open at once.
    pub handles: u32,
}

/// What listing may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `Limits`")]
pub struct ListingLimits {
    pub memory: bytesize::ByteSize,
    pub deadline: std::time::Duration,
    pub cpu: std::time::Duration,
    pub log_bytes: bytesize::ByteSize,
}

/// How much larger than what a client gets a result may be, for it to be cut instead of refused.
const TAKEN: u64 = 4;

impl Limits {
    /// What the host takes from a guest in one piece.
    #[must_use]
    pub fn taken(&self) -> bytesize::ByteSize {
        bytesize::ByteSize::b(self.result_bytes.as_u64().saturating_mul(TAKEN))
    }

    /// The memory that a guest may be given, whatever it is asked.
    #[must_use]
    pub fn most_memory(&self) -> bytesize::ByteSize {
        self.memory.max(self.listing.memory)
    }
}

impl Default for Limits {
    fn default() -> Self {
        let (memory, cpu) = (bytesize::ByteSize::mib(64), std::time::Duration::from_secs(10));
        Self {
            // Ten times what a Rust guest needs to chew a megabyte of JSON; a CPython guest fits too.
            memory,
            // Most clients give up after a minute.
            deadline: std::time::Duration::from_secs(30),
            cpu,
            fuel: None,
            // About 60 000 tokens: already more than most models should be given at once.
            result_bytes: bytesize::ByteSize::kib(256),
            log_bytes: bytesize::ByteSize::kib(32),
            listing: ListingLimits {
                memory,
                // A start waits for it.
                deadline: std::time::Duration::from_secs(10),
                cpu,
                // A line for each of 4096 tools, the most there may be.
                log_bytes: bytesize::ByteSize::mib(1),
            },
            // A request takes about eight while it runs; each may make the host keep 128 KiB of headers.
            handles: 512,
        }
    }
}

/// What the outbound requests of a service may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Requests of one call.
    pub requests_per_call: u32,
    /// Requests of the service at once; each takes a connection.
    pub concurrent_requests: u32,
    /// Requests to one upstream in a second, over all calls.
    pub requests_per_second: u32,
    /// Body of one request.
    pub request_bytes: bytesize::ByteSize,
    /// Body of one response, decoded.
    pub response_bytes: bytesize::ByteSize,
    /// Headers of one request, and of one response.
    pub header_bytes: bytesize::ByteSize,
    /// Until a connection is made.
    pub connect_timeout: std::time::Duration,
    /// From sending to the response's headers.
    pub first_byte_timeout: std::time::Duration,
    /// Silence in a response's body.
    pub between_bytes_timeout: std::time::Duration,
    /// How often an idempotent request without a body is sent again.
    pub retries: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            requests_per_call: 100,
            concurrent_requests: 64,
            requests_per_second: 100,
            request_bytes: bytesize::ByteSize::mib(16),
            response_bytes: bytesize::ByteSize::mib(16),
            // Four times what common servers send or take.
            header_bytes: bytesize::ByteSize::kib(64),
            // An upstream that has not accepted a connection by then is not going to.
            connect_timeout: std::time::Duration::from_secs(10),
            first_byte_timeout: std::time::Duration::from_secs(30),
            between_bytes_timeout: std::time::Duration::from_secs(30),
            retries: 1,
        }
    }
}
