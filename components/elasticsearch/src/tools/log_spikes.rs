//! `log_spikes`: errors in a window against the window before it, where they come from, and what they say.

use bulkhead_sdk::duration::Span;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{When, rfc3339, unix};
use bulkhead_sdk::value::{list, put};
use serde_json::Map;

use super::remark;
use crate::Elasticsearch;
use crate::failure::remarks;
use crate::hits;
use crate::query::{Range, TextOrObject, clause};
use crate::shape::Cutter;

/// Where shippers keep the level, and what they call an error there.
const LEVELS: [&str; 4] = ["log.level", "level", "severity", "severity_text"];
const ERRORS: [&str; 8] = ["error", "err", "fatal", "critical", "crit", "panic", "severe", "emergency"];
/// What tells parts of a system apart, if the index has it.
const BY: [&str; 6] = [
    "service.name",
    "host.name",
    "kubernetes.namespace",
    "kubernetes.container.name",
    "log.logger",
    "error.type",
];
const WINDOW: Span = Span(900.0);
const SAMPLES: usize = 5;
const VALUES: usize = 10;
const BARS: f64 = 20.0;
const LONGEST: usize = 400;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct LogSpikes {
    /// `logs-*`.
    index: Option<String>,
    /// What is an error, as in search.
    query: Option<TextOrObject>,
    /// Default `15m`.
    window: Option<Span>,
    /// Its end.
    to: Option<When>,
    /// Keyword fields to group by: `["service.name"]`.
    #[schemars(length(max = 8))]
    by: Option<Vec<String>>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Spikes {
    by: Map<String, Value>,
}

pub(crate) fn add(tools: Tools<Elasticsearch>) -> Tools<Elasticsearch> {
    tools.add(
        Tool::reads(
            "log_spikes",
            "Log spikes",
            "Log errors in a window against the one before: counts, timeline, values that grew, newest lines.",
            log_spikes,
        )
        .output::<Spikes>(),
    )
}

async fn log_spikes(service: &Elasticsearch, args: LogSpikes, call: &Call) -> Result<Output> {
    let index = service.index(args.index.as_deref())?;
    let field = service.time_field(None);
    let window = args.window.unwrap_or(WINDOW).0;
    let to = args.to.unwrap_or(When::FromNow(0.0)).resolve(unix(call.now()));
    let range = |from: f64, to: f64| Range { field, from: Some(from), to: Some(to) };
    let (now, both) = (range(to - window, to), range(to - 2.0 * window, to));
    let before = range(to - 2.0 * window, to - window);
    let by = groups(service, index, args.by.as_deref()).await?;
    let query = args.query.unwrap_or_else(|| TextOrObject::Text(errors()));
    let windows = json!({ "now": { "filter": now.clause() }, "before": { "filter": before.clause() } });
    let mut aggs = windows.clone();
    let interval = format!("{}s", (window * 2.0 / BARS).ceil().max(1.0));
    let timeline = json!({ "field": field, "fixed_interval": interval, "min_doc_count": 1 });
    put(&mut aggs, "timeline", json!({ "date_histogram": timeline }));
    for (at, field) in by.iter().enumerate() {
        let order = json!([{ "now": "desc" }, { "_count": "desc" }]);
        let terms = json!({ "field": field, "size": VALUES, "order": order });
        put(&mut aggs, format!("by{at}"), json!({ "terms": terms, "aggs": windows }));
    }
    let body = json!({
        "query": clause(Some(&query), &both),
        "sort": [{ field: { "order": "desc", "unmapped_type": "date" } }],
        "size": SAMPLES,
        "track_total_hits": false,
        "timeout": "20s",
        "aggregations": aggs,
    });
    let answer = service.api.post(&[index, "_search"], &body).blame("query").object().await?;
    told(&answer, &by, (&before, &now))
}

fn told(answer: &Value, by: &[String], (before, now): (&Range<'_>, &Range<'_>)) -> Result<Output> {
    let aggs = &answer["aggregations"];
    let count = |of: &Value, window: &str| of[window].get("doc_count").and_then(Value::as_u64);
    let (Some(here), Some(past)) = (count(aggs, "now"), count(aggs, "before")) else {
        return Err(Error::failed("Elasticsearch's answer to _search has no aggregations"));
    };
    let value = |bucket: &Value| {
        json!({
            "value": bucket.get("key_as_string").unwrap_or(&bucket["key"]),
            "now": count(bucket, "now"),
            "before": count(bucket, "before"),
        })
    };
    let mut groups = Map::new();
    for (at, field) in by.iter().enumerate() {
        let mut values: Vec<Value> = list(aggs, &format!("/by{at}/buckets")).iter().map(value).collect();
        let grown = |one: &Value| one["now"].as_i64().unwrap_or(0) - one["before"].as_i64().unwrap_or(0);
        values.sort_by_key(|one| std::cmp::Reverse(grown(one)));
        if !values.is_empty() {
            groups.insert(field.clone(), values.into());
        }
    }
    let bars = list(aggs, "/timeline/buckets");
    let timeline: Vec<Value> =
        bars.iter().map(|bar| json!({ "at": bar["key_as_string"], "count": bar["doc_count"] })).collect();
    let mut cutter = Cutter::default();
    let samples: Vec<Value> =
        hits::of(answer).iter().map(|hit| hits::brief(hit, LONGEST, &mut cutter)).collect();
    let end = |at: Option<f64>| at.map(rfc3339);
    let mut out = json!({
        "now": { "count": here, "from": end(now.from), "to": end(now.to) },
        "before": { "count": past, "from": end(before.from), "to": end(before.to) },
        "change": change(here, past),
        "by": groups,
        "timeline": timeline,
        "samples": samples,
    });
    let mut warnings = remarks(answer);
    if here + past == 0 {
        warnings.push("nothing fits: if these logs keep their level elsewhere, give `query`; `mappings` tells the fields".into());
    }
    if let Some(out) = out.as_object_mut() {
        remark(out, "cut", cutter.cut);
        remark(out, "warnings", warnings);
    }
    Ok(Output::json(&out))
}

/// Levels are keywords, which are compared letter by letter: each word is looked for in the three ways it is written.
fn errors() -> String {
    let cased = |word: &str| {
        let (first, rest) = word.split_at(1);
        format!("{word} OR {} OR {}{rest}", word.to_uppercase(), first.to_uppercase())
    };
    let words = ERRORS.map(cased).join(" OR ");
    LEVELS.map(|field| format!("{field}:({words})")).join(" OR ")
}

/// The fields to group by. A text does not aggregate, but what dynamic mapping puts below it does; of the fields that are
/// not asked for by name, those that do not exist are left out.
async fn groups(service: &Elasticsearch, index: &str, asked: Option<&[String]>) -> Result<Vec<String>> {
    let named: Vec<&str> = match asked {
        Some(asked) => asked.iter().map(String::as_str).collect(),
        None => BY.to_vec(),
    };
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let candidates = named.iter().map(|name| format!("{name},{name}.keyword")).collect::<Vec<_>>().join(",");
    let caps =
        service.api.get(&[index, "_field_caps"]).with("fields", candidates).blame("by").object().await?;
    let kinds =
        |name: &str| caps.get("fields").and_then(|fields| fields.get(name)).and_then(Value::as_object);
    let aggregates =
        |name: &str| kinds(name).is_some_and(|kinds| kinds.values().all(|kind| kind["aggregatable"] == true));
    let mut groups = Vec::new();
    for name in named {
        let below = format!("{name}.keyword");
        if aggregates(name) {
            groups.push(name.to_owned());
        } else if aggregates(&below) {
            groups.push(below);
        } else if asked.is_some() {
            let why =
                if kinds(name).is_some() { "does not aggregate" } else { "is no field of these indices" };
            return Err(Error::invalid("by", format!("`{name}` {why}: `mappings` tells those that do")));
        }
    }
    Ok(groups)
}

fn change(now: u64, before: u64) -> String {
    match (now, before) {
        (0, 0) => "none".to_owned(),
        (_, 0) => "new".to_owned(),
        (now, before) => format!("x{:.1}", now as f64 / before as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_found_however_they_are_written() {
        let words = errors();
        assert!(
            words.starts_with("log.level:(error OR ERROR OR Error OR err OR ERR OR Err OR fatal"),
            "{words}"
        );
        assert_eq!(words.matches(":(").count(), LEVELS.len());
    }

    #[test]
    fn a_change_is_a_factor() {
        assert_eq!([change(0, 0), change(3, 0), change(9, 2), change(0, 4)], ["none", "new", "x4.5", "x0.0"]);
    }
}
