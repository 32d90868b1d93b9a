//! Errors in Elasticsearch's own words, as the kind of error that says who can mend it.
//!
//! A body is `{error: {type, reason, root_cause: [{type, reason}], failed_shards, caused_by}, status}`, or `{error: "text"}`
//! where no handler took the request. What went wrong is in the root cause; how deep, in `caused_by`.

use bulkhead_sdk::Response;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, shortened, text};

/// Enough of a reason to act on.
const LONGEST: usize = 400;

/// Words of a refusal, the argument they are about, and what to do.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "Fielddata is disabled",
        "aggs",
        "that field is text: name its `.keyword` sub-field or another aggregatable one (`mappings` tells)",
    ),
    ("in order to sort on", "sort", "sort by a field that the index has (`mappings` tells)"),
    (
        "Failed to parse query",
        "query",
        "escape or quote Lucene's special characters, or pass a query DSL object",
    ),
    ("failed to parse date field", "time_field", "`from` and `to` need a date field"),
    ("invalid_index_name_exception", "index", "name an index, alias, data stream or pattern"),
    ("Result window is too large", "limit", "ask for fewer, and page with `cursor`"),
    (
        "too_many_buckets",
        "aggs",
        "a larger interval, a shorter time range or fewer levels make fewer buckets",
    ),
    ("unknown aggregation", "aggs", "see the aggregations of Elasticsearch"),
];

/// What a refusal means.
pub(crate) fn told(response: &Response, path: &str, blame: &str) -> Error {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let Some(words) = words(&body) else { return foreign(response, path) };
    let status = response.status;
    match status {
        401 | 403 => refused(status, &words),
        404 => Error::not_found(match words.contains("index_not_found_exception") {
            true => format!("{words}; `indices` lists what there is"),
            false => words,
        }),
        429 => busy(response, &words),
        408 | 502..=504 => Error::unavailable(format!("{words} ({status})"), None),
        400 => bad(&words, blame),
        500.. => Error::upstream(status, format!("{words} (a retry may help)")),
        _ => Error::upstream(status, format!("{words} (the same request would fail again)")),
    }
}

/// An answer that is not Elasticsearch's: a proxy, a login page, another server.
pub(crate) fn foreign(response: &Response, path: &str) -> Error {
    match response.status {
        200..=399 => Error::upstream(
            response.status,
            format!(
                "{path} did not answer with Elasticsearch's JSON; this begins with `{}`: check the service's `url`",
                shortened(response.text().trim(), 60)
            ),
        ),
        _ => response.error(),
    }
}

/// `type: reason`, of the cause that says most; none if the body is not Elasticsearch's.
fn words(body: &Value) -> Option<String> {
    let error = &body["error"];
    if let Some(words) = error.as_str() {
        return Some(shortened(words, LONGEST));
    }
    let top = text(error, "/type");
    if top.is_empty() {
        return None;
    }
    let shards = list(error, "/failed_shards");
    let cause = match (list(error, "/root_cause").first(), shards.first()) {
        (Some(root), _) if !text(root, "/type").is_empty() => root,
        (_, Some(shard)) => &shard["reason"],
        _ => error,
    };
    Some(shortened(&reason(cause), LONGEST))
}

/// `type: reason`, and the deepest cause below it.
pub(crate) fn reason(cause: &Value) -> String {
    let mut told = format!("{}: {}", text(cause, "/type"), text(cause, "/reason"));
    let mut deepest = cause;
    while deepest["caused_by"].is_object() {
        deepest = &deepest["caused_by"];
    }
    let below = text(deepest, "/reason");
    if !below.is_empty() && !told.contains(below) {
        told = format!("{told} (because: {below})");
    }
    told
}

fn refused(status: u16, words: &str) -> Error {
    Error::denied(match status {
        401 => format!(
            "Elasticsearch wants a credential or refused the one it got (401): {words}; the operator sets it for this service"
        ),
        _ if words.contains("cluster_block_exception") => {
            format!("blocked (403): {words}; an operator has to lift the block")
        }
        _ => format!(
            "Elasticsearch forbids this (403): {words}; the privileges of the service's credential are the operator's to mend"
        ),
    })
}

/// Too much at once: of requests, or of memory for this one.
fn busy(response: &Response, words: &str) -> Error {
    let wait = match response.error() {
        Error::RateLimited { retry_after, .. } => retry_after,
        _ => None,
    };
    let next = match words.contains("circuit_breaking") {
        true => "memory is short: ask for less (a shorter time range, fewer buckets), or retry later",
        false => "the cluster is overloaded: retry later; `diagnose` tells why",
    };
    Error::rate_limited(format!("{words} (429; {next})"), wait)
}

fn bad(words: &str, blame: &str) -> Error {
    match KNOWN.iter().find(|(sign, ..)| words.contains(sign)) {
        Some((_, argument, next)) => Error::invalid(argument, format!("{words}; {next}")),
        None => Error::invalid(blame, words),
    }
}

/// What a 200 leaves out: shards that failed, a search that ran out of time.
pub(crate) fn remarks(answer: &Value) -> Vec<String> {
    let mut remarks = Vec::new();
    let shards = &answer["_shards"];
    let failed = shards["failed"].as_u64().unwrap_or(0);
    if failed > 0 {
        let why = list(shards, "/failures").first().map(|first| reason(&first["reason"]));
        let why = why.map_or(String::new(), |why| format!(": {}", shortened(&why, LONGEST)));
        remarks.push(format!("partial: {failed} of {} shards failed{why}", shards["total"]));
    }
    if shards["total"] == 0 {
        remarks.push("no index fits that pattern; `indices` lists what there is".to_owned());
    }
    if answer["timed_out"] == true {
        remarks.push("partial: the search ran out of time; narrow the time range or the query".to_owned());
    }
    if answer["terminated_early"] == true {
        remarks.push("partial: the search ended early".to_owned());
    }
    remarks
}
