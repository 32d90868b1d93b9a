//! `what_changed`: dashboards that were saved, alert rules that were edited, alerts that changed state, and what people
//! and deployments have marked, in one timeline, with who did it where Grafana says so.

use bulkhead_sdk::list::{Key, Page, Wanted};
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{When, rfc3339};
use bulkhead_sdk::value::{shortened, text};
use bulkhead_sdk::{join, join_all};
use serde_json::Map;

use super::{dashboard, listed, millis, window};
use crate::Grafana;
use crate::api::{self, Api};
use crate::search::{self, Place};

const DAY: f64 = 86_400.0;
const DEFAULT_LIMIT: usize = 50;

/// Grafana has no list of what was saved when: the versions of each dashboard are looked at, of this many.
const LOOKED: u32 = 60;

/// At once.
const TOGETHER: usize = 10;

/// The newest versions of each dashboard.
const VERSIONS: u32 = 10;

const ANNOTATIONS: u32 = 1000;

const TEXT_LENGTH: usize = 300;

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Dashboard,
    Rule,
    Annotation,
    Alert,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Changed {
    /// Default `-24h`.
    from: Option<When>,
    /// Default now.
    to: Option<When>,
    /// Default all.
    #[schemars(length(max = 4))]
    kinds: Option<Vec<Kind>>,
    /// Its uid, for dashboards and rules.
    folder: Option<String>,
    /// Only of this one.
    dashboard_uid: Option<String>,
    /// Annotations with all of these.
    #[schemars(length(max = 20))]
    tags: Option<Vec<String>>,
    /// Default 50.
    #[serde(skip_serializing)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// Last `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

returns!(Changes { changes: "array", next_cursor: "string" });

pub(crate) fn tool() -> Tool<Grafana> {
    Tool::reads(
        "what_changed",
        "What changed",
        "Timeline, newest first, with who: dashboards saved, rules edited, alerts that changed state, annotations \
         (deployments, notes).",
        changed,
    )
    .output::<Changes>()
}

/// One line of the timeline.
struct Change {
    at: f64,
    line: Value,
}

impl Changed {
    fn wants(&self, kind: Kind) -> bool {
        let of_tags = self.tags.is_none() || kind == Kind::Annotation;
        let of_board = self.dashboard_uid.is_none() || kind != Kind::Rule;
        of_tags && of_board && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }
}

async fn changed(service: &Grafana, args: Changed, call: &Call) -> Result<Output> {
    let api = &service.api;
    let key = Key::new("what_changed", &args)?;
    let (from, to) = window(args.from, args.to, DAY, call)?;
    let mut notes = Vec::new();
    let (marks, rules, boards) = join!(marks(api, &args, from, to), rules(api, &args), boards(api, &args));
    let (marks, boards) = (marks?, boards?);
    let rules = match args.kinds.as_deref() {
        Some([Kind::Rule]) => rules?,
        _ => api::optional(rules, "edits of alert rules are missing", &mut notes)?.unwrap_or_default(),
    };
    if marks.len() >= ANNOTATIONS as usize {
        notes.push(format!("only the newest {ANNOTATIONS} annotations were looked at: ask for less time"));
    }
    if boards.len() > LOOKED as usize {
        notes.push(format!("only {LOOKED} dashboards were looked at: give a `folder` or `dashboard_uid`"));
    }
    let mut all: Vec<Change> = marks.iter().map(marked).collect();
    all.extend(rules.iter().filter_map(|rule| edited(rule, args.folder.as_deref())));
    for some in boards.get(..boards.len().min(LOOKED as usize)).unwrap_or_default().chunks(TOGETHER) {
        for saved in join_all(some.iter().map(|board| saved(api, board))).await {
            all.extend(saved?);
        }
    }
    // A mark that began before and ended in the window is one of it.
    all.retain(|change| change.at <= to && (change.at >= from || change.line.get("time_end").is_some()));
    all.sort_by(|a, b| b.at.total_cmp(&a.at).then_with(|| a.line.to_string().cmp(&b.line.to_string())));
    let mut by_kind = Map::new();
    for change in &all {
        let count = by_kind.entry(text(&change.line, "/kind")).or_insert(json!(0));
        *count = json!(count.as_u64().unwrap_or_default() + 1);
    }
    if args.wants(Kind::Rule) {
        notes.push(
            "Grafana does not say who edited a rule, nor when datasources or contact points were changed"
                .to_owned(),
        );
    }
    let page = Page::cut(all, Wanted::new(args.limit, DEFAULT_LIMIT, args.cursor.as_deref(), key))?;
    let mut out = listed(page.map(|change| change.line), "changes", None, notes);
    out.insert("from".into(), rfc3339(from).into());
    out.insert("to".into(), rfc3339(to).into());
    out.insert("by_kind".into(), by_kind.into());
    Ok(Output::json(&out))
}

/// Annotations of a time, the newest first. Grafana minds `from` and `to` only together.
async fn marks(api: &Api, args: &Changed, from: f64, to: f64) -> Result<Vec<Value>> {
    let kind = match (args.wants(Kind::Annotation), args.wants(Kind::Alert)) {
        (false, false) => return Ok(Vec::new()),
        (true, true) => None,
        (true, false) => Some("annotation"),
        (false, true) => Some("alert"),
    };
    let request = api.get("/api/annotations").query("from", millis(from)).query("to", millis(to));
    let mut request = request
        .query("limit", ANNOTATIONS)
        .query_opt("dashboardUID", args.dashboard_uid.as_deref())
        .query_opt("type", kind);
    for tag in args.tags.iter().flatten() {
        request = request.query("tags", tag);
    }
    api::list(request).await
}

async fn rules(api: &Api, args: &Changed) -> Result<Vec<Value>> {
    if args.wants(Kind::Rule) {
        api::list(api.get("/api/v1/provisioning/alert-rules")).await
    } else {
        Ok(Vec::new())
    }
}

/// The dashboards to look at, and one more if there are more.
async fn boards(api: &Api, args: &Changed) -> Result<Vec<Value>> {
    match &args.dashboard_uid {
        _ if !args.wants(Kind::Dashboard) => Ok(Vec::new()),
        Some(uid) => Ok(vec![json!({ "uid": uid })]),
        None => {
            let all = search::dashboards(api, Place::first(LOOKED + 1));
            api::list(all.query_opt("folderUIDs", args.folder.as_deref())).await
        }
    }
}

/// The newest versions of a dashboard, each of them a change.
async fn saved(api: &Api, board: &Value) -> Result<Vec<Change>> {
    let uid = text(board, "/uid");
    let versions = match dashboard::history(api, uid, VERSIONS, 0).await {
        // It was found, but is deleted since, or may not be read.
        Err(Error::NotFound(_) | Error::Denied(_)) if board.get("title").is_some() => return Ok(Vec::new()),
        other => other?,
    };
    let change = |version: &Value| {
        let at = text(version, "/created");
        let mut line = json!({ "time": at, "kind": "dashboard", "dashboard_uid": uid });
        let object = line.as_object_mut()?;
        put(object, "title", text(board, "/title"));
        put(object, "by", text(version, "/createdBy"));
        put(object, "message", text(version, "/message"));
        object.insert("version".into(), version.get("version").cloned().unwrap_or_default());
        Some(Change { at: instant(at)?, line })
    };
    Ok(versions.iter().filter_map(change).collect())
}

fn edited(rule: &Value, folder: Option<&str>) -> Option<Change> {
    if folder.is_some_and(|folder| folder != text(rule, "/folderUID")) {
        return None;
    }
    let at = text(rule, "/updated");
    let line = json!({ "time": at, "kind": "rule", "rule_uid": text(rule, "/uid"), "title": text(rule, "/title"),
        "group": text(rule, "/ruleGroup") });
    Some(Change { at: instant(at)?, line })
}

fn marked(mark: &Value) -> Change {
    let seconds = |field: &str| mark.get(field).and_then(Value::as_f64).unwrap_or_default() / 1000.0;
    let (at, end) = (seconds("time"), seconds("timeEnd"));
    let kind = if text(mark, "/newState").is_empty() { "annotation" } else { "alert" };
    let mut line = Map::new();
    line.insert("time".into(), rfc3339(at).into());
    line.insert("kind".into(), kind.into());
    line.insert("id".into(), mark.get("id").cloned().unwrap_or_default());
    if end > at {
        line.insert("time_end".into(), rfc3339(end).into());
    }
    for (name, field) in [
        ("text", "/text"),
        ("by", "/login"),
        ("alert", "/alertName"),
        ("from_state", "/prevState"),
        ("to_state", "/newState"),
        ("dashboard_uid", "/dashboardUID"),
    ] {
        put(&mut line, name, text(mark, field));
    }
    let there = |value: &&Value| !(value.is_null() || **value == json!(0) || **value == json!([]));
    for (name, field) in [("panel_id", "panelId"), ("tags", "tags")] {
        line.extend(mark.get(field).filter(there).map(|value| (name.to_owned(), value.clone())));
    }
    Change { at, line: line.into() }
}

fn put(line: &mut Map<String, Value>, name: &str, words: &str) {
    if !words.is_empty() {
        line.insert(name.into(), shortened(words, TEXT_LENGTH).into());
    }
}

fn instant(text: &str) -> Option<f64> {
    match When::parse(text) {
        Ok(When::At(at)) if at > 0.0 => Some(at),
        _ => None,
    }
}
