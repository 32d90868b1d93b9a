//! What is asked of indices: searching and counting their documents, and what they are.

use std::cmp::Ordering;

use double_kit::{Reply, Request};
use serde_json::{Map, Value, json};

use crate::cluster::{Cluster, Index, glob, ms};
use crate::lucene::{Doc, fits, seconds, type_of, value_at};
use crate::{aggs, all_shards_failed, refusal};

/// A document with its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit<'a> {
    pub(crate) index: &'a Index,
    pub(crate) doc: Doc<'a>,
}

pub(crate) fn index_answer(
    cluster: &Cluster,
    indices: &[&Index],
    what: &str,
    request: &Request,
) -> Result<Value, Reply> {
    let per_index = |of: &dyn Fn(&Index) -> Value| -> Value {
        Value::Object(indices.iter().map(|index| (index.name.clone(), of(index))).collect())
    };
    Ok(match what {
        "_search" => return search(indices, &request.json()),
        "_count" => {
            json!({ "count": matching(indices, &request.json()["query"])?.len(), "_shards": shards(indices) })
        }
        "_mapping" => per_index(&|index| json!({ "mappings": index.mapping })),
        "_alias" => per_index(&|index| json!({ "aliases": index.aliases })),
        "_field_caps" => {
            let mut caps = field_caps(indices);
            let wanted = request.param("fields").unwrap_or("*");
            let fields = caps["fields"].as_object_mut().unwrap();
            fields.retain(|name, _| wanted.split(',').any(|pattern| glob(pattern, name)));
            caps
        }
        "_stats" => stats(indices),
        "_settings" => {
            let wanted = request.segments().get(2).cloned().unwrap_or_else(|| "*".to_owned());
            let of = |index: &Index| -> Map<String, Value> {
                index
                    .settings
                    .iter()
                    .filter(|(name, _)| glob(&wanted, name))
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect()
            };
            let all = indices.iter().map(|index| (index.name.clone(), of(index)));
            // Only indices that have such a setting.
            Value::Object(
                all.filter(|(_, settings)| !settings.is_empty())
                    .map(|(name, settings)| (name, json!({ "settings": settings })))
                    .collect(),
            )
        }
        "_ilm" => {
            let only_errors = request.param("only_errors") == Some("true");
            let of = |index: &Index| {
                index.ilm.clone().unwrap_or_else(|| json!({ "index": index.name, "managed": false }))
            };
            let all = indices.iter().map(|index| (index.name.clone(), of(index)));
            let shown = all.filter(|(_, ilm)| !only_errors || ilm["step"] == "ERROR");
            json!({ "indices": Value::Object(shown.collect()) })
        }
        other => {
            let _ = cluster;
            return Err(refusal(
                400,
                "illegal_argument_exception",
                &format!("request [{other}] is unknown"),
                json!({}),
            ));
        }
    })
}

fn shards(indices: &[&Index]) -> Value {
    let count =
        indices.iter().map(|index| index.shards.iter().filter(|shard| shard.primary).count()).sum::<usize>();
    json!({ "total": count, "successful": count, "skipped": 0, "failed": 0 })
}

fn matching<'a>(indices: &[&'a Index], query: &Value) -> Result<Vec<Hit<'a>>, Reply> {
    let mut found = Vec::new();
    for index in indices {
        if !index.open {
            continue;
        }
        for (id, source) in &index.docs {
            let doc = Doc { id, source, mapping: &index.mapping };
            if fits(query, doc).map_err(|cause| all_shards_failed(&index.name, &cause))? {
                found.push(Hit { index, doc });
            }
        }
    }
    Ok(found)
}

fn search(indices: &[&Index], body: &Value) -> Result<Value, Reply> {
    let mut hits = matching(indices, &body["query"])?;
    let total = hits.len();
    let aggregations = aggs::run(&hits, &body["aggregations"])?;
    let sort: Vec<(String, bool)> = body["sort"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| {
            let (field, how) = one.as_object()?.iter().next()?;
            Some((field.clone(), how["order"] == "desc"))
        })
        .collect();
    for (field, _) in sort.iter().filter(|(field, _)| !field.starts_with('_')) {
        let unmapped =
            body["sort"].as_array().unwrap().iter().any(|one| one[field].get("unmapped_type").is_some());
        for index in indices.iter().filter(|index| index.open) {
            if type_of(&index.mapping, field).is_none() && !unmapped {
                let cause = json!({ "type": "query_shard_exception", "reason": format!("No mapping found for [{field}] in order to sort on") });
                return Err(all_shards_failed(&index.name, &cause));
            }
        }
    }
    let values =
        |hit: &Hit<'_>| -> Vec<Value> { sort.iter().map(|(field, _)| sort_value(hit, field)).collect() };
    hits.sort_by(|a, b| compare(&values(a), &values(b), &sort));
    if let Some(after) = body["search_after"].as_array() {
        hits.retain(|hit| compare(&values(hit), after, &sort) == Ordering::Greater);
    }
    hits.truncate(body["size"].as_u64().unwrap_or(10) as usize);
    let shown: Vec<Value> = hits.iter().map(|hit| json!({
        "_index": hit.index.name, "_id": hit.doc.id, "_score": sort.iter().any(|(field, _)| field == "_score").then_some(1.0),
        "_source": picked(hit.doc.source, &body["_source"]), "sort": values(hit),
    })).collect();
    let mut out = json!({ "took": 2, "timed_out": false, "_shards": shards(indices), "hits": { "max_score": null, "hits": shown } });
    match &body["track_total_hits"] {
        Value::Bool(false) => {}
        Value::Number(most) if (total as u64) > most.as_u64().unwrap() => {
            out["hits"]["total"] = json!({ "value": most, "relation": "gte" })
        }
        _ => out["hits"]["total"] = json!({ "value": total, "relation": "eq" }),
    }
    if body.get("aggregations").is_some() {
        out["aggregations"] = aggregations;
    }
    Ok(out)
}

