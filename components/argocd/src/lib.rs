//! Argo CD as a Bulkhead component: which applications are not well and why, what a sync would change, and syncing.
//!
//! Reading order: `api` asks and understands refusals, `app` reads the state of an application, `node` its resources,
//! `change` what differs between two manifests, `secret` what nobody shall read, `operation` starts a sync and waits for it,
//! and `tools` has one file for each tool. Nothing here knows of credentials: the host adds them on the way out.

mod api;
mod app;
mod change;
mod node;
mod operation;
mod prompts;
mod resources;
mod secret;
mod tools;

use bulkhead_sdk::prelude::*;

use crate::api::Api;

/// What the operator configures.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base URL of the Argo CD server, with its path prefix (`--rootpath`) if it has one: `https://argocd.example.com`.
    pub url: String,
}

/// One configured Argo CD.
#[derive(Debug)]
pub struct ArgoCd {
    api: Api,
}

impl Service for ArgoCd {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("argocd", env!("CARGO_PKG_VERSION"), "Argo CD")
            .description(
                "Reads, syncs and rolls back the applications of one Argo CD, and says why one is not well.",
            )
            .instructions(INSTRUCTIONS)
            .egress_below("{config.url}", EGRESS)
    }

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self { api: Api::new(&config.url)? })
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
        tools::status::health(&self.api).await
    }
}

/// What a model should know before it combines these tools.
const INSTRUCTIONS: &str = "Not known what is wrong: list, the worst come first. An application that is out of sync or \
    unhealthy: diagnose. It is named `name`, or `namespace/name` as list has it. sync and rollback only try until \
    dry_run is false; objects with `show` diff says what a sync would change.";

/// Every request this component can make: path below the base URL, methods, and why.
pub const EGRESS: &[(&str, &[&str], &str)] = &[
    ("/api/v1/applications", &["GET"], "lists applications; also the health check"),
    ("/api/v1/applications/*", &["GET"], "reads one application, and has it compared anew"),
    (
        "/api/v1/applications/*/resource-tree",
        &["GET"],
        "reads the resources of an application and their health",
    ),
    ("/api/v1/applications/*/managed-resources", &["GET"], "reads what differs from what is wanted"),
    ("/api/v1/applications/*/manifests", &["GET"], "reads rendered manifests"),
    ("/api/v1/applications/*/events", &["GET"], "reads the events of an application and its resources"),
    ("/api/v1/applications/*/syncwindows", &["GET"], "reads whether it may be synced now"),
    ("/api/v1/applications/*/revisions/*/metadata", &["GET"], "reads author and message of a commit"),
    ("/api/v1/applications/*/logs", &["GET"], "reads the logs of a pod"),
    ("/api/v1/applications/*/sync", &["POST"], "syncs, or tries to"),
    ("/api/v1/applications/*/rollback", &["POST"], "rolls back, or tries to"),
    ("/api/v1/projects", &["GET"], "lists projects"),
    ("/api/v1/clusters", &["GET"], "lists clusters and whether they are reached"),
    ("/api/v1/repositories", &["GET"], "lists repositories and whether they are reached"),
    ("/api/v1/session/userinfo", &["GET"], "reads who the credential is"),
    ("/api/version", &["GET"], "reads the version"),
];

bulkhead_sdk::register!(ArgoCd, resources, prompts, completions);
