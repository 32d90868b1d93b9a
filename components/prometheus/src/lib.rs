//! Prometheus as a Bulkhead component: PromQL, what is scraped, recorded and alerted on, and what is wrong with it.
//!
//! Reading order: `api` asks and understands the envelope, `range_plan` settles which points to ask for, `shape` and
//! `series_shape` turn samples into something a model can read, `promql` takes an alert's expression apart, `diagnosis`
//! has the rules of what deserves a look, and `tools` one file for each tool. Nothing here knows of credentials: the host
//! adds them on the way out.

mod api;
mod diagnosis;
mod prompts;
mod promql;
mod range_plan;
mod resources;
mod selector;
mod series_shape;
mod shape;
mod tools;

use bulkhead_sdk::prelude::*;

use crate::api::Api;

/// What the operator configures.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base URL of the Prometheus server, with its path prefix if it has one: `http://prometheus:9090`,
    /// `https://example.com/prom`.
    pub url: String,
}

/// One configured Prometheus server.
#[derive(Debug)]
pub struct Prometheus {
    api: Api,
}

impl Service for Prometheus {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("prometheus", env!("CARGO_PKG_VERSION"), "Prometheus")
            .description(
                "Runs PromQL, reads targets, alerts, rules, labels, series, metadata and server status of one \
                 Prometheus server, and says what is wrong there. One tool writes: it creates a TSDB snapshot.",
            )
            .instructions(INSTRUCTIONS)
            .egress_below("{config.url}/api/v1/", EGRESS)
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
const INSTRUCTIONS: &str = "On trouble start with diagnose. To write a query: labels with label `__name__` and \
    `contains` finds metrics, metadata tells their type (counters need rate()). query is for one moment, query_range for \
    a trend. Times are RFC 3339, unix seconds, or relative such as `-1h`; lists page with `cursor`.";

/// Every request this component can make: path under `/api/v1/`, methods, and why. Exact paths, so that an
/// operator can grant reading without the one that writes.
pub const EGRESS: &[(&str, &[&str], &str)] = &[
    ("query", &["GET", "POST"], "runs instant PromQL queries (POST when the query is long)"),
    ("query_range", &["GET", "POST"], "runs range PromQL queries (POST when the query is long)"),
    ("labels", &["GET"], "lists label names"),
    ("label/*/values", &["GET"], "lists the values of one label"),
    ("series", &["GET"], "lists series that match selectors"),
    ("metadata", &["GET"], "reads type, unit and help of metrics"),
    ("targets", &["GET"], "lists scrape targets and their health"),
    ("targets/metadata", &["GET"], "reads metric metadata as each target exposes it"),
    ("rules", &["GET"], "lists recording and alerting rules"),
    ("alerts", &["GET"], "lists pending and firing alerts"),
    ("alertmanagers", &["GET"], "sees whether there is an Alertmanager to tell (diagnose)"),
    ("status/buildinfo", &["GET"], "reads the version; also the health check"),
    ("status/runtimeinfo", &["GET"], "reads start time, retention and other runtime facts"),
    ("status/flags", &["GET"], "reads command-line flags, when asked to"),
    (
        "status/config",
        &["GET"],
        "reads the loaded configuration (Prometheus hides its secrets), when asked to",
    ),
    ("status/tsdb", &["GET"], "reads head and cardinality statistics of the database"),
    ("status/walreplay", &["GET"], "reads the progress of the write-ahead log replay"),
    (
        "admin/tsdb/snapshot",
        &["POST"],
        "creates a snapshot of the database on the server's disk (create_snapshot)",
    ),
];

bulkhead_sdk::register!(Prometheus, resources, prompts, completions);
