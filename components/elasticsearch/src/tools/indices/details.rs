//! What `include` adds to each index that is shown: one request for each part, for all of them.

use bulkhead_sdk::list::View;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{at, text};
use serde_json::Map;

use crate::Elasticsearch;
use crate::shape::{flat, number, numeric, redacted, told};

/// A mapping has more; the tool `mappings` pages them.
const MOST_FIELDS: usize = 200;
const MOST_SEGMENTS: usize = 10;

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Part {
    Stats,
    Settings,
    Mappings,
    Segments,
    Aliases,
    Ilm,
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Stats => "stats",
            Self::Settings => "settings",
            Self::Mappings => "mappings",
            Self::Segments => "segments",
            Self::Aliases => "aliases",
            Self::Ilm => "ilm",
        }
    }
}

/// Adds the parts; gives those that failed, and why. If all failed, so does the call.
pub(super) async fn add(
    service: &Elasticsearch,
    rows: &mut [Value],
    parts: &[Part],
    view: View,
) -> Result<Map<String, Value>> {
    let mut failed = Map::new();
    if rows.is_empty() || parts.is_empty() {
        return Ok(failed);
    }
    let names = rows.iter().map(|row| text(row, "/index")).collect::<Vec<_>>().join(",");
    let mut wanted: Vec<Part> = Vec::new();
    for part in parts {
        if !wanted.contains(part) {
            wanted.push(*part);
        }
    }
    let answers = join_all(wanted.iter().map(|part| fetch(service, *part, &names))).await;
    let mut first = None;
    for (part, answer) in wanted.iter().zip(answers) {
        match answer {
            Ok(answer) => rows.iter_mut().for_each(|row| {
                let told = of_index(*part, &answer, text(row, "/index"), view);
                row[part.word()] = told;
            }),
            Err(error) => {
                failed.insert(part.word().into(), error.to_string().into());
                first.get_or_insert(error);
            }
        }
    }
    match first {
        Some(error) if failed.len() == wanted.len() => Err(error),
        _ => Ok(failed),
    }
}

async fn fetch(service: &Elasticsearch, part: Part, names: &str) -> Result<Value> {
    let api = &service.api;
    match part {
        Part::Stats => api.get(&[names, "_stats"]).object().await,
        Part::Settings => api.get(&[names, "_settings"]).with("flat_settings", true).object().await,
        Part::Mappings => api.get(&[names, "_mapping"]).object().await,
        Part::Aliases => api.get(&[names, "_alias"]).object().await,
        Part::Ilm => api.get(&[names, "_ilm", "explain"]).object().await,
        Part::Segments => {
            let columns =
                "index,shard,prirep,segment,docs.count,docs.deleted,size,committed,searchable,version";
            let ask = api.get(&["_cat", "segments", names]).with("h", columns).with("bytes", "b");
            ask.rows().await.map(Value::Array)
        }
    }
}

fn of_index(part: Part, answer: &Value, index: &str, view: View) -> Value {
    let full = view == View::Full;
    match part {
        Part::Stats if full => at(answer, &format!("/indices/{index}")).clone(),
        Part::Stats => stats(at(answer, &format!("/indices/{index}"))),
        Part::Settings => redacted(at(answer, &format!("/{index}/settings")).clone()),
        Part::Mappings if full => at(answer, &format!("/{index}/mappings")).clone(),
        Part::Mappings => mappings(at(answer, &format!("/{index}/mappings"))),
        Part::Aliases => at(answer, &format!("/{index}/aliases")).clone(),
        Part::Ilm if full => at(answer, &format!("/indices/{index}")).clone(),
        Part::Ilm => lifecycle(at(answer, &format!("/indices/{index}"))),
        Part::Segments => {
            let rows = answer.as_array().map(Vec::as_slice).unwrap_or_default();
            segments(rows.iter().filter(|row| text(row, "/index") == index), full)
        }
    }
}

