//! `patterns`: what lines look like, and which fields are in them.
//!
//! Loki finds patterns only where its pattern ingester is on, and only of the last hours. Where it has none, they are made
//! here of the latest lines.

use bulkhead_sdk::join;
use bulkhead_sdk::list::Key;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{When, Window};
use bulkhead_sdk::value::{list, take, text};

use super::selector;
use crate::api::{Api, Ask};
use crate::lines::{self, Direction};
use crate::{Loki, logql, pattern};

const HOUR: f64 = 3600.0;
/// Patterns shown, and fields. The rarer ones are counted.
const MOST: usize = 30;
/// Lines that patterns are made of where Loki has none.
const SAMPLED: usize = 1000;
const SAMPLE_LENGTH: usize = 300;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct Patterns {
    /// Which lines: `{app="x"}`.
    query: String,
    /// Default `-1h`.
    start: Option<When>,
    /// Default now.
    end: Option<When>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Answer {
    patterns: Vec<Value>,
}

pub(super) fn tool() -> Tool<Loki> {
    Tool::reads(
        "patterns",
        "Patterns",
        "What lines look like: patterns with counts, and fields with type, cardinality and parser.",
        patterns,
    )
    .output::<Answer>()
}

async fn patterns(service: &Loki, args: Patterns, call: &Call) -> Result<Output> {
    if !logql::gives_lines(&args.query) {
        return Err(Error::invalid("query", "expected a query that gives lines, such as `{app=\"x\"}`"));
    }
    let api = &service.api;
    let window = Window::resolve(args.start, args.end, HOUR, call)?;
    let selector = selector(&args.query, "query")?;
    // Loki's patterns are of the selector alone: what follows it would not count.
    let alone = logql::pipeline(&args.query) == Some("");
    let known = async { if alone { known(api, selector, window).await } else { Ok(Vec::new()) } };
    let (known, fields) = join!(known, fields(api, &args.query, window));
    let mut out = match known {
        Ok(known) if !known.is_empty() => {
            json!({ "source": "Loki's pattern ingester", "total": known.len(), "patterns": counted(&known) })
        }
        _ => {
            let key = Key::new("patterns", &args)?;
            let (query, direction) = (&*args.query, Direction::Backward);
            let wanted = lines::Wanted { query, window, direction, limit: SAMPLED, cursor: None, key };
            let page = lines::read(api, wanted).await?;
            let found =
                pattern::patterns(page.lines.iter().map(|line| &*line.text), usize::MAX, SAMPLE_LENGTH);
            let source = format!(
                "the latest {} lines{}",
                page.lines.len(),
                if page.next.is_some() { "" } else { ", which are all" }
            );
            json!({ "source": source, "total": found.len(), "patterns": found.get(..MOST).unwrap_or(&found) })
        }
    };
    let (fields, unknown) = match fields {
        Ok(fields) => (fields, Value::Null),
        Err(error) => (Vec::new(), error.to_string().into()),
    };
    if let Some(out) = out.as_object_mut() {
        out.insert("window".into(), window.told());
        out.insert("fields_total".into(), fields.len().into());
        out.insert("fields".into(), fields.iter().take(MOST).map(field).collect());
        if !unknown.is_null() {
            out.insert("fields_unknown".into(), unknown);
        }
    }
    Ok(Output::json(&out))
}

async fn known(api: &Api, selector: &str, window: Window) -> Result<Vec<Value>> {
    let ask = Ask::get("/loki/api/v1/patterns").with("query", selector);
    api.data(ask.with("start", window.start).with("end", window.end)).await
}

async fn fields(api: &Api, query: &str, window: Window) -> Result<Vec<Value>> {
    let ask = Ask::get("/loki/api/v1/detected_fields").with("query", query);
    let mut found: Value = api.bare(ask.with("start", window.start).with("end", window.end)).await?;
    // None at all are left out.
    Ok(take(&mut found, "fields"))
}

/// Loki counts by time; how often in all is what tells patterns apart.
fn counted(known: &[Value]) -> Vec<Value> {
    let count =
        |pattern: &Value| list(pattern, "/samples").iter().filter_map(|sample| sample.get(1)?.as_u64()).sum();
    let mut counted: Vec<(u64, &Value)> = known.iter().map(|pattern| (count(pattern), pattern)).collect();
    counted.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let told = |(count, pattern): (u64, &Value)| {
        let mut out = json!({ "pattern": text(pattern, "/pattern"), "count": count });
        if let (Some(out), Some(level)) = (out.as_object_mut(), pattern.get("level")) {
            out.insert("level".into(), level.clone());
        }
        out
    };
    counted.into_iter().take(MOST).map(told).collect()
}

fn field(found: &Value) -> Value {
    json!({
        "name": text(found, "/label"), "type": text(found, "/type"),
        "cardinality": found.get("cardinality"), "parsers": list(found, "/parsers"),
    })
}
