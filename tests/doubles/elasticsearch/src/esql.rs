//! As much of ES|QL as examples need: `FROM index [| STATS n = COUNT(*) BY field] [| LIMIT n]`.

use std::collections::BTreeMap;

use double_kit::Reply;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::lucene::value_at;
use crate::refusal;

pub(crate) fn answer(cluster: &Cluster, body: &Value) -> Reply {
    let query = body["query"].as_str().unwrap_or_default();
    let mut steps = query.split('|').map(str::trim);
    let first = steps.next().unwrap_or_default();
    let Some(from) = first.strip_prefix("FROM ") else {
        let word = first.split_whitespace().next().unwrap_or_default();
        let reason =
            format!("line 1:1: mismatched input '{word}' expecting {{'explain', 'row', 'from', 'show'}}");
        return refusal(400, "parsing_exception", &reason, json!({}));
    };
    let Ok(indices) = cluster.resolve(from.trim()) else {
        let reason = format!("Found 1 problem\nline 1:6: Unknown index [{from}]");
        return refusal(400, "verification_exception", &reason, json!({}));
    };
    let docs: Vec<&Value> = indices.iter().flat_map(|index| index.docs.iter().map(|(_, doc)| doc)).collect();
    let (mut limit, mut by) = (None, None);
    for step in steps {
        if let Some(count) = step.strip_prefix("LIMIT ") {
            limit = count.trim().parse::<usize>().ok();
        } else if let Some(field) = step.strip_prefix("STATS n = COUNT(*) BY ") {
            by = Some(field.trim());
        }
    }
    let (columns, mut rows): (Value, Vec<Value>) = match by {
        Some(field) => {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for doc in docs {
                if let Some(key) = value_at(doc, field).and_then(Value::as_str) {
                    *counts.entry(key.to_owned()).or_default() += 1;
                }
            }
            let columns = json!([{ "name": "n", "type": "long" }, { "name": field, "type": "keyword" }]);
            (columns, counts.into_iter().map(|(key, count)| json!([count, key])).collect())
        }
        None => {
            let columns =
                json!([{ "name": "@timestamp", "type": "date" }, { "name": "message", "type": "text" }]);
            (columns, docs.iter().map(|doc| json!([doc["@timestamp"], doc["message"]])).collect())
        }
    };
    rows.truncate(limit.unwrap_or(1000));
    let reply =
        Reply::json(200, &json!({ "took": 3, "is_partial": false, "columns": columns, "values": rows }));
    match limit {
        Some(_) => reply,
        None => reply.with(
            "warning",
            "299 Elasticsearch-8.17.0-abc \"No limit defined, adding default limit of [1000]\"",
        ),
    }
}
