//! Loki, played for tests: streams that are kept, and the part of LogQL that tests use.
//!
//! It behaves as the real one where that matters: windows without their end, limits, lines of one instant in any order,
//! no `data` where there is nothing, refusals in plain text.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a double fails by panicking, which fails the test"
)]

mod data;
mod examples;
mod logql;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use double_kit::{Contract, Double, Reply, Request};
use serde_json::{Value, json};

pub use examples::examples;
use logql::{Expr, Labels, Pipeline, nanos, parse};

/// The operations it knows.
const TABLE: &str = include_str!("../../../../components/loki/api.txt");

/// What Loki limits unless its operator says otherwise.
const MOST_ENTRIES: usize = 5000;
const MOST_SERIES: usize = 500;
const LONGEST: i64 = (30 * 24 + 1) * 3600 * 1_000_000_000;

type Entry = (i64, String);

/// One Loki.
#[derive(Debug)]
pub struct Loki {
    contract: Contract,
    streams: Mutex<BTreeMap<Labels, BTreeSet<Entry>>>,
    /// Requests for lines so far; each is told lines of one instant in another order.
    asked: AtomicUsize,
    /// Refuses requests of no tenant.
    has_tenants: bool,
    finds_patterns: bool,
}

/// A shop's Loki, whose checkout began to fail twelve minutes before `now`.
pub fn double(now: f64) -> Arc<dyn Double> {
    let loki = Loki::empty();
    data::fill(&loki, (now * 1e9) as i64);
    Arc::new(loki)
}

impl Default for Loki {
    fn default() -> Self {
        Self::empty()
    }
}

impl Loki {
    /// One without any stream.
    pub fn empty() -> Self {
        Self {
            contract: Contract::parse(TABLE),
            streams: Mutex::default(),
            asked: AtomicUsize::new(0),
            has_tenants: false,
            finds_patterns: true,
        }
    }

    /// The same, but it refuses whoever names no tenant.
    #[must_use]
    pub fn with_tenants(self) -> Self {
        Self { has_tenants: true, ..self }
    }

    /// The same without a pattern ingester.
    #[must_use]
    pub fn without_patterns(self) -> Self {
        Self { finds_patterns: false, ..self }
    }

    /// Takes a line in.
    pub fn push(&self, labels: &[(&str, &str)], at: i64, line: &str) {
        let labels: Labels =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.streams.lock().unwrap().entry(labels).or_default().insert((at, line.to_owned()));
    }

    /// The lines that a pipeline keeps from `start` until before `end`, with the labels they end up with.
    fn lines(&self, pipeline: &Pipeline, start: i64, end: i64) -> Vec<(Labels, Entry)> {
        let streams = self.streams.lock().unwrap();
        let selected = streams.iter().filter(|(labels, _)| pipeline.selects(labels));
        selected
            .flat_map(|(labels, entries)| {
                let within = entries.range((start, String::new())..(end, String::new()));
                within.filter_map(|entry| Some((pipeline.run(labels, &entry.1)?, entry.clone())))
            })
            .collect()
    }

    fn log_query(&self, ask: &Ask, pipeline: &Pipeline) -> Result<Value, String> {
        let limit = ask.number("limit").map_or(100, |limit| limit as usize);
        if limit > MOST_ENTRIES {
            return Err(format!(
                "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {MOST_ENTRIES})"
            ));
        }
        let (start, end) = ask.window()?;
        let mut lines = self.lines(pipeline, start, end);
        // Which of the lines of one instant are within the limit is not to be relied on.
        let turn = self.asked.fetch_add(1, Ordering::Relaxed) * 7;
        let length = lines.len().max(1);
        lines.rotate_left(turn % length);
        match ask.text("direction") {
            Some("forward") => lines.sort_by_key(|(_, (at, _))| *at),
            _ => lines.sort_by_key(|(_, (at, _))| std::cmp::Reverse(*at)),
        }
        lines.truncate(limit);
        let mut streams: BTreeMap<Labels, Vec<Value>> = BTreeMap::new();
        for (labels, (at, line)) in lines {
            streams.entry(labels).or_default().push(json!([at.to_string(), line]));
        }
        let result: Vec<Value> = streams
            .into_iter()
            .map(|(labels, values)| json!({ "stream": labels, "values": values }))
            .collect();
        Ok(json!({ "resultType": "streams", "result": result, "stats": {} }))
    }

    /// The counts at a moment: of lines after `at - range`, until `at`.
    fn count(&self, expr: &Expr, at: i64) -> BTreeMap<Labels, f64> {
        let Expr::Numbers { by, pipeline, range, rate } = expr else { return BTreeMap::new() };
        let mut counts = BTreeMap::new();
        for (labels, _) in self.lines(pipeline, at - range + 1, at + 1) {
            let labels = match by {
                None => labels,
                Some(by) => {
                    by.iter().filter_map(|name| Some((name.clone(), labels.get(name)?.clone()))).collect()
                }
            };
            *counts.entry(labels).or_default() += if *rate { 1e9 / *range as f64 } else { 1.0 };
        }
        counts
    }

