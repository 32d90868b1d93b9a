//! The configuration file as written. These types are also its published JSON Schema
//! (`host/config.schema.json`), so their comments are what an editor shows.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    access, audit, auth, front,
    kubernetes::Kubernetes,
    limits::{CallLimits, ConnectionLimits},
    results::{Cache, Shape},
    sessions, signatures, tasks, telemetry,
    units::{Bytes, Time},
};
use crate::{pin::Trust, request::Listing};

/// Bulkhead's configuration.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// The HTTP listener.
    pub server: Server,
    /// Where components are found.
    pub components: Components,
    /// Whose components are run.
    pub signatures: signatures::Written,
    /// Secrets by name, for `${secret:NAME}` in credentials.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Who may call. Without it, the listener is for this machine alone, and everybody is the local user.
    pub auth: Option<auth::raw::Auth>,
    /// Named sets of tools, for callers (`presets`) and for clients (`/mcp?preset=NAME`).
    pub presets: access::Presets,
    /// Numbers of the host.
    pub metrics: telemetry::Metrics,
    /// Traces of calls.
    pub telemetry: telemetry::Raw,
    /// What is logged.
    pub logging: telemetry::RawLogging,
    /// The audit log. There is none unless this is given.
    pub audit: Option<audit::Written>,
    /// Results that are kept to be used again.
    pub cache: Cache,
    /// What tenants and services have unless they say otherwise.
    pub defaults: Defaults,
    /// Those whose services are served. Without `auth` there is at most one.
    pub tenants: BTreeMap<String, Tenant>,
}

/// What tenants and services have unless they say otherwise. Mappings are merged key by key; a list or a value that
/// is given replaces the default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Defaults {
    /// Limits of every tenant.
    pub limits: CallLimits,
    /// How clients of every tenant are shown the tools.
    pub listing: Option<Listing>,
    /// For every service.
    pub service: Service,
    /// For services of that name, in whichever tenant. It makes no service: a tenant that wants it names it, as
    /// `prometheus: {}`.
    pub services: BTreeMap<String, Service>,
}

/// The HTTP listener.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port; 127.0.0.1:8080 unless given. What other machines can reach needs `auth`, and `tls`.
    pub listen: Option<SocketAddr>,
    /// Names in the `Host` header that are accepted beside localhost, 127.0.0.1 and ::1.
    pub allowed_hosts: Vec<String>,
    /// Browser origins that are accepted, such as `https://app.example.com:443`. None by default.
    pub allowed_origins: Vec<String>,
    /// Guests running at once over all services; 256 unless given. Memory for as many is reserved.
    #[schemars(range(min = 1, max = 10000))]
    pub concurrent_calls: Option<u32>,
    /// TLS of the listener; plain HTTP unless given.
    pub tls: Option<front::RawTls>,
    /// Whether other machines may be served without TLS, because a proxy in front speaks it.
    pub plaintext: bool,
    /// What clients call this host, such as `https://mcp.example.com`. OAuth needs it.
    pub public_url: Option<String>,
    /// Whether `/metrics` needs no credential.
    pub metrics_open: bool,
    /// What clients and their connections may use.
    pub limits: ConnectionLimits,
    /// What seals the handles that clients keep for the host (sessions, cursors, states of questions, tasks), each as
    /// `${secret:NAME}` of at least 32 bytes, newest first: the first seals, all open. Hosts with the same keys serve
    /// each other's clients. Unless given, each host has one of its own, until it ends.
    pub handle_keys: Vec<String>,
    /// Sessions of clients that speak a version before 2026-07-28. None unless given; `{}` turns them on.
    pub sessions: Option<sessions::Written>,
    /// Calls that outlive their request, of clients that declare `io.modelcontextprotocol/tasks`.
    pub tasks: tasks::Written,
    /// Whether clients that speak HTTP+SSE, the transport of 2024-11-05, are served at `/sse` and `/messages`. Each has a
    /// session, and a stream, and `sessions` says how many there may be.
    pub legacy_sse: bool,
    /// Whether `tools/call`, `tools/list`, `server/discover` and `ping` are answered without the MCP library's service loop
    /// where that makes no difference but for the time it takes. `true` unless given.
    pub direct: Option<bool>,
}

