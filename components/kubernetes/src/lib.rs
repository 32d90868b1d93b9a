//! Kubernetes as a Bulkhead component: sixteen tools over the API of one cluster.
//!
//! Reading order: `kind` finds what a caller names, `api` asks, `refusal` understands a no, and `object` shows what came in
//! short. `pods`, `workload` and `finding` hold what is known of sickness; `tools` has one file for each tool or family.
//! Nothing here knows of credentials: the host adds them on the way out.

mod api;
mod completions;
mod diff;
mod discovery;
mod events;
mod finding;
mod kind;
mod object;
mod pods;
mod prompts;
mod quantity;
mod refusal;
mod resources;
mod selector;
mod tools;
mod workload;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;

use crate::api::Api;

/// What the operator configures.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base URL of the API server, with its path prefix if it has one: `https://10.0.0.1:6443`. The host sets it from a
    /// kubeconfig or from inside the cluster.
    pub url: String,
    /// The namespace that is meant where a call names none.
    #[serde(default = "default_namespace")]
    pub namespace: String,
}

fn default_namespace() -> String {
    "default".to_owned()
}

/// One configured cluster.
#[derive(Debug)]
pub struct Kubernetes {
    api: Api,
}

impl Service for Kubernetes {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("kubernetes", env!("CARGO_PKG_VERSION"), "Kubernetes")
            .description(
                "Reads, diagnoses and changes the objects of one Kubernetes cluster: lists, logs, events, usage, \
                 rollouts, drains. What it may do is what the service's credential may; writes are dry runs unless asked.",
            )
            .instructions(INSTRUCTIONS)
            .egress_below("{config.url}", EGRESS)
    }

    fn new(config: Config) -> Result<Self, String> {
        if config.namespace.is_empty() || config.namespace == "*" {
            return Err("config.namespace: expected the name of a namespace".to_owned());
        }
        Ok(Self { api: Api::new(&config.url, config.namespace)? })
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
        let version = self.api.version().await.map_err(|error| error.to_string())?;
        Ok(format!("Kubernetes {} answers", text(&version, "/gitVersion")))
    }
}

/// What a model should know before it combines these tools.
const INSTRUCTIONS: &str = "Something is wrong: `unhealthy` for an overview, then `diagnose` for one object. `kind` is as in \
    kubectl: `pod`, `deploy`, `certificates.cert-manager.io`; `namespace` `*` is all. Everything that writes is a dry run \
    unless `dry_run` is false: show the changes first. Secrets are hidden. Lists page with `cursor`.";

/// Every request this component can make: path below the API server, methods, and why.
pub const EGRESS: &[(&str, &[&str], &str)] = &[
    ("/version", &["GET"], "reads the version; also the health check"),
    ("/api", &["GET"], "reads which core versions there are"),
    ("/apis", &["GET"], "reads which kinds there are"),
    ("/api/v1", &["GET"], "reads which core kinds there are"),
    ("/api/v1/**", &["GET"], "reads core objects, events and logs"),
    (
        "/api/v1/**",
        &["POST", "PATCH", "DELETE"],
        "changes core objects: apply, patch, delete, node (cordon, and eviction of pods)",
    ),
    ("/apis/**", &["GET"], "reads objects of every other group, and usage"),
    (
        "/apis/**",
        &["POST", "PATCH", "DELETE"],
        "changes objects of every other group: apply, patch, delete, scale, rollout. For can_i alone, grant POST to \
         /apis/authorization.k8s.io/v1/*",
    ),
];

bulkhead_sdk::register!(Kubernetes, resources, prompts, completions);