    fn query(&self, ask: &Ask) -> Result<Value, String> {
        let at = ask.number("time").unwrap_or_default();
        match parse(ask.text("query").unwrap_or_default())? {
            Expr::Lines(_) => Err("log queries are not supported as an instant query type, please change your query to a range query type".to_owned()),
            Expr::Constant(number) => {
                Ok(json!({ "resultType": "scalar", "result": [at / 1_000_000_000, number.to_string()], "stats": {} }))
            }
            expr @ Expr::Numbers { .. } => {
                let told = |(labels, count): (Labels, f64)| json!({ "metric": labels, "value": [at as f64 / 1e9, count.to_string()] });
                let result: Vec<Value> = self.count(&expr, at).into_iter().map(told).collect();
                Ok(json!({ "resultType": "vector", "result": result, "stats": {} }))
            }
        }
    }

    fn query_range(&self, ask: &Ask) -> Result<Value, String> {
        let expr = parse(ask.text("query").unwrap_or_default())?;
        if let Expr::Lines(pipeline) = &expr {
            return self.log_query(ask, pipeline);
        }
        let (start, end) = ask.window()?;
        let step = ask.text("step").and_then(nanos).unwrap_or(60_000_000_000);
        if (end - start) / step > 11_000 {
            return Err("exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter".to_owned());
        }
        let mut series: BTreeMap<Labels, Vec<Value>> = BTreeMap::new();
        let mut at = start;
        while at <= end {
            for (labels, count) in self.count(&expr, at) {
                series.entry(labels).or_default().push(json!([at as f64 / 1e9, count.to_string()]));
            }
            at += step;
        }
        if series.len() > MOST_SERIES {
            return Err(format!(
                "maximum number of series ({MOST_SERIES}) reached for a single query; consider reducing query cardinality \
                 by adding more specific stream selectors, reducing the time range, or aggregating results with \
                 functions like sum, count or topk"
            ));
        }
        let result: Vec<Value> = series
            .into_iter()
            .map(|(labels, values)| json!({ "metric": labels, "values": values }))
            .collect();
        Ok(json!({ "resultType": "matrix", "result": result, "stats": {} }))
    }

    /// The streams that have a line in the window and are selected, with those lines.
    fn selected(&self, ask: &Ask, selectors: &[&str]) -> Result<Vec<(Labels, Vec<Entry>)>, String> {
        let (start, end) = ask.window()?;
        let pipelines = selectors
            .iter()
            .map(|selector| match parse(selector)? {
                Expr::Lines(pipeline) if !pipeline.has_stages() => Ok(pipeline),
                _ => Err("only label matchers are supported".to_owned()),
            })
            .collect::<Result<Vec<Pipeline>, String>>()?;
        let streams = self.streams.lock().unwrap();
        let within = |entries: &BTreeSet<Entry>| -> Vec<Entry> {
            entries.range((start, String::new())..(end, String::new())).cloned().collect()
        };
        Ok(streams
            .iter()
            .filter(|(labels, _)| {
                pipelines.is_empty() || pipelines.iter().any(|pipeline| pipeline.selects(labels))
            })
            .map(|(labels, entries)| (labels.clone(), within(entries)))
            .filter(|(_, entries)| !entries.is_empty())
            .collect())
    }

    fn names(&self, ask: &Ask, label: Option<&str>) -> Result<Value, String> {
        let selectors: Vec<&str> = ask.text("query").into_iter().collect();
        let found: BTreeSet<String> = self
            .selected(ask, &selectors)?
            .into_iter()
            .flat_map(|(labels, _)| match label {
                None => labels.into_keys().collect::<Vec<String>>(),
                Some(label) => labels.get(label).cloned().into_iter().collect(),
            })
            .collect();
        Ok(json!(found))
    }

    fn index(&self, ask: &Ask) -> Result<Value, String> {
        let found = self.selected(ask, &[ask.text("query").unwrap_or_default()])?;
        let entries = found.iter().map(|(_, entries)| entries.len()).sum::<usize>();
        let bytes = found.iter().flat_map(|(_, entries)| entries).map(|(_, line)| line.len()).sum::<usize>();
        Ok(json!({ "streams": found.len(), "chunks": found.len(), "entries": entries, "bytes": bytes }))
    }

