//! From a YAML file to a [`Config`] the host can act on.
//!
//! Two stages: [`raw`] is the file as written, where every unknown key is an error; [`resolve`] turns it
//! into checked values with secrets loaded. This module is the only reader of files and environment
//! variables for configuration. A key that would have no effect does not exist.

pub mod load;
pub mod raw;
pub mod resolve;
pub mod secrets;
pub mod units;

use std::{net::SocketAddr, path::PathBuf};

pub use load::ConfigError;
use serde_json::Value;

use crate::{egress::credential::Credential, egress::pattern::UrlPattern};

/// Everything the host needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Listener and checks in front of it.
    pub server: Server,
    /// Where components and compiled code are.
    pub components: Components,
    /// Those whose services are served.
    pub tenants: Vec<Tenant>,
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
}

/// Folders.
#[derive(Clone, Debug)]
pub struct Components {
    /// Where a bare component name is looked up.
    pub dir: PathBuf,
    /// Where compiled code is kept; none turns the cache off.
    pub cache_dir: Option<PathBuf>,
}

/// One tenant and its services.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its name.
    pub name: String,
    /// Its services, by name.
    pub services: Vec<Service>,
}

/// A component configured under a name.
#[derive(Clone, Debug)]
pub struct Service {
    /// The name; prefix of its tools.
    pub name: String,
    /// The component.
    pub component: ComponentSource,
    /// What the component's `initialize` gets.
    pub config: Value,
    /// What is attached to requests for certain upstreams.
    pub credentials: Vec<Credential>,
    /// The operator's own egress rules; none means what the config's URLs imply.
    pub egress: Option<Vec<EgressRule>>,
    /// Private address ranges that names may resolve to.
    pub allow_addresses: Vec<ipnet::IpNet>,
    /// Limits of each call.
    pub limits: Limits,
    /// Tools that are not served.
    pub disabled_tools: Vec<String>,
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
#[derive(Clone, Debug)]
pub struct EgressRule {
    /// What may be requested; none means all that is asked for on the config's hosts.
    pub url: Option<UrlPattern>,
    /// With which methods; none means those the component asks for.
    pub methods: Option<Vec<http::Method>>,
}

/// What one call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory and tables of the guest, together.
    pub memory: bytesize::ByteSize,
    /// From start to answer, waiting for upstreams included.
    pub deadline: std::time::Duration,
    /// Calls of this service at once.
    pub concurrent_calls: u32,
    /// Content and structured result, together.
    pub result_bytes: bytesize::ByteSize,
    /// Body of one upstream response.
    pub response_bytes: bytesize::ByteSize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Ten times what a Rust guest needs to chew a megabyte of JSON; a CPython guest fits too.
            memory: bytesize::ByteSize::mib(64),
            // Most clients give up after a minute.
            deadline: std::time::Duration::from_secs(30),
            concurrent_calls: 32,
            // About 250 000 tokens: already more than any model should be given at once.
            result_bytes: bytesize::ByteSize::mib(1),
            response_bytes: bytesize::ByteSize::mib(16),
        }
    }
}
