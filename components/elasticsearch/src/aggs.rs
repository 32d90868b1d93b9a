//! Aggregations: the short form, and results without their wrapping.

use bulkhead_sdk::prelude::*;
use serde_json::Map;

use crate::query::TextOrObject;

/// The most buckets of one aggregation that are shown, and of all with those below them.
const MOST_BUCKETS: usize = 100;
const MOST_IN_ALL: usize = 1000;
const METRICS: [&str; 8] = ["avg", "min", "max", "sum", "cardinality", "value_count", "percentiles", "stats"];

/// What Elasticsearch is to aggregate. Levels of the short form are named by their own words.
pub(crate) fn wanted(aggs: &TextOrObject, time_field: &str) -> Result<Value> {
    match aggs.settled() {
        TextOrObject::Text(words) => short(&words, time_field),
        TextOrObject::Object(mut object) => Ok(match (object.len(), object.remove("aggs")) {
            (1, Some(inner)) => inner,
            (_, inner) => {
                object.extend(inner.map(|inner| ("aggs".to_owned(), inner)));
                object.into()
            }
        }),
    }
}

/// `date_histogram:1h > terms:host.name:5 > avg:duration`, outermost first.
fn short(words: &str, time_field: &str) -> Result<Value> {
    let mut below: Option<Value> = None;
    for level in words.split('>').map(str::trim).rev() {
        let mut one = level_of(level, time_field)?;
        if let (Some(below), Some(object)) = (below.take(), one.as_object_mut()) {
            if METRICS.iter().any(|metric| object.contains_key(*metric)) {
                return Err(Error::invalid(
                    "aggs",
                    format!("`{level}` makes no buckets, so nothing is below it"),
                ));
            }
            object.insert("aggs".into(), below);
        }
        below = Some(json!({ level: one }));
    }
    Ok(below.unwrap_or_default())
}

fn level_of(level: &str, time_field: &str) -> Result<Value> {
    let parts: Vec<&str> = level.split(':').collect();
    match *parts.as_slice() {
        ["terms", field] if !field.is_empty() => Ok(json!({ "terms": { "field": field } })),
        ["terms", field, size] if !field.is_empty() => match size.parse::<u16>() {
            Ok(size @ 1..=1000) => Ok(json!({ "terms": { "field": field, "size": size } })),
            _ => Err(Error::invalid("aggs", format!("`{size}` in `{level}` is no number of 1 to 1000"))),
        },
        ["date_histogram", interval] if !interval.is_empty() => Ok(histogram(interval, time_field)),
        ["date_histogram", interval, field] if !interval.is_empty() => Ok(histogram(interval, field)),
        [metric, field] if METRICS.contains(&metric) && !field.is_empty() => {
            Ok(json!({ metric: { "field": field } }))
        }
        _ => Err(Error::invalid(
            "aggs",
            format!(
                "`{level}` is not `terms:FIELD:SIZE`, `date_histogram:INTERVAL` or METRIC:FIELD ({}); for others pass an object",
                METRICS.join(", ")
            ),
        )),
    }
}

fn histogram(interval: &str, field: &str) -> Value {
    // Weeks, months and longer have no fixed length.
    let kind = if interval.ends_with(['w', 'M', 'q', 'y']) { "calendar_interval" } else { "fixed_interval" };
    json!({ "date_histogram": { "field": field, kind: interval, "min_doc_count": 1 } })
}

/// Results by name: buckets as a list of `{key, count, …}`, one number as that number, others as they are.
pub(crate) fn results(aggregations: &Value) -> Value {
    let (named, mut left) = (aggregations.as_object().into_iter().flatten(), MOST_IN_ALL);
    Value::Object(named.map(|(name, result)| (name.clone(), result_of(result, &mut left))).collect())
}

/// A level takes its buckets out of what is left before those below it do.
fn result_of(result: &Value, left: &mut usize) -> Value {
    let buckets: Vec<(Option<&str>, &Value)> = match &result["buckets"] {
        Value::Array(buckets) => buckets.iter().map(|bucket| (None, bucket)).collect(),
        Value::Object(named) => named.iter().map(|(key, bucket)| (Some(key.as_str()), bucket)).collect(),
        _ => return single(result, left),
    };
    let most = MOST_BUCKETS.min(*left).min(buckets.len());
    *left -= most;
    let left_out = buckets.len() - most;
    // Of a timeline the newest are kept, of others the first, which are the largest.
    let newest = buckets.first().is_some_and(|(_, first)| is_time(first));
    let skipped = if newest { left_out } else { 0 };
    let shown: Vec<Value> =
        buckets.into_iter().skip(skipped).take(most).map(|bucket| bucket_of(bucket, left)).collect();
    let mut out = Map::from_iter([("buckets".to_owned(), Value::Array(shown))]);
    if left_out > 0 {
        out.insert("buckets_left_out".into(), left_out.into());
    }
    for (from, to) in [("sum_other_doc_count", "in_other_buckets"), ("after_key", "after_key")] {
        if result.get(from).is_some_and(|value| *value != 0) {
            out.insert(to.into(), result[from].clone());
        }
    }
    out.into()
}

fn is_time(bucket: &Value) -> bool {
    bucket["key"].is_number() && bucket["key_as_string"].as_str().is_some_and(|key| key.contains('T'))
}

