//! `indices`: indices, data streams or aliases; and of the indices shown, whatever is asked to be included.

mod details;
mod names;

use std::cmp::Ordering;

use bulkhead_sdk::list::{Key, Page, View, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::rfc3339;
use bulkhead_sdk::value::{Fields, text};

use crate::Elasticsearch;
use crate::api::index_name;
use crate::shape::{number, numeric, told};
use details::Part;

const DEFAULT_LIMIT: usize = 50;
/// With details, an index takes pages.
const DETAILED_LIMIT: usize = 3;
const MOST_DETAILED: usize = 20;

const COLUMNS: &str =
    "index,health,status,uuid,pri,rep,docs.count,docs.deleted,store.size,pri.store.size,creation.date";

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Indices {
    /// Default `index`.
    kind: Option<Kind>,
    /// `logs-*`.
    index: Option<String>,
    /// Details of each.
    #[schemars(length(max = 6))]
    include: Option<Vec<Part>>,
    /// Only this.
    health: Option<Health>,
    /// Only this.
    status: Option<Status>,
    /// Count: `0`, `9-`, `5-9`.
    docs: Option<String>,
    /// `-` descends.
    sort: Option<Sort>,
    /// Detail.
    #[serde(default)]
    view: View,
    /// `["stats.docs"]`.
    #[schemars(length(max = 50))]
    fields: Option<Fields>,
    /// Default 50; 3 with `include`.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Index,
    DataStream,
    Alias,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Green,
    Yellow,
    Red,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Open,
    Close,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
enum Sort {
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
    #[serde(rename = "docs")]
    Docs,
    #[serde(rename = "-docs")]
    DocsDown,
    #[serde(rename = "size")]
    Size,
    #[serde(rename = "-size")]
    SizeDown,
    #[serde(rename = "created")]
    Created,
    #[serde(rename = "-created")]
    CreatedDown,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Listed {
    items: Vec<Value>,
}

impl Health {
    fn word(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Close => "close",
        }
    }
}

impl Sort {
    /// The number that is compared, if it is not the name, and whether the largest is first.
    fn by(self) -> (Option<&'static str>, bool) {
        match self {
            Self::Name => (None, false),
            Self::NameDown => (None, true),
            Self::Docs => (Some("docs"), false),
            Self::DocsDown => (Some("docs"), true),
            Self::Size => (Some("size_bytes"), false),
            Self::SizeDown => (Some("size_bytes"), true),
            Self::Created => (Some("created"), false),
            Self::CreatedDown => (Some("created"), true),
        }
    }
}

pub(crate) fn add(tools: Tools<Elasticsearch>) -> Tools<Elasticsearch> {
    tools.add(
        Tool::reads(
            "indices",
            "Indices",
            "Indices (or data streams, aliases) with health, docs, size; filter, sort, include details.",
            indices,
        )
        .output::<Listed>(),
    )
}

async fn indices(service: &Elasticsearch, args: Indices, _: &Call) -> Result<Output> {
    let key = Key::new("indices", &args)?;
    let (include, fields) = (args.include.unwrap_or_default(), args.fields.unwrap_or_default());
    let kind = args.kind.unwrap_or(Kind::Index);
    for (argument, given, has) in [
        ("include", !include.is_empty(), kind == Kind::Index),
        ("status", args.status.is_some(), kind == Kind::Index),
        ("docs", args.docs.is_some(), kind == Kind::Index),
        ("health", args.health.is_some(), kind != Kind::Alias),
    ] {
        if given && !has {
            return Err(Error::invalid(argument, "is nothing that this `kind` has; `kind: index` has it"));
        }
    }
    let docs = args.docs.as_deref().map(range).transpose()?;
    let pattern = index_name(args.index.as_deref().unwrap_or("*"))?;
    let mut rows = match kind {
        Kind::Index => list(service, pattern).await?,
        Kind::DataStream => names::data_streams(service, pattern, args.view).await?,
        Kind::Alias => names::aliases(service, pattern).await?,
    };
    rows.retain(|row| {
        args.health.is_none_or(|health| text(row, "/health") == health.word())
            && args.status.is_none_or(|status| text(row, "/status") == status.word())
            && docs.is_none_or(|(least, most)| {
                number(row, "docs").is_some_and(|docs| (least..=most).contains(&docs))
            })
    });
    let (by, down) = args.sort.unwrap_or(Sort::Name).by();
    rows.sort_by(|a, b| if down { order(b, a, by) } else { order(a, b, by) });
    let (default, most) =
        if include.is_empty() { (DEFAULT_LIMIT, u32::MAX) } else { (DETAILED_LIMIT, MOST_DETAILED as u32) };
    let limit = args.limit.map(|limit| limit.min(most));
    let mut page = Page::cut(rows, Wanted::new(limit, default, args.cursor.as_deref(), key))?;
    let failed = details::add(service, &mut page.items, &include, args.view).await?;
    let unknown = fields.unknown(&page.items);
    let mut out = page
        .map(|row| if args.view == View::Full || !fields.is_empty() { fields.of(&row) } else { brief(row) })
        .into_object("items");
    if !failed.is_empty() {
        out.insert("failed".into(), failed.into());
    }
    out.extend(unknown);
    Ok(Output::json(&out))
}

/// Every index that fits, as Elasticsearch's table has them, with numbers and without what is not told.
async fn list(service: &Elasticsearch, pattern: &str) -> Result<Vec<Value>> {
    let ask = service.api.get(&["_cat", "indices", pattern]).with("h", COLUMNS).with("bytes", "b");
    // Hidden ones too: they take space and can be red like any other.
    let rows = ask.with("expand_wildcards", "all").blame("index").rows().await?;
    Ok(rows.iter().map(row_of).collect())
}

fn row_of(row: &Value) -> Value {
    let created = number(row, "creation.date").map(|millis| rfc3339(millis / 1000.0));
    told(json!({
        "index": row["index"],
        "health": row["health"],
        "status": row["status"],
        "docs": numeric(row, "docs.count"),
        "size_bytes": numeric(row, "store.size"),
        "primaries": numeric(row, "pri"),
        "replicas": numeric(row, "rep"),
        "created": created,
        "docs_deleted": numeric(row, "docs.deleted"),
        "primary_size_bytes": numeric(row, "pri.store.size"),
        "uuid": row["uuid"],
    }))
}

/// Without what is seldom looked at.
fn brief(mut row: Value) -> Value {
    if let Some(row) = row.as_object_mut() {
        for name in ["docs_deleted", "primary_size_bytes", "uuid"] {
            row.remove(name);
        }
        if row.get("status").is_some_and(|status| status == "open") {
            row.remove("status");
        }
    }
    row
}

/// By a number or time, then by name; what has none is the least.
fn order(a: &Value, b: &Value, by: Option<&str>) -> Ordering {
    let name =
        |row: &Value| ["/index", "/data_stream", "/alias"].map(|name| text(row, name).to_owned()).concat();
    let by_number = by.map_or(Ordering::Equal, |by| match (number(a, by), number(b, by)) {
        (None, None) => text(a, &format!("/{by}")).cmp(text(b, &format!("/{by}"))),
        (a, b) => a.unwrap_or(-1.0).total_cmp(&b.unwrap_or(-1.0)),
    });
    by_number.then_with(|| name(a).cmp(&name(b)))
}

/// `7`, `5-9`, `1000-`, `-9`.
fn range(words: &str) -> Result<(f64, f64)> {
    let bound = |part: &str, open: f64| match part.trim() {
        "" => Some(open),
        part => part.parse::<u64>().ok().map(|bound| bound as f64),
    };
    let (least, most) = words.split_once('-').unwrap_or((words, words));
    match (words.trim(), bound(least, 0.0), bound(most, f64::MAX)) {
        ("" | "-", ..) => Err(Error::invalid("docs", "is empty: `0`, `1000-`, `5-9` and `-9` are ranges")),
        (_, Some(least), Some(most)) if least <= most => Ok((least, most)),
        _ => Err(Error::invalid("docs", format!("`{words}` is no range like `0`, `1000-`, `5-9` or `-9`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_may_be_open() {
        assert_eq!(range("7"), Ok((7.0, 7.0)));
        assert_eq!(range("5-9"), Ok((5.0, 9.0)));
        assert_eq!((range("5-"), range("-9")), (Ok((5.0, f64::MAX)), Ok((0.0, 9.0))));
        for bad in ["", "-", "9-5", "x", "1.5", "1-2-3"] {
            assert!(range(bad).unwrap_err().to_string().starts_with("arguments.docs: "), "{bad}");
        }
    }
}
