//! Jaeger as a Bulkhead component: what is traced, traces and where their time goes, who calls whom, what is wrong.
//!
//! Reading order: `api` asks, in one of Jaeger's two dialects, and gives the traces of `model`; `critical_path` finds where
//! the time of a trace goes, `summary` says so, and `tools` has one file for each tool. Nothing here knows of credentials:
//! the host adds them on the way out.

mod api;
mod critical_path;
mod length;
mod model;
mod prompts;
mod resources;
mod summary;
mod tools;

use bulkhead_sdk::prelude::*;

use crate::api::Api;
pub use crate::api::Dialect;

/// What the operator configures.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base URL of the query service, with its path prefix if it has one: `http://jaeger-query:16686`,
    /// `https://example.com/jaeger`.
    pub url: String,
    /// Which of Jaeger's HTTP APIs is asked: `v1` (default), which its UI uses and every version has, or `v3`, as
    /// published, for a server that has no other.
    #[serde(default)]
    pub api: Dialect,
}

/// One configured Jaeger.
#[derive(Debug)]
pub struct Jaeger {
    api: Api,
}

impl Service for Jaeger {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("jaeger", env!("CARGO_PKG_VERSION"), "Jaeger")
            .description("Reads the traces of one Jaeger: services, traces and their critical path, dependencies, diagnosis.")
            .instructions(INSTRUCTIONS)
            .egress("{config.url}/api/**", &["GET"], "reads services, operations, traces and dependencies")
    }

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self { api: Api::new(&config.url, config.api)? })
    }

    fn tools(&self) -> Tools<Self> {
        tools::all()
    }

    fn prompts(&self) -> Prompts<Self> {
        prompts::all()
    }

    fn resources(&self) -> Resources<Self> {
        resources::all()
    }

    async fn health(&self) -> Result<String, String> {
        match self.api.services().await {
            Ok(services) => Ok(format!("Jaeger answers and knows {} services", services.len())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What a model should know before it combines these tools.
const INSTRUCTIONS: &str = "A service is slow or fails: diagnose. One trace: trace. Names are exact: take them from services. \
    The critical path is what the caller waited for: time outside of it does not count. Traces are samples: they show what \
    happens, not how often. Times are RFC 3339, unix seconds, or relative such as `-1h`.";

bulkhead_sdk::register!(Jaeger, resources, prompts, completions);
