//! The aggregations that are sent.

use std::collections::BTreeMap;

use double_kit::Reply;
use serde_json::{Map, Value, json};

use bulkhead_sdk::time::rfc3339;

use crate::lucene::{fits, seconds, type_of, value_at};
use crate::search::Hit;
use crate::{all_shards_failed, refusal};

pub(crate) fn run(hits: &[Hit<'_>], aggs: &Value) -> Result<Value, Reply> {
    let mut out = Map::new();
    for (name, agg) in aggs.as_object().into_iter().flatten() {
        out.insert(name.clone(), one(hits, agg)?);
    }
    Ok(out.into())
}

fn one(hits: &[Hit<'_>], agg: &Value) -> Result<Value, Reply> {
    let known = agg
        .as_object()
        .into_iter()
        .flatten()
        .find(|(kind, _)| !matches!(kind.as_str(), "aggs" | "aggregations"));
    let (kind, body) = known.map(|(kind, body)| (kind.as_str(), body)).unwrap_or(("", &Value::Null));
    let below = agg.get("aggs").or_else(|| agg.get("aggregations")).cloned().unwrap_or_default();
    let field = body["field"].as_str().unwrap_or_default();
    let numbers = || hits.iter().filter_map(|hit| value_at(hit.doc.source, field)?.as_f64());
    let with = |mut bucket: Value, hits: &[Hit<'_>]| -> Result<Value, Reply> {
        bucket["doc_count"] = hits.len().into();
        if let (Some(bucket), Value::Object(below)) = (bucket.as_object_mut(), run(hits, &below)?) {
            bucket.extend(below);
        }
        Ok(bucket)
    };
    Ok(match kind {
        "filter" => {
            let mut fitting = Vec::new();
            for hit in hits {
                if fits(body, hit.doc).map_err(|cause| all_shards_failed(&hit.index.name, &cause))? {
                    fitting.push(*hit);
                }
            }
            with(json!({}), &fitting)?
        }
        "terms" => {
            let mut groups: BTreeMap<String, Vec<Hit<'_>>> = BTreeMap::new();
            for hit in hits {
                if type_of(hit.doc.mapping, field).as_deref() == Some("text") {
                    let reason = format!(
                        "Fielddata is disabled on [{field}] in [{}]. Text fields are not optimised for operations that require per-document field data like aggregations and sorting, so these operations are disabled by default.",
                        hit.index.name
                    );
                    return Err(all_shards_failed(
                        &hit.index.name,
                        &json!({ "type": "illegal_argument_exception", "reason": reason }),
                    ));
                }
                if let Some(value) = value_at(hit.doc.source, field) {
                    let key = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    groups.entry(key).or_default().push(*hit);
                }
            }
            let mut buckets = Vec::new();
            for (key, hits) in groups {
                buckets.push(with(json!({ "key": key }), &hits)?);
            }
            let by_now = body["order"][0].get("now").is_some();
            let weight = |bucket: &Value| {
                let first = if by_now { bucket["now"]["doc_count"].as_u64().unwrap_or(0) } else { 0 };
                (first, bucket["doc_count"].as_u64().unwrap_or(0))
            };
            buckets.sort_by_key(|bucket| std::cmp::Reverse(weight(bucket)));
            let size = body["size"].as_u64().unwrap_or(10) as usize;
            let others: u64 =
                buckets.iter().skip(size).filter_map(|bucket| bucket["doc_count"].as_u64()).sum();
            buckets.truncate(size);
            json!({ "doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": buckets })
        }
        "date_histogram" => {
            let interval = body["fixed_interval"]
                .as_str()
                .or_else(|| body["calendar_interval"].as_str())
                .unwrap_or("1h");
            let (count, unit) = interval.split_at(interval.len() - 1);
            let unit = match unit {
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => 604_800.0,
            };
            let width = count.parse::<f64>().unwrap_or(1.0) * unit;
            let mut groups: BTreeMap<i64, Vec<Hit<'_>>> = BTreeMap::new();
            for hit in hits {
                if let Some(at) = value_at(hit.doc.source, field).and_then(seconds) {
                    groups.entry((at / width).floor() as i64).or_default().push(*hit);
                }
            }
            let mut buckets = Vec::new();
            if body["min_doc_count"] == 0
                && let (Some(first), Some(last)) =
                    (groups.keys().next().copied(), groups.keys().last().copied())
            {
                for at in first..=last {
                    groups.entry(at).or_default();
                }
            }
            for (at, hits) in groups {
                let start = at as f64 * width;
                buckets.push(with(
                    json!({ "key": (start * 1000.0) as i64, "key_as_string": rfc3339(start) }),
                    &hits,
                )?);
            }
            json!({ "buckets": buckets })
        }
        "avg" => {
            let all: Vec<f64> = numbers().collect();
            json!({ "value": (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64) })
        }
        "sum" => json!({ "value": numbers().sum::<f64>() }),
        "min" => json!({ "value": numbers().reduce(f64::min) }),
        "max" => json!({ "value": numbers().reduce(f64::max) }),
        "value_count" => json!({ "value": numbers().count() }),
        other => {
            let reason = format!("Unknown aggregation type [{other}]");
            return Err(refusal(400, "parsing_exception", &reason, json!({ "line": 1, "col": 30 })));
        }
    })
}
