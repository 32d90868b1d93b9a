//! Prometheus as a Bulkhead component: twenty tools over its HTTP API.
//!
//! Reading order: `api` asks and understands the envelope, `time` and `duration` read what a model
//! writes, `range_plan` settles which points to ask for, `shape` and `series_shape` turn samples into
//! something a model can read, `page` cuts lists, and `tools` has one file for each family of
//! endpoints. Nothing here knows of credentials: the host adds them on the way out.

mod api;
mod duration;
mod page;
mod range_plan;
mod selector;
mod series_shape;
mod shape;
mod time;
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
        EGRESS.iter().fold(
            Manifest::new("prometheus", env!("CARGO_PKG_VERSION"), "Prometheus")
                .description(
                    "Runs PromQL and reads targets, alerts, rules, labels, series, metadata and server status of one \
                     Prometheus server. One tool writes: it creates a TSDB snapshot.",
                )
                .instructions(INSTRUCTIONS),
            |manifest, (path, methods, reason)| {
                manifest.egress(format!("{{config.url}}/api/v1/{path}"), methods, *reason)
            },
        )
    }

    fn new(config: Config) -> Result<Self, String> {
        Ok(Self { api: Api::new(&config.url)? })
    }

    fn tools(&self) -> Tools<Self> {
        tools::all()
    }

    async fn health(&self) -> Result<String, String> {
        tools::status::health(&self.api).await
    }
}

/// What a model should know before it combines these tools.
const INSTRUCTIONS: &str = "To find a metric: get_label_values with label `__name__` and `contains`, \
    then get_metrics_metadata for its type (counters need rate()). Use query for one moment and query_range for a \
    trend. Start with the *_summary tools. Times are RFC 3339, unix seconds, or relative such as `-1h`; lists page \
    with `cursor`.";

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

bulkhead_sdk::register!(Prometheus);
