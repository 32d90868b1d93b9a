//! Elasticsearch as a Bulkhead component: search and operations over its HTTP API. Nothing here writes.
//!
//! Reading order: `api` asks, `failure` understands refusals; `query`, `aggs` and `hits` are the parts of a search; `shape`
//! makes answers short. `tools` has one file for each tool; `diagnosis` has the facts of `diagnose` and the rules over
//! them. Nothing here knows of credentials: the host adds them on the way out.

mod aggs;
mod api;
mod diagnosis;
mod failure;
mod hits;
mod prompts;
mod query;
mod resources;
mod shape;
mod tools;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;

use crate::api::Api;

/// What the operator configures.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base URL of the cluster, with its path prefix if it has one: `https://elasticsearch:9200`.
    pub url: String,
    /// Index, alias, data stream or pattern that is searched if a call names none: `logs-*`.
    pub default_index: Option<String>,
    /// The field that has the time of a document, if it is not `@timestamp`.
    pub time_field: Option<String>,
}

/// One configured cluster.
#[derive(Debug)]
pub struct Elasticsearch {
    api: Api,
    default_index: Option<String>,
    time_field: Option<String>,
}

impl Service for Elasticsearch {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("elasticsearch", env!("CARGO_PKG_VERSION"), "Elasticsearch")
            .description(
                "Searches logs and documents of one Elasticsearch cluster, and tells how the cluster does and why. It \
                 only reads.",
            )
            .instructions(INSTRUCTIONS)
            .egress_below("{config.url}", EGRESS)
    }

    fn new(config: Config) -> Result<Self, String> {
        let index = config.default_index;
        if let Some(index) = &index {
            api::index_name(index)
                .map_err(|error| error.message().replace("arguments.index", "config.default_index"))?;
        }
        Ok(Self { api: Api::new(&config.url)?, default_index: index, time_field: config.time_field })
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
        let info = self.api.get(&[]).object().await.map_err(|error| error.to_string())?;
        match (text(&info, "/version/number"), text(&info, "/cluster_name")) {
            ("", _) => Err("the answer to / tells no version: check the service's `url`".to_owned()),
            (version, cluster) => Ok(format!("Elasticsearch {version}, cluster {cluster}")),
        }
    }
}

impl Elasticsearch {
    /// The time field a call names, or the configured one, or where data streams keep it.
    fn time_field<'a>(&'a self, named: Option<&'a str>) -> &'a str {
        named.or(self.time_field.as_deref()).unwrap_or("@timestamp")
    }

    /// The index a call names, or the configured one.
    fn index<'a>(&'a self, named: Option<&'a str>) -> Result<&'a str> {
        match named.or(self.default_index.as_deref()) {
            Some(index) => api::index_name(index),
            None => Err(Error::invalid(
                "index",
                "is needed, because this service has no `default_index`; `indices` lists what there is",
            )),
        }
    }
}

/// What a model should know before it combines these tools.
const INSTRUCTIONS: &str = "Something is wrong with the cluster: `diagnose` first. Logs: `log_spikes` for what got worse, \
    then `search` (`limit: 0` only counts). Before writing a query look up field names with `mappings`; text fields do not \
    aggregate, their `.keyword` sub-field does. Times are RFC 3339, unix seconds, or relative such as `-1h`; lists page with \
    `cursor`.";

/// Every request this component can make: path, methods, and why. All of them only read.
pub const EGRESS: &[(&str, &[&str], &str)] = &[
    ("/", &["GET"], "reads the version; also the health check"),
    ("/*/_search", &["POST"], "searches documents and aggregates them"),
    ("/*/_count", &["POST"], "counts documents"),
    ("/_query", &["POST"], "runs ES|QL queries"),
    ("/*/_field_caps", &["GET"], "lists the fields of indices"),
    ("/*/_mapping", &["GET"], "reads mappings"),
    ("/*/_settings", &["GET"], "reads settings of indices"),
    ("/*/_settings/*", &["GET"], "finds indices that are blocked (diagnose)"),
    ("/*/_stats", &["GET"], "reads statistics of indices"),
    ("/*/_alias", &["GET"], "reads aliases of indices"),
    ("/*/_ilm/explain", &["GET"], "reads where indices are in their lifecycle"),
    ("/_cat/indices/*", &["GET"], "lists indices"),
    ("/_cat/shards", &["GET"], "lists shards"),
    ("/_cat/shards/*", &["GET"], "lists shards of some indices"),
    ("/_cat/segments/*", &["GET"], "lists segments of indices"),
    ("/_cat/aliases/*", &["GET"], "lists aliases"),
    ("/_cat/nodes", &["GET"], "lists nodes"),
    ("/_cat/allocation", &["GET"], "reads how shards and disk are spread over nodes"),
    ("/_data_stream/*", &["GET"], "lists data streams"),
    ("/_data_stream/*/_stats", &["GET"], "reads the size of data streams"),
    ("/_cluster/health", &["GET"], "reads the health of the cluster"),
    ("/_cluster/stats", &["GET"], "reads statistics of the cluster"),
    ("/_cluster/settings", &["GET"], "reads settings of the cluster"),
    ("/_cluster/pending_tasks", &["GET"], "lists what waits for the master"),
    ("/_cluster/allocation/explain", &["POST"], "asks why a shard is unassigned (changes nothing)"),
    ("/_nodes/*", &["GET"], "reads what nodes are"),
    ("/_nodes/*/stats", &["GET"], "reads statistics of nodes"),
    ("/_nodes/*/stats/*", &["GET"], "reads some statistics of all nodes (diagnose)"),
    ("/_nodes/*/hot_threads", &["GET"], "reads what threads of nodes are busy with, when asked to"),
    ("/_tasks", &["GET"], "lists running tasks"),
    ("/_slm/policy", &["GET"], "reads whether snapshots succeed"),
];

bulkhead_sdk::register!(Elasticsearch, resources, prompts, completions);