/// The numbers that say how an index is used.
fn stats(stats: &Value) -> Value {
    const PICKED: [(&str, &str); 16] = [
        ("docs", "/primaries/docs/count"),
        ("docs_deleted", "/primaries/docs/deleted"),
        ("size_bytes", "/total/store/size_in_bytes"),
        ("primary_size_bytes", "/primaries/store/size_in_bytes"),
        ("indexed", "/primaries/indexing/index_total"),
        ("indexing_ms", "/primaries/indexing/index_time_in_millis"),
        ("indexing_failed", "/primaries/indexing/index_failed"),
        ("throttled_ms", "/primaries/indexing/throttle_time_in_millis"),
        ("searches", "/total/search/query_total"),
        ("searching_ms", "/total/search/query_time_in_millis"),
        ("searching_now", "/total/search/query_current"),
        ("merges_now", "/total/merges/current"),
        ("segments", "/total/segments/count"),
        ("fielddata_bytes", "/total/fielddata/memory_size_in_bytes"),
        ("query_cache_bytes", "/total/query_cache/memory_size_in_bytes"),
        ("translog_bytes", "/total/translog/size_in_bytes"),
    ];
    let picked = PICKED
        .iter()
        .map(|(name, path)| ((*name).to_owned(), stats.pointer(path).cloned().unwrap_or_default()));
    told(Value::Object(picked.collect()))
}

/// Dotted names and types.
fn mappings(mapping: &Value) -> Value {
    let mut fields = Map::new();
    collect("", &mapping["properties"], &mut fields);
    let left_out = fields.len().saturating_sub(MOST_FIELDS);
    let mut out = Map::new();
    let shown: Map<String, Value> = fields.into_iter().take(MOST_FIELDS).collect();
    out.insert("fields".into(), shown.into());
    if left_out > 0 {
        out.insert("left_out".into(), format!("{left_out} fields; the tool mappings pages them").into());
    }
    if let Some(dynamic) = mapping.get("dynamic") {
        out.insert("dynamic".into(), dynamic.clone());
    }
    out.into()
}

fn collect(prefix: &str, properties: &Value, out: &mut Map<String, Value>) {
    for (name, field) in properties.as_object().into_iter().flatten() {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if let Some(kind) = field.get("type") {
            out.insert(name.clone(), kind.clone());
        }
        collect(&name, &field["properties"], out);
        collect(&name, &field["fields"], out);
    }
}

fn lifecycle(ilm: &Value) -> Value {
    if ilm["managed"] != true {
        return json!({ "managed": false });
    }
    told(json!({
        "policy": ilm["policy"],
        "phase": ilm["phase"],
        "action": ilm["action"],
        "step": ilm["step"],
        "age": ilm["age"],
        "failed_step": ilm["failed_step"],
        "error": at(ilm, "/step_info/reason"),
        "retries": ilm["failed_step_retry_count"],
    }))
}

/// How many, how large, and the largest of them.
fn segments<'a>(rows: impl Iterator<Item = &'a Value>, full: bool) -> Value {
    let mut rows: Vec<&Value> = rows.collect();
    let size = |row: &Value| number(row, "size").unwrap_or_default();
    rows.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let sum = |name: &str| rows.iter().filter_map(|row| number(row, name)).sum::<f64>() as u64;
    let line = |row: &Value| {
        json!({
            "segment": row["segment"], "shard": numeric(row, "shard"), "primary": row["prirep"] == "p",
            "docs": numeric(row, "docs.count"), "docs_deleted": numeric(row, "docs.deleted"),
            "size_bytes": numeric(row, "size"),
        })
    };
    let shown = if full { 500 } else { MOST_SEGMENTS };
    json!({
        "count": rows.len(),
        "size_bytes": sum("size"),
        "docs": sum("docs.count"),
        "docs_deleted": sum("docs.deleted"),
        "largest": rows.iter().take(shown).map(|row| if full { flat(row).into() } else { line(row) }).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_names_and_types() {
        let mapping = json!({ "dynamic": "strict", "properties": {
            "a": { "properties": { "b": { "type": "text", "fields": { "keyword": { "type": "keyword" } } } } },
            "n": { "type": "nested", "properties": { "x": { "type": "long" } } },
        } });
        assert_eq!(
            mappings(&mapping),
            json!({
                "fields": { "a.b": "text", "a.b.keyword": "keyword", "n": "nested", "n.x": "long" },
                "dynamic": "strict",
            })
        );
        let many: Map<String, Value> =
            (0..203).map(|at| (format!("f{at}"), json!({ "type": "long" }))).collect();
        let out = mappings(&json!({ "properties": many }));
        assert_eq!(out["left_out"], "3 fields; the tool mappings pages them");
    }

    #[test]
    fn a_lifecycle_tells_what_failed() {
        assert_eq!(lifecycle(&json!({ "managed": false, "index": "a" })), json!({ "managed": false }));
        let ilm = json!({ "managed": true, "policy": "p", "step": "ERROR", "step_info": { "reason": "no" } });
        assert_eq!(lifecycle(&ilm), json!({ "policy": "p", "step": "ERROR", "error": "no" }));
    }
}
