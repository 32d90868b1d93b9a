//! Grafana as a Bulkhead component: dashboards, alerting, annotations, datasources and who may do what.
//!
//! Reading order: `api` asks and understands what Grafana says when it refuses; `json_path`, `diff`, `dashboard`,
//! `frames`, `rules`, `redact` and `link` are what is known of Grafana's data, without any request; `tools` has one file
//! for each tool. `prompts` and `resources` are what people begin with. Credentials are the host's: nothing here knows
//! of them.

mod api;
mod dashboard;
mod diff;
mod egress;
mod frames;
mod json_path;
mod link;
mod prompts;
mod redact;
mod resources;
mod rules;
mod search;
mod tools;

use bulkhead_sdk::prelude::*;

use crate::api::Api;

/// What the operator configures.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base URL of the server, with its path prefix if it has one: `https://example.com/grafana`.
    pub url: String,
    /// The organisation to work in, where the credential has several: sent as `X-Grafana-Org-Id`.
    #[schemars(range(min = 1))]
    pub org_id: Option<u32>,
    /// What people open in their browsers, where that is not `url`: links begin with it.
    pub public_url: Option<String>,
}

/// One configured server.
#[derive(Debug)]
pub struct Grafana {
    api: Api,
}

impl Service for Grafana {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("grafana", env!("CARGO_PKG_VERSION"), "Grafana")
            .description(
                "Reads and changes dashboards, folders, datasources, alert rules and annotations of one Grafana \
                 server, runs its queries, renders its panels, and says what fires and what changed.",
            )
            .instructions(INSTRUCTIONS)
            .egress_below("{config.url}", egress::ASKED)
    }

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self { api: Api::new(&config)? })
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
        tools::objects::health(&self.api).await
    }
}

/// What a model should know before it combines these tools.
const INSTRUCTIONS: &str = "Begin with diagnose_alerting for what fires and why, what_changed for what was done before \
    it. A dashboard: get_objects finds its uid, then get_dashboard (view queries for PromQL and the like) and query_datasource \
    with its panel. To edit, send `changes` by path rather than the whole dashboard, with dry_run first. Times are RFC \
    3339, unix seconds, or relative (`-1h`); lists page with `cursor`.";

bulkhead_sdk::register!(Grafana, prompts, resources, completions);
