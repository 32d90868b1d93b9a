//! `search`: documents that fit a query, a count of them, or what they aggregate to.

use bulkhead_sdk::list::Key;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{When, unix};
use serde_json::Map;

use super::remark;
use crate::Elasticsearch;
use crate::aggs;
use crate::failure::remarks;
use crate::hits::{self, Place};
use crate::query::{Range, TextOrObject, clause, sort};
use crate::shape::Cutter;

const DEFAULT_LIMIT: usize = 20;

/// The longest text of a hit, and of one that is asked for by its id.
const LONGEST: usize = 1000;
const WHOLE: usize = 50_000;

/// Counting on after this many hits would cost more than the hits.
const COUNTED: u32 = 10_000;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Search {
    /// `logs-*`.
    index: Option<String>,
    /// Lucene (`level:error AND message:"timed out"`) or DSL.
    query: Option<TextOrObject>,
    /// Oldest: `-1h`.
    from: Option<When>,
    /// Newest.
    to: Option<When>,
    /// Default `@timestamp`.
    time_field: Option<String>,
    /// `_id` of a hit, to get it uncut.
    id: Option<String>,
    /// `["message","host.*"]`.
    #[schemars(length(max = 50))]
    fields: Option<Vec<String>>,
    /// `took:desc,_score`; default newest.
    sort: Option<String>,
    /// `date_histogram:1h > terms:host.name:5 > avg:took` or DSL.
    aggs: Option<TextOrObject>,
    /// Default 20; 0 counts.
    #[serde(skip_serializing)]
    #[schemars(range(min = 0, max = 500))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Found {
    hits: Vec<Value>,
}

pub(crate) fn add(tools: Tools<Elasticsearch>) -> Tools<Elasticsearch> {
    tools.add(
        Tool::reads(
            "search",
            "Search",
            "Search, count or aggregate documents or logs: total, flat hits (long texts cut), buckets.",
            search,
        )
        .output::<Found>(),
    )
}

async fn search(service: &Elasticsearch, args: Search, call: &Call) -> Result<Output> {
    let index = service.index(args.index.as_deref())?;
    let range =
        Range::new(service.time_field(args.time_field.as_deref()), args.from, args.to, unix(call.now()))?;
    let mut query = clause(args.query.as_ref(), &range);
    if let Some(id) = &args.id {
        query = json!({ "bool": { "filter": [{ "ids": { "values": [id] } }, query] } });
    }
    let limit = args.limit.map(|limit| limit as usize);
    match (&args.aggs, limit) {
        (None, Some(0)) => count(service, index, &query).await,
        (aggs, limit) => {
            let limit = limit.unwrap_or(if aggs.is_some() { 0 } else { DEFAULT_LIMIT });
            find(service, index, query, &args, limit).await
        }
    }
}

/// Exact, and cheaper than a search that counts to the end.
async fn count(service: &Elasticsearch, index: &str, query: &Value) -> Result<Output> {
    let ask = service.api.post(&[index, "_count"], &json!({ "query": query })).blame("query");
    let answer = ask.object().await?;
    let Some(total) = answer.get("count").and_then(Value::as_u64) else {
        return Err(Error::failed("Elasticsearch's answer to _count has no count"));
    };
    let mut out = Map::from_iter([("total".to_owned(), total.into()), ("hits".to_owned(), json!([]))]);
    remark(&mut out, "warnings", remarks(&answer));
    Ok(Output::json(&out))
}

async fn find(
    service: &Elasticsearch,
    index: &str,
    query: Value,
    args: &Search,
    limit: usize,
) -> Result<Output> {
    let key = Key::new("search", args)?;
    let place: Place = match &args.cursor {
        Some(cursor) => serde_json::from_str(&key.word(cursor)?).map_err(|_| {
            Error::invalid("cursor", "is not a cursor: pass `next_cursor` of the previous answer, unchanged")
        })?,
        None => Place::default(),
    };
    let time_field = service.time_field(args.time_field.as_deref());
    let sort = match &args.sort {
        Some(words) => sort(words)?,
        // An index without that field is searched all the same.
        None => json!([{ time_field: { "order": "desc", "unmapped_type": "date" } }]),
    };
    let mut body = json!({
        "query": query,
        "sort": sort,
        "size": if limit == 0 { 0 } else { place.size(limit) },
        "track_total_hits": COUNTED,
        "timeout": "20s",
    });
    let fields = args.fields.as_ref().filter(|fields| !fields.is_empty()).map(|fields| json!(fields));
    let aggregations = args.aggs.as_ref().map(|wanted| aggs::wanted(wanted, time_field)).transpose()?;
    for (name, value) in
        [("_source", fields), ("search_after", place.after.clone()), ("aggregations", aggregations)]
    {
        if let (Some(value), Some(body)) = (value, body.as_object_mut()) {
            body.insert(name.into(), value);
        }
    }
    let blame = if args.aggs.is_some() { "aggs" } else { "query" };
    let answer = service.api.post(&[index, "_search"], &body).blame(blame).object().await?;
    let longest = if args.id.is_some() { WHOLE } else { LONGEST };
    told(&answer, place, (limit, longest), key)
}

fn told(answer: &Value, place: Place, (limit, longest): (usize, usize), key: Key) -> Result<Output> {
    let (total, at_least) = hits::total(answer);
    if !total.is_u64() {
        return Err(Error::failed("Elasticsearch's answer to _search has no total"));
    }
    let shown = hits::page(hits::of(answer).to_vec(), place, limit);
    let mut cutter = Cutter::default();
    let hits: Vec<Value> = shown.hits.iter().map(|hit| hits::brief(hit, longest, &mut cutter)).collect();
    let mut out = Map::from_iter([("total".to_owned(), total), ("shown".to_owned(), hits.len().into())]);
    if at_least {
        out.insert("total_is".into(), "at least; `limit: 0` counts exactly".into());
    }
    if let Some(next) = shown.next.filter(|_| limit > 0) {
        out.insert("next_cursor".into(), key.cursor(serde_json::to_string(&next)?).into());
    }
    if answer["aggregations"].is_object() {
        let results = cutter.value("aggs", aggs::results(&answer["aggregations"]), LONGEST);
        out.insert("aggs".into(), results);
    }
    out.insert("hits".into(), hits.into());
    remark(&mut out, "cut", cutter.cut);
    let mut warnings = remarks(answer);
    if shown.stuck {
        warnings.push(
            "no next page: too many hits have equal sort values; `sort` by a field that tells them apart"
                .into(),
        );
    }
    remark(&mut out, "warnings", warnings);
    Ok(Output::json(&out))
}
