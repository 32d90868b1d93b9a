//! Prompts: how to look into a cluster and into logs, step by step; and completing what they take.
//!
//! A step that names a tool the caller may not use is dropped by the host, so each has a line of its own.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;

use crate::Elasticsearch;
use crate::tools::mappings;

#[derive(Debug, Deserialize, JsonSchema)]
struct ClusterDiagnosis {
    /// What was noticed: yellow, slow searches, rejected writes.
    symptom: Option<String>,
    /// The index that suffers, if one does.
    index: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct LogInvestigation {
    /// Index, data stream or pattern of the logs.
    index: Option<String>,
    /// What is looked for, in words or as a Lucene query.
    problem: String,
    /// When it began: `-1h` or a time.
    since: Option<String>,
    /// A field that tells parts of the system apart: `service.name`.
    field: Option<String>,
}

pub(crate) fn all() -> Prompts<Elasticsearch> {
    Prompts::new()
        .add(
            Prompt::new(
                "cluster_diagnosis",
                "Finds out what is wrong with the Elasticsearch cluster, and what to do first.",
                cluster_diagnosis,
            )
            .title("Diagnose the cluster")
            .complete("index", indices),
        )
        .add(
            Prompt::new(
                "log_investigation",
                "Finds out from logs what went wrong, since when, and where.",
                log_investigation,
            )
            .title("Investigate logs")
            .complete("index", indices)
            .complete("field", fields),
        )
}

async fn cluster_diagnosis(_: &Elasticsearch, args: ClusterDiagnosis, _: &Call) -> Result<Messages> {
    let symptom = args.symptom.map_or(String::new(), |symptom| format!(" What was noticed: {symptom}."));
    let index = args.index.unwrap_or_else(|| "*".to_owned());
    Ok(Messages::user(format!(
        "Find out what is wrong with the Elasticsearch cluster.{symptom}\n\
         1. Begin with {{tool:diagnose}}; its findings come worst first, each with evidence.\n\
         2. For shards that are unassigned or on the wrong node, call {{tool:shards}} with `index: {index}`.\n\
         3. For disk, list the largest indices with {{tool:indices}} (`index: {index}`, `sort: -size`).\n\
         4. For heap, CPU or rejections, call {{tool:cluster}} with `include: [\"nodes\"]`, then `hot_threads` for the node that stands out.\n\
         5. For slow searches or a slow master, call {{tool:cluster}} with `include: [\"tasks\", \"pending_tasks\"]`.\n\
         Say what is wrong, which evidence shows it, what to do first, and what could make it worse. Name what could not \
         be checked. Change nothing."
    )))
}

async fn log_investigation(service: &Elasticsearch, args: LogInvestigation, _: &Call) -> Result<Messages> {
    let index = args.index.or_else(|| service.default_index.clone()).unwrap_or_else(|| "logs-*".to_owned());
    let since = args.since.unwrap_or_else(|| "-1h".to_owned());
    let by = args.field.map_or(String::new(), |field| format!(", `by: [\"{field}\"]`"));
    Ok(Messages::user(format!(
        "Find out from the logs in `{index}` what went wrong: {}\n\
         1. See which fields there are with {{tool:mappings}} (`index: {index}`, `contains` for a part of a name).\n\
         2. See what got worse with {{tool:log_spikes}} (`index: {index}`{by}).\n\
         3. Read lines with {{tool:search}} (`index: {index}`, `from: {since}`), and narrow down by what stands out.\n\
         4. See when it began: {{tool:search}} with `aggs: \"date_histogram:1m\"`.\n\
         5. Compare parts of the system in one table with {{tool:esql}}.\n\
         6. Read the whole of a telling line with {{tool:search}} and its `id`.\n\
         Say what happened, since when, where, and how often; quote the lines that show it with their time; and say what \
         the logs do not tell.",
        args.problem
    )))
}

/// Indices and data streams that begin with what was typed.
pub(crate) async fn indices(service: &Elasticsearch, typed: &Completing, _: &Call) -> Result<Completion> {
    // What was typed goes into a pattern; a word with these in it is one already, or no name.
    if typed.prefix.starts_with('_') || typed.prefix.contains(['*', ',', '/', ' ']) {
        return Ok(Completion::default());
    }
    let pattern = format!("{}*", typed.prefix);
    let rows = service.api.get(&["_cat", "indices", &pattern]).with("h", "index").rows();
    let streams = service.api.get(&["_data_stream", &pattern]).object();
    let (rows, streams) = bulkhead_sdk::join!(rows, streams);
    let mut names: Vec<String> = rows?.iter().map(|row| text(row, "/index").to_owned()).collect();
    // The indices behind a data stream are not what anyone means.
    names.retain(|name| !name.starts_with(".ds-"));
    let streams = streams.unwrap_or_default();
    let streams = bulkhead_sdk::value::list(&streams, "/data_streams");
    names.extend(streams.iter().map(|stream| text(stream, "/name").to_owned()));
    names.sort_unstable();
    Ok(typed.matching(names))
}

/// Fields of the index that is settled.
async fn fields(service: &Elasticsearch, typed: &Completing, _: &Call) -> Result<Completion> {
    let Ok(index) = service.index(typed.settled("index")) else { return Ok(Completion::default()) };
    let fields = mappings::fields(service, index).await?;
    Ok(typed.matching(fields.into_iter().map(|(name, _)| name)))
}