fn bucket_of((name, bucket): (Option<&str>, &Value), left: &mut usize) -> Value {
    let key = bucket.get("key_as_string").or_else(|| bucket.get("key")).cloned();
    let mut out = Map::new();
    out.insert("key".into(), key.or_else(|| name.map(Value::from)).unwrap_or_default());
    out.insert("count".into(), bucket["doc_count"].clone());
    for (name, value) in bucket.as_object().into_iter().flatten() {
        if !matches!(name.as_str(), "key" | "key_as_string" | "doc_count") {
            out.insert(name.clone(), if value.is_object() { result_of(value, left) } else { value.clone() });
        }
    }
    out.into()
}

/// A metric, or one bucket with aggregations below it.
fn single(result: &Value, left: &mut usize) -> Value {
    match result.as_object() {
        Some(object) if object.contains_key("value") && object.len() <= 2 => {
            object.get("value_as_string").or_else(|| object.get("value")).cloned().unwrap_or_default()
        }
        Some(object) if object.len() == 1 && object.contains_key("values") => result["values"].clone(),
        Some(object) if object.contains_key("doc_count") => {
            let each = object.iter().map(|(name, value)| match name.as_str() {
                "doc_count" => ("count".to_owned(), value.clone()),
                _ if value.is_object() => (name.clone(), result_of(value, left)),
                _ => (name.clone(), value.clone()),
            });
            Value::Object(each.collect())
        }
        _ => result.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &str) -> Result<Value> {
        wanted(&TextOrObject::Text(words.to_owned()), "@timestamp")
    }

    #[test]
    fn levels_nest_from_left_to_right() {
        assert_eq!(
            text("date_histogram:1h > terms:host.name:5 > avg:duration").unwrap(),
            json!({ "date_histogram:1h": {
                "date_histogram": { "field": "@timestamp", "fixed_interval": "1h", "min_doc_count": 1 },
                "aggs": { "terms:host.name:5": {
                    "terms": { "field": "host.name", "size": 5 },
                    "aggs": { "avg:duration": { "avg": { "field": "duration" } } },
                } },
            } })
        );
        let monthly = text("date_histogram:1M:created").unwrap();
        assert_eq!(monthly["date_histogram:1M:created"]["date_histogram"]["calendar_interval"], "1M");
    }

    #[test]
    fn what_is_no_level_is_told() {
        for bad in ["", "terms:", "terms:a:0", "top:a", "avg:a > terms:b", "date_histogram:", "terms:a >"] {
            let error = text(bad).unwrap_err().to_string();
            assert!(error.starts_with("arguments.aggs: `"), "{bad}: {error}");
        }
    }

    #[test]
    fn an_object_is_elasticsearchs_own() {
        let own = json!({ "x": { "avg": { "field": "a" } } });
        assert_eq!(text(&own.to_string()).unwrap(), own);
        assert_eq!(text(&json!({ "aggs": own }).to_string()).unwrap(), own);
        assert_eq!(text(r#"{"aggs":{},"x":{}}"#).unwrap(), json!({ "aggs": {}, "x": {} }));
    }

    #[test]
    fn results_lose_their_wrapping_and_nothing_else() {
        let raw = json!({
            "a": { "value": 3.0 },
            "m": { "value": 5.0, "value_as_string": "1970" },
            "p": { "values": { "50.0": 1.0 } },
            "s": { "count": 1, "min": 2 },
            "f": { "doc_count": 4, "in": { "value": 1 } },
            "t": { "sum_other_doc_count": 7, "doc_count_error_upper_bound": 0, "buckets": [
                { "key": 1, "key_as_string": "one", "doc_count": 2, "sub": { "value": 9 }, "to": 5 } ] },
            "k": { "buckets": { "late": { "doc_count": 1 } } },
        });
        assert_eq!(
            results(&raw),
            json!({
                "a": 3.0, "m": "1970", "p": { "50.0": 1.0 }, "s": { "count": 1, "min": 2 },
                "f": { "count": 4, "in": 1 },
                "t": { "buckets": [{ "key": "one", "count": 2, "sub": 9, "to": 5 }], "in_other_buckets": 7 },
                "k": { "buckets": [{ "key": "late", "count": 1 }] },
            })
        );
    }

    #[test]
    fn many_buckets_are_cut_and_told() {
        let buckets: Vec<Value> = (0..103).map(|key| json!({ "key": key, "doc_count": 1 })).collect();
        let out = results(&json!({ "t": { "buckets": buckets } }));
        assert_eq!(
            (out["t"]["buckets"].as_array().unwrap().len(), &out["t"]["buckets_left_out"]),
            (100, &json!(3))
        );
    }

    #[test]
    fn of_a_timeline_the_newest_are_kept() {
        let bucket = |at: u32| json!({ "key": at, "key_as_string": format!("T{at}"), "doc_count": 1 });
        let out = results(&json!({ "t": { "buckets": (0..103).map(bucket).collect::<Vec<_>>() } }));
        assert_eq!(
            (&out["t"]["buckets"][0]["key"], &out["t"]["buckets"][99]["key"]),
            (&json!("T3"), &json!("T102"))
        );
    }

    #[test]
    fn levels_share_what_may_be_shown() {
        let many = |below: Option<Value>| -> Vec<Value> {
            let bucket = |key: usize| match &below {
                Some(below) => json!({ "key": key, "doc_count": 1, "below": { "buckets": below } }),
                None => json!({ "key": key, "doc_count": 1 }),
            };
            (0..100).map(bucket).collect()
        };
        let out = results(&json!({ "t": { "buckets": many(Some(many(None).into())) } }));
        let shown = out["t"]["buckets"].as_array().unwrap();
        let below = |at: usize| shown[at]["below"]["buckets"].as_array().unwrap().len();
        assert_eq!((shown.len(), below(8), below(9)), (100, 100, 0));
        assert_eq!(shown[9]["below"]["buckets_left_out"], 100);
    }
}