    fn volume(&self, ask: &Ask) -> Result<Value, String> {
        let found = self.selected(ask, &[ask.text("query").unwrap_or_default()])?;
        let by: Vec<&str> = ask.text("targetLabels").unwrap_or("service_name").split(',').collect();
        let mut volumes: BTreeMap<Labels, usize> = BTreeMap::new();
        for (labels, entries) in found {
            let labels = labels.into_iter().filter(|(name, _)| by.contains(&name.as_str())).collect();
            *volumes.entry(labels).or_default() += entries.iter().map(|(_, line)| line.len()).sum::<usize>();
        }
        let told =
            |(labels, bytes): (Labels, usize)| json!({ "metric": labels, "value": [0, bytes.to_string()] });
        Ok(json!({ "resultType": "vector", "result": volumes.into_iter().map(told).collect::<Vec<Value>>() }))
    }

    /// Lines that begin alike.
    fn patterns(&self, ask: &Ask) -> Result<Value, String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (_, entries) in self.selected(ask, &[ask.text("query").unwrap_or_default()])? {
            for (_, line) in entries {
                let words: Vec<&str> = line.split(' ').take(2).collect();
                *counts.entry(format!("{} <_>", words.join(" "))).or_default() += 1;
            }
        }
        let told = |(pattern, count): (String, usize)| {
            let level = if pattern.contains("rror") { "error" } else { "info" };
            json!({ "pattern": pattern, "level": level, "samples": [[0, 1], [10, count - 1]] })
        };
        Ok(counts.into_iter().map(told).collect())
    }

    fn fields(&self, ask: &Ask) -> Result<Value, String> {
        let Expr::Lines(pipeline) = parse(ask.text("query").unwrap_or_default())? else {
            return Err("only log selector is supported".to_owned());
        };
        let (start, end) = ask.window()?;
        let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (_, (_, line)) in self.lines(&pipeline, start, end) {
            for (name, value) in
                serde_json::from_str::<Value>(&line).ok().iter().filter_map(Value::as_object).flatten()
            {
                fields.entry(name.clone()).or_default().insert(value.to_string());
            }
        }
        let told = |(name, values): (String, BTreeSet<String>)| {
            let kind = if values.iter().all(|value| value.parse::<i64>().is_ok()) { "int" } else { "string" };
            json!({ "label": name, "type": kind, "cardinality": values.len(), "parsers": ["json"] })
        };
        Ok(json!({ "fields": fields.into_iter().map(told).collect::<Vec<Value>>(), "limit": 1000 }))
    }
}

/// The parameters of a request, from the query or the form.
struct Ask(Vec<(String, String)>);

impl Ask {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    fn window(&self) -> Result<(i64, i64), String> {
        let (start, end) =
            (self.number("start").unwrap_or(i64::MIN / 4), self.number("end").unwrap_or(i64::MAX / 4));
        match end - start {
            ..=0 => Err("end timestamp must not be before or equal to start time".to_owned()),
            length if length > LONGEST && start > 0 => Err(format!(
                "the query time range exceeds the limit (query length: {}h0m0s, limit: 30d1h)",
                length / 3_600_000_000_000
            )),
            _ => Ok((start, end)),
        }
    }
}

impl Double for Loki {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn answer(&self, request: &Request) -> Reply {
        let pairs = if request.method == "POST" { request.form() } else { request.query.clone() };
        let ask = Ask(pairs);
        let tenant = request.header("x-scope-orgid").is_some();
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if self.has_tenants && !tenant && !matches!(segments.as_slice(), ["ready"] | [.., "buildinfo"]) {
            return Reply::text(401, "no org id\n");
        }
        let bare = |found: Result<Value, String>| match found {
            Ok(found) => Reply::json(200, &found),
            Err(why) => Reply::text(400, &format!("{why}\n")),
        };
        // Nothing is not even an empty list.
        let data = |found: Result<Value, String>| {
            bare(found.map(|found| match found.as_array().map(Vec::len) {
                Some(0) => json!({ "status": "success" }),
                _ => json!({ "status": "success", "data": found }),
            }))
        };
        match segments.as_slice() {
            ["ready"] => Reply::text(200, "ready\n"),
            [.., "query"] => data(self.query(&ask)),
            [.., "query_range"] => data(self.query_range(&ask)),
            [.., "labels"] => data(self.names(&ask, None)),
            [.., "label", name, "values"] => data(self.names(&ask, Some(name))),
            [.., "series"] => {
                let selectors: Vec<&str> = request.params("match[]").collect();
                let found = self.selected(&ask, &selectors);
                data(found.map(|found| found.into_iter().map(|(labels, _)| json!(labels)).collect()))
            }
            [.., "index", "stats"] => bare(self.index(&ask)),
            [.., "index", "volume"] => data(self.volume(&ask)),
            [.., "patterns"] if self.finds_patterns => data(self.patterns(&ask)),
            [.., "detected_fields"] => bare(self.fields(&ask)),
            [.., "buildinfo"] => {
                Reply::json(200, &json!({ "version": "3.5.0", "revision": "abc", "goVersion": "go1.24" }))
            }
            _ => Reply::text(404, "404 page not found\n"),
        }
    }
}