/// Where components are found.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Components {
    /// Folder of `.wasm` files, relative to this file; `./components` unless given.
    pub dir: Option<PathBuf>,
    /// Folder for compiled code, relative to this file. Unless given, the user's cache folder.
    pub cache_dir: Option<PathBuf>,
    /// Whether compiled code is kept on disk; true unless given.
    pub cache: Option<bool>,
    /// Whether a component that was exchanged for another one is served at once; `pinned` unless given.
    pub trust: Trust,
    /// What is pinned, relative to this file; `./bulkhead.lock` unless given.
    pub lock: Option<PathBuf>,
    /// Whether each `NAME.wasm` in the folder that no service is called after is served as service `NAME`, for the one
    /// tenant there is, with what `defaults` say and no config of its own. True if there are no `tenants`, unless given.
    pub serve: Option<bool>,
}

/// Where a secret comes from: exactly one of the two.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretSource {
    /// A file, relative to this one; a newline at its end is not part of the secret.
    pub file: Option<PathBuf>,
    /// An environment variable.
    pub env: Option<String>,
}

/// A tenant.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tenant {
    /// Limits over all its services.
    pub limits: CallLimits,
    /// Components its services may be made of, as `component` names them; any unless given.
    pub components: Option<Vec<String>>,
    /// How clients are shown the tools, unless their URL says it (`/mcp?listing=search`); `all` unless given.
    pub listing: Option<Listing>,
    /// Secrets of its own. One of the same name outside is not seen.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Its services by name. The name is the prefix of the tools: `[a-z][a-z0-9-]*`, at most 32 characters.
    pub services: BTreeMap<String, Service>,
}

/// A component, configured.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// A name in the components folder, or a path to a `.wasm` file. The service's own name unless given.
    pub component: Option<String>,
    /// Whose component that is.
    pub signatures: signatures::OfService,
    /// The Kubernetes cluster it is for: where `config.url`, the credential and the CA come from.
    pub kubernetes: Kubernetes,
    /// What the component is configured with; `bulkhead inspect` shows its schema. A URL here is also the
    /// grant to reach it.
    #[schemars(with = "BTreeMap<String, Value>")]
    pub config: Value,
    /// Credentials the host attaches to requests. The component never sees them.
    pub credentials: Vec<Credential>,
    /// Narrows the outbound requests further. A request must match one of these and one the component
    /// asks for.
    pub egress: Option<Vec<Egress>>,
    /// Addresses the service may reach.
    pub network: Network,
    /// Folders the guests see. None by default.
    pub files: Vec<Folder>,
    /// What the guests and their requests may use.
    pub limits: Limits,
    /// When a service whose guests keep crashing or timing out is given a rest.
    pub quarantine: Trip,
    /// How often its component is asked anew what it offers, where that comes from a document behind a URL: at least
    /// 10s. Not unless given; when a folder it may only read changes, it is asked anyway.
    pub refresh: Option<Time>,
    /// How its tools are seen and used.
    pub tools: Tools,
}

/// A credential for one upstream: `for`, and one of `header` with `value`, `query` with `value`, `basic`,
/// `bearer` and `oauth2`. `${secret:NAME}` stands for a secret.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Scheme, host and port it is for, such as `https://prom.internal:9090`. It goes nowhere else.
    pub r#for: String,
    /// The request header that carries `value`, such as `X-Api-Key`.
    pub header: Option<String>,
    /// The query key that carries `value`, such as `api_key`.
    pub query: Option<String>,
    /// What the header or the query key carries.
    pub value: Option<String>,
    /// HTTP Basic authentication.
    pub basic: Option<Basic>,
    /// A bearer token.
    pub bearer: Option<String>,
    /// A token the host gets, and renews, with the OAuth 2 client-credentials grant.
    pub oauth2: Option<OAuth2>,
}