/// Milliseconds for times, null for what is not there.
fn sort_value(hit: &Hit<'_>, field: &str) -> Value {
    if field == "_score" {
        return json!(1.0);
    }
    match (value_at(hit.doc.source, field), type_of(hit.doc.mapping, field).as_deref()) {
        (Some(value), Some("date")) => seconds(value).map_or(Value::Null, |at| ms(at).into()),
        (Some(value), _) => value.clone(),
        (None, _) => Value::Null,
    }
}

fn compare(a: &[Value], b: &[Value], sort: &[(String, bool)]) -> Ordering {
    for ((a, b), (_, down)) in a.iter().zip(b).zip(sort) {
        let order = match (a, b) {
            (Value::Null, Value::Null) => Ordering::Equal,
            // What is missing is last, whatever the order.
            (Value::Null, _) => return Ordering::Greater,
            (_, Value::Null) => return Ordering::Less,
            (Value::Number(a), Value::Number(b)) => a.as_f64().unwrap().total_cmp(&b.as_f64().unwrap()),
            (a, b) => a.as_str().unwrap_or_default().cmp(b.as_str().unwrap_or_default()),
        };
        let order = if *down { order.reverse() } else { order };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// The fields of a source that patterns name; all of it if there are none.
fn picked(source: &Value, patterns: &Value) -> Value {
    let Some(patterns) = patterns.as_array() else { return source.clone() };
    fn walk(prefix: &str, value: &Value, patterns: &[Value]) -> Option<Value> {
        let wanted =
            |name: &str| patterns.iter().filter_map(Value::as_str).any(|pattern| glob(pattern, name));
        if !prefix.is_empty() && wanted(prefix) {
            return Some(value.clone());
        }
        let fields = value.as_object()?.iter().filter_map(|(name, value)| {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            Some((name.clone(), walk(&path, value, patterns)?))
        });
        let fields: Map<String, Value> = fields.collect();
        (!fields.is_empty()).then_some(fields.into())
    }
    walk("", source, patterns).unwrap_or_else(|| json!({}))
}

fn field_caps(indices: &[&Index]) -> Value {
    fn walk(prefix: &str, mapping: &Value, index: &str, out: &mut Map<String, Value>) {
        for part in ["properties", "fields"] {
            for (name, field) in mapping[part].as_object().into_iter().flatten() {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                let kind = field["type"].as_str().unwrap_or("object");
                let searchable = kind != "object" && field["index"] != false;
                let aggregatable = !matches!(kind, "text" | "object");
                let known = out.entry(path.clone()).or_insert_with(|| json!({}));
                if known.get(kind).is_none() {
                    known[kind] = json!({ "type": kind, "metadata_field": false, "searchable": searchable, "aggregatable": aggregatable, "indices": [] });
                }
                known[kind]["indices"].as_array_mut().unwrap().push(index.into());
                walk(&path, field, index, out);
            }
        }
    }
    let mut fields = Map::new();
    fields.insert("_id".into(), json!({ "_id": { "type": "_id", "metadata_field": true, "searchable": true, "aggregatable": false } }));
    for index in indices {
        walk("", &index.mapping, &index.name, &mut fields);
    }
    // Where all agree, Elasticsearch does not tell the indices.
    for kinds in fields.values_mut().filter_map(Value::as_object_mut).filter(|kinds| kinds.len() == 1) {
        kinds.values_mut().filter_map(Value::as_object_mut).for_each(|caps| drop(caps.remove("indices")));
    }
    json!({ "indices": indices.iter().map(|index| &index.name).collect::<Vec<_>>(), "fields": fields })
}

fn stats(indices: &[&Index]) -> Value {
    let one = |docs: usize, bytes: u64| {
        json!({
            "docs": { "count": docs, "deleted": 0 }, "store": { "size_in_bytes": bytes, "reserved_in_bytes": 0 },
            "indexing": {
                "index_total": docs, "index_time_in_millis": 40, "index_current": 0, "index_failed": 0, "delete_total": 0,
                "delete_time_in_millis": 0, "delete_current": 0, "noop_update_total": 0, "is_throttled": false, "throttle_time_in_millis": 0,
            },
            "search": {
                "open_contexts": 0, "query_total": 7, "query_time_in_millis": 21, "query_current": 0, "fetch_total": 7, "fetch_time_in_millis": 2,
                "fetch_current": 0, "scroll_total": 0, "scroll_time_in_millis": 0, "scroll_current": 0, "suggest_total": 0,
                "suggest_time_in_millis": 0, "suggest_current": 0,
            },
        })
    };
    let of = |index: &&Index| {
        let part = one(index.docs.len(), 2_000_000);
        (
            index.name.clone(),
            json!({ "uuid": "u", "health": index.health(), "status": "open", "primaries": part, "total": part }),
        )
    };
    let open = indices.iter().filter(|index| index.open);
    let sum = one(0, 0);
    json!({ "_shards": shards(indices), "_all": { "primaries": sum, "total": sum }, "indices": Value::Object(open.map(of).collect()) })
}
