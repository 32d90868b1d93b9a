//! Loki as a Bulkhead component: LogQL, what there is to select by, what a query costs, and where errors rise.
//!
//! Reading order: `api` asks and understands refusals, `logql` knows just enough of the language to take a query apart,
//! `lines` reads log lines page by page, `shape` and `pattern` make them short, and `tools` has one file for each tool.
//! Nothing here knows of credentials: the host adds them on the way out.

mod api;
mod lines;
mod logql;
mod pattern;
mod prompts;
mod resources;
mod shape;
mod tools;

use bulkhead_sdk::prelude::*;

use crate::api::Api;

/// What the operator configures.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base URL of Loki or of the gateway before it, with its path prefix if it has one: `http://loki:3100`,
    /// `https://example.com/logs`.
    pub url: String,
    /// Sent as `X-Scope-OrgID` with each request, for a Loki that has tenants. Several are asked at once as `a|b`.
    pub tenant: Option<String>,
}

/// One configured Loki, or one tenant of it.
#[derive(Debug)]
pub struct Loki {
    api: Api,
}

impl Service for Loki {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("loki", env!("CARGO_PKG_VERSION"), "Loki")
            .description(
                "Reads the logs of one Loki: LogQL, labels, series, cost, patterns, and where errors rise.",
            )
            .instructions(INSTRUCTIONS)
            .egress_below("{config.url}", EGRESS)
    }

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self { api: Api::new(&config.url, config.tenant)? })
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
const INSTRUCTIONS: &str = "Something is wrong and it is not known where: error_spikes. To write a query: labels for the \
    names, labels with `label` for the values, then query; `{app=\"x\"} |= \"error\"` gives lines, \
    `sum by (app) (count_over_time({app=~\".+\"} [5m]))` numbers. Ask stats first if the selector is wide or the window \
    is long. Times are RFC 3339, unix seconds, or relative such as `-1h`; lists page with `cursor`.";

/// Every request this component can make: path below the base URL, methods, and why.
pub const EGRESS: &[(&str, &[&str], &str)] = &[
    (
        "/loki/api/v1/query",
        &["GET", "POST"],
        "evaluates metric queries at one moment (POST when the query is long)",
    ),
    (
        "/loki/api/v1/query_range",
        &["GET", "POST"],
        "reads log lines, and evaluates metric queries over time (POST when the query is long)",
    ),
    ("/loki/api/v1/labels", &["GET"], "lists label names; also the health check"),
    ("/loki/api/v1/label/*/values", &["GET"], "lists the values of one label"),
    ("/loki/api/v1/series", &["GET"], "lists the streams that match selectors"),
    ("/loki/api/v1/index/stats", &["GET"], "reads how much a selector matches"),
    ("/loki/api/v1/index/volume", &["GET"], "reads how much each label's values have"),
    ("/loki/api/v1/patterns", &["GET"], "reads the patterns Loki found in lines"),
    ("/loki/api/v1/detected_fields", &["GET"], "reads which fields lines have"),
    ("/loki/api/v1/status/buildinfo", &["GET"], "reads the version"),
    ("/ready", &["GET"], "reads whether it is ready"),
];

bulkhead_sdk::register!(Loki, resources, prompts, completions);