/// User name and password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// Without a colon.
    pub username: String,
    /// The password.
    pub password: String,
}

/// OAuth 2 client credentials (RFC 6749 §4.4).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuth2 {
    /// The authorisation server's token endpoint; https, or http on this machine.
    pub token_url: String,
    /// The client's id.
    pub client_id: String,
    /// The client's secret. Sent with HTTP Basic unless `auth` says otherwise.
    pub client_secret: String,
    /// Scopes to ask for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The `audience` parameter some servers want.
    pub audience: Option<String>,
    /// How the client identifies itself; `basic` unless given.
    #[serde(default)]
    pub auth: ClientAuth,
}

/// How an OAuth client identifies itself (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// In the `Authorization` header.
    #[default]
    Basic,
    /// In the body.
    Post,
}

/// Outbound requests that are allowed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// URL pattern: `https://api.example.com/v1/**`. `*` is one path segment, a final `**` any rest. All the
    /// component asks for on the hosts of its config, unless given.
    pub url: Option<String>,
    /// Methods; those the component asks for unless given.
    pub methods: Option<Vec<String>>,
    /// Query keys that may be sent; any unless given.
    pub query: Option<Vec<String>>,
    /// Names of cookies that guests may set; none unless given. Those that say who is asking are a credential's.
    #[serde(default)]
    pub cookies: Vec<String>,
}

/// Addresses and TLS.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Address ranges that a host name may resolve to although they are private, such as `10.0.0.0/8`.
    #[schemars(with = "Vec<String>")]
    pub allow_addresses: Vec<ipnet::IpNet>,
    /// Certificates for upstreams that need their own. Verification cannot be turned off here.
    pub tls: Vec<Tls>,
    /// When an upstream that keeps failing is given a rest; per service and upstream.
    pub circuit_breaker: Trip,
}

/// TLS with one upstream.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Scheme, host and port of the upstream: `https://api.internal:6443`.
    pub r#for: String,
    /// Certificates, in PEM, that are trusted for it instead of the system's.
    pub ca: Option<PathBuf>,
    /// The host's own certificate chain, in PEM.
    pub client_certificate: Option<PathBuf>,
    /// Its private key, in PEM.
    pub client_key: Option<PathBuf>,
}

/// A folder the guests see.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// The folder, relative to this file.
    pub path: PathBuf,
    /// Where guests see it, such as `/data`.
    pub at: String,
    /// Whether guests may change it; false unless given.
    #[serde(default)]
    pub write: bool,
    /// What the folder may hold at most; 10MiB unless given. Each file counts 4 KiB beside its content.
    pub quota: Option<Bytes>,
}

/// When something that keeps failing is given a rest.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Trip {
    /// By how many failures must outnumber successes; 10 unless given.
    #[schemars(range(min = 1))]
    pub failures: Option<u32>,
    /// The first rest; 1s unless given. Every further one is twice as long.
    pub backoff: Option<Time>,
    /// The longest rest; 1m for upstreams and 5m for services unless given.
    pub max_backoff: Option<Time>,
}

