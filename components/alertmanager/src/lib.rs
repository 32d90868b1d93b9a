//! Alertmanager as a Bulkhead component: which alerts matter now, and who keeps which of them quiet.
//!
//! Reading order: `api` asks and tells what went wrong, `matchers`, `alert` and `silence` are the three things it is
//! about, `tools` has one file for each tool, and `findings` the rules of `triage`.

mod alert;
mod api;
mod config;
mod findings;
mod matchers;
mod prompts;
mod resources;
mod silence;
mod tools;

use bulkhead_sdk::prelude::*;

use crate::api::Api;

/// What the operator configures.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base URL of the Alertmanager, with its path prefix if it has one: `http://alertmanager:9093`,
    /// `https://example.com/alerts`.
    pub url: String,
}

/// One configured Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    api: Api,
}

impl Service for Alertmanager {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("alertmanager", env!("CARGO_PKG_VERSION"), "Alertmanager")
            .description(
                "Reads alerts, silences, receivers and status of one Alertmanager, and says what about them deserves \
                 a look. Two tools write: one makes, changes and ends silences, one sends alerts.",
            )
            .instructions(INSTRUCTIONS)
            .egress_below("{config.url}/api/v2/", EGRESS)
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
        tools::status::health(self).await
    }
}

/// What a model should know before it combines these tools.
const INSTRUCTIONS: &str = "Start with triage. Matchers are one text, `severity=\"critical\", job=~\"api.*\"`. silence does \
    a dry run unless told otherwise: show that to the user before the real call. To extend a silence give its `id` and \
    a later end, to end it `ends` now.";

/// Every request this component can make: path under `/api/v2/`, methods, and why. Each path on its own, so that an
/// operator can grant reading without writing.
pub const EGRESS: &[(&str, &[&str], &str)] = &[
    ("status", &["GET"], "reads version, cluster and configuration (secrets hidden); also the health check"),
    ("receivers", &["GET"], "lists receivers"),
    ("alerts", &["GET", "POST"], "lists alerts; POST is send_alert's"),
    ("alerts/groups", &["GET"], "lists alerts in the groups that notifications are sent for"),
    ("silences", &["GET", "POST"], "lists silences; POST is silence's"),
    ("silence/*", &["GET", "DELETE"], "reads one silence; DELETE is silence's, to end one"),
];

bulkhead_sdk::register!(Alertmanager, resources, prompts, completions);
