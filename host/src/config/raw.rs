//! The configuration file as written. These types are also its published JSON Schema
//! (`host/config.schema.json`), so their comments are what an editor shows.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::units::{Bytes, Time};

/// Bulkhead's configuration.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// The HTTP listener.
    pub server: Server,
    /// Where components are found.
    pub components: Components,
    /// Secrets by name, for `${secret:NAME}` in credentials.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Those whose services are served. Without authentication there is exactly one.
    pub tenants: BTreeMap<String, Tenant>,
}

/// The HTTP listener.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port; 127.0.0.1:8080 unless given. Only loopback addresses, as long as there is no
    /// authentication.
    pub listen: Option<SocketAddr>,
    /// Names in the `Host` header that are accepted beside localhost, 127.0.0.1 and ::1.
    pub allowed_hosts: Vec<String>,
    /// Browser origins that are accepted, such as `https://app.example.com:443`. None by default.
    pub allowed_origins: Vec<String>,
    /// Guests running at once over all services; 256 unless given. Memory for as many is reserved.
    #[schemars(range(min = 1, max = 10000))]
    pub concurrent_calls: Option<u32>,
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
    /// Its services by name. The name is the prefix of the tools: `[a-z][a-z0-9-]*`, at most 32 characters.
    pub services: BTreeMap<String, Service>,
}

/// A component, configured.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// A name in the components folder, or a path to a `.wasm` file. The service's own name unless given.
    pub component: Option<String>,
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
    /// Limits of each call.
    pub limits: Limits,
    /// Which tools are served.
    pub tools: Tools,
}

/// A credential for one upstream.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Scheme, host and port it is for, such as `https://prom.internal:9090`. It goes nowhere else.
    pub r#for: String,
    /// The request header it is sent in, such as `Authorization`.
    pub header: String,
    /// The header's value, with `${secret:NAME}` where a secret belongs.
    pub value: String,
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
}

/// Addresses.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Address ranges that a host name may resolve to although they are private, such as `10.0.0.0/8`.
    #[schemars(with = "Vec<String>")]
    pub allow_addresses: Vec<ipnet::IpNet>,
}

/// Limits of each call.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Memory of the guest; 64MiB unless given.
    pub memory: Option<Bytes>,
    /// From start to answer; 30s unless given.
    pub deadline: Option<Time>,
    /// Calls of this service at once; 32 unless given.
    #[schemars(range(min = 1))]
    pub concurrent_calls: Option<u32>,
    /// Size of a result; 1MiB unless given.
    pub result_bytes: Option<Bytes>,
    /// Size of one upstream response; 16MiB unless given.
    pub response_bytes: Option<Bytes>,
}

/// Which tools are served.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tools {
    /// Tools that are not served, as clients see them: `prometheus_create_snapshot`.
    pub disable: Vec<String>,
}

/// The published JSON Schema of the file.
#[must_use]
pub fn schema() -> Value {
    let mut schema =
        schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<File>();
    schema.insert("title".to_owned(), "Bulkhead configuration".into());
    schema.to_value()
}