/// Limits of each call.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory of the guest; 64MiB unless given.
    pub memory: Option<Bytes>,
    /// From start to answer; 30s unless given.
    pub deadline: Option<Time>,
    /// Processor time of the guest; 10s unless given.
    pub cpu: Option<Time>,
    /// WebAssembly fuel of the guest, about one unit an instruction: a limit that is the same on every
    /// machine. Not counted unless given; counting slows the guest down.
    #[schemars(range(min = 1))]
    pub fuel: Option<u64>,
    /// Calls of this service at once; 32 unless given.
    #[schemars(range(min = 1))]
    pub concurrent_calls: Option<u32>,
    /// Calls of this service started in a second, in the long run. Not limited unless given, as the next two.
    #[schemars(range(min = 1))]
    pub calls_per_second: Option<u32>,
    /// Calls started at one moment after a rest; as many as `calls_per_second` unless given.
    #[schemars(range(min = 1))]
    pub burst: Option<u32>,
    /// Calls started in a day. The day begins at midnight UTC.
    #[schemars(range(min = 1))]
    pub calls_per_day: Option<u32>,
    /// Size of a result; 256KiB unless given. What is over it is cut, and the result says so; one that is more than four
    /// times as large is refused.
    pub result_bytes: Option<Bytes>,
    /// What a call may print, and what it may log; 32KiB each unless given.
    pub log_bytes: Option<Bytes>,
    /// What differs while the service is asked what it offers: it may have a large document to read then.
    pub listing: ListingLimits,
    /// Streams, timers, requests and other resources a guest holds at once; 512 unless given.
    #[schemars(range(min = 16))]
    pub handles: Option<u32>,
    /// Upstream requests of one call; 100 unless given.
    pub requests_per_call: Option<u32>,
    /// Upstream requests of this service at once; 64 unless given.
    #[schemars(range(min = 1))]
    pub concurrent_requests: Option<u32>,
    /// Upstream requests a second to each upstream; 100 unless given.
    #[schemars(range(min = 1))]
    pub requests_per_second: Option<u32>,
    /// Size of one upstream request; 16MiB unless given.
    pub request_bytes: Option<Bytes>,
    /// Size of one upstream response, decompressed; 16MiB unless given.
    pub response_bytes: Option<Bytes>,
    /// Size of a request's or a response's headers; 64KiB unless given.
    pub header_bytes: Option<Bytes>,
    /// Until an upstream accepts a connection; 10s unless given.
    pub connect_timeout: Option<Time>,
    /// Until an upstream starts to answer; 30s unless given.
    pub first_byte_timeout: Option<Time>,
    /// Longest silence in the middle of an answer; 30s unless given.
    pub between_bytes_timeout: Option<Time>,
    /// How often an idempotent request without a body is sent again when the upstream fails; 1 unless given.
    #[schemars(range(max = 5))]
    pub retries: Option<u32>,
}

/// Limits of listing what a service offers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListingLimits {
    /// Memory of the guest; that of calls unless given.
    pub memory: Option<Bytes>,
    /// From start to answer; 10s, or less if calls have less, unless given.
    pub deadline: Option<Time>,
    /// Processor time of the guest; that of calls unless given.
    pub cpu: Option<Time>,
    /// What it may print, and what it may log; 1MiB each unless given.
    pub log_bytes: Option<Bytes>,
}

/// The operator's view of a service's tools. Tools are named as clients see them, without `rename`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tools {
    /// Tools that are not served: `prometheus_create_snapshot`.
    pub disable: Vec<String>,
    /// New names. Who may use a tool is decided by its new name.
    pub rename: BTreeMap<String, String>,
    /// New descriptions, for the model.
    pub describe: BTreeMap<String, String>,
    /// Arguments the host sets. Clients neither see nor send them.
    pub fix: BTreeMap<String, BTreeMap<String, Value>>,
    /// Arguments the host fills in where the client leaves them out.
    pub defaults: BTreeMap<String, BTreeMap<String, Value>>,
    /// How many calls a tool takes; by its new name.
    pub limits: BTreeMap<String, CallLimits>,
    /// What is done with a tool's results.
    pub shape: BTreeMap<String, Shape>,
}

/// The published JSON Schema of the file.
#[must_use]
pub fn schema() -> Value {
    let mut schema =
        schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<File>();
    schema.insert("title".to_owned(), "Bulkhead configuration".into());
    schema.to_value()
}
