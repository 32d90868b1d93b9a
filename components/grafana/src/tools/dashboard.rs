//! `get_dashboard`: one dashboard in the form the question needs, from a line for each panel to all of its JSON; its
//! saved versions, and what changed between two of them.

use bulkhead_sdk::list::Key;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::try_join_all;
use bulkhead_sdk::value::{take, taken, text};
use serde_json::Map;

use super::picked;
use crate::Grafana;
use crate::api::{self, Api};
use crate::json_path::Path;
use crate::{dashboard, diff};

/// The most panels that are told.
const PANELS: usize = 200;

/// The most values a path gives.
const FOUND: usize = 200;

/// Larger than this, a dashboard is asked for by parts.
const LARGEST: usize = 200_000;

/// On a page.
const VERSIONS: u32 = 20;

const VERSION: &[&str] = &["version", "created", "createdBy", "message", "restoredFrom"];

const META: &[&str] = &[
    "folderTitle",
    "folderUid",
    "version",
    "created",
    "createdBy",
    "updated",
    "updatedBy",
    "provisioned",
    "canSave",
];

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Summary,
    Queries,
    Full,
    Versions,
    Diff,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Get {
    /// Dashboard uid.
    uid: String,
    view: Option<Form>,
    /// Only what is there: `$.panels[0].targets[*].expr`, `panels[id=3]`.
    path: Option<String>,
    /// A saved version. Default: current.
    #[schemars(range(min = 0, max = 2_147_483_647))]
    version: Option<u32>,
    /// `diff` from this one. Default: the one before.
    #[schemars(range(min = 0, max = 2_147_483_647))]
    base: Option<u32>,
    /// Last `next_cursor`.
    #[serde(skip_serializing)]
    cursor: Option<String>,
}

returns!(Dashboard { title: "string", panels: "array", values: "array" });

pub(crate) fn tool() -> Tool<Grafana> {
    Tool::reads(
        "get_dashboard",
        "Dashboard",
        "A dashboard's panels and variables, its queries, its JSON or part of it, its saved versions, or the diff of two.",
        get,
    )
    .output::<Dashboard>()
}

async fn get(service: &Grafana, args: Get, _: &Call) -> Result<Output> {
    let form = args.view.unwrap_or_default();
    match form {
        Form::Versions => versions(&service.api, &args).await,
        Form::Diff => difference(&service.api, &args).await,
        _ => {
            let path = args.path.as_deref().map(Path::parse).transpose();
            let path = path.map_err(|error| Error::invalid("path", error))?;
            let (board, meta) = match args.version {
                None => current(&service.api, &args.uid).await?,
                Some(version) => saved(&service.api, &args.uid, version).await?,
            };
            let mut out = head(&board, &meta);
            match (path, form) {
                (Some(path), _) => at_path(&path, &board, &mut out)?,
                (None, Form::Full) => whole(board, &mut out)?,
                (None, Form::Queries) => told(&board, &mut out, dashboard::with_queries),
                (None, _) => {
                    out.insert("meta".into(), picked(&meta, META));
                    for (name, value) in [
                        ("description", board.get("description")),
                        ("tags", board.get("tags")),
                        ("time", board.get("time")),
                        ("refresh", board.get("refresh")),
                    ] {
                        out.extend(value.map(|value| (name.to_owned(), value.clone())));
                    }
                    out.insert("url".into(), service.api.public_of(text(&meta, "/url")).into());
                    told(&board, &mut out, |panel| Value::Object(dashboard::line(panel)));
                }
            }
            Ok(Output::json(&out))
        }
    }
}

/// The dashboard as it is, and what Grafana knows about it.
pub(crate) async fn current(api: &Api, uid: &str) -> Result<(Value, Value)> {
    let mut found: Value = named(uid, api::json(api.get("/api/dashboards/uid").segment(uid)).await)?;
    let board = found.get_mut("dashboard").map(Value::take).filter(Value::is_object);
    let board =
        board.ok_or_else(|| Error::failed(format!("Grafana's answer for {uid} has no `dashboard`")))?;
    Ok((board, taken(&mut found, "meta")))
}

/// A saved version, and who saved it when.
pub(crate) async fn saved(api: &Api, uid: &str, version: u32) -> Result<(Value, Value)> {
    let request =
        api.get("/api/dashboards/uid").segment(uid).segment("versions").segment(&version.to_string());
    let mut found: Value =
        api::named(api::json(request).await, &format!("version {version} of dashboard `{uid}`"))?;
    let board = found.get_mut("data").map(Value::take).filter(Value::is_object);
    let board = board
        .ok_or_else(|| Error::not_found(format!("Grafana no longer has the content of version {version}")))?;
    Ok((board, found))
}

fn named<T>(uid: &str, result: Result<T>) -> Result<T> {
    api::named(result, &format!("dashboard `{uid}` (get_objects finds uids)"))
}

fn head(board: &Value, meta: &Value) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("uid".into(), text(board, "/uid").into());
    out.insert("title".into(), text(board, "/title").into());
    let version = board.get("version").or_else(|| meta.get("version")).cloned();
    out.extend(version.map(|version| ("version".to_owned(), version)));
    out
}

fn told(board: &Value, out: &mut Map<String, Value>, shape: impl Fn(&Value) -> Value) {
    let panels = dashboard::panels(board);
    out.insert("total".into(), panels.len().into());
    out.insert("shown".into(), panels.len().min(PANELS).into());
    out.insert("panels".into(), panels.into_iter().take(PANELS).map(shape).collect());
    let variables = dashboard::variables(board);
    if !variables.is_empty() {
        out.insert("variables".into(), variables.into());
    }
}

fn at_path(path: &Path, board: &Value, out: &mut Map<String, Value>) -> Result<()> {
    let found = path.find(board);
    out.insert("total".into(), found.len().into());
    out.insert("shown".into(), found.len().min(FOUND).into());
    let values: Vec<Value> =
        found.into_iter().take(FOUND).map(|(path, value)| json!({ "path": path, "value": value })).collect();
    if values.is_empty() {
        let names: Vec<&String> = board.as_object().into_iter().flat_map(Map::keys).collect();
        out.insert("notes".into(), json!([format!("nothing is there; the top level has {names:?}")]));
    }
    let values = Value::Array(values);
    small_enough("path", &values)?;
    out.insert("values".into(), values);
    Ok(())
}

fn whole(board: Value, out: &mut Map<String, Value>) -> Result<()> {
    small_enough("view", &board)?;
    out.insert("dashboard".into(), board);
    Ok(())
}

/// Refuses what would fill a context.
fn small_enough(argument: &str, value: &Value) -> Result<()> {
    match value.to_string().len() {
        size if size <= LARGEST => Ok(()),
        size => Err(Error::invalid(
            argument,
            format!(
                "asks for {size} bytes, and {LARGEST} are given at most: take view summary, then a narrower `path`"
            ),
        )),
    }
}

/// Saved versions without their content, the newest first. Since 11 the list is in an object.
pub(crate) async fn history(api: &Api, uid: &str, limit: u32, start: u32) -> Result<Vec<Value>> {
    let request = api.get("/api/dashboards/uid").segment(uid).segment("versions");
    let request = request.query("limit", limit).query("start", start);
    match named(uid, api::json::<Value>(request).await)? {
        Value::Array(all) => Ok(all),
        mut object if object.get("versions").is_some() => Ok(take(&mut object, "versions")),
        _ => Err(Error::failed("Grafana's answer is no list of versions")),
    }
}

async fn versions(api: &Api, args: &Get) -> Result<Output> {
    let key = Key::new("get_dashboard", args)?;
    let start: u32 = match &args.cursor {
        None => 0,
        Some(cursor) => {
            key.word(cursor)?.parse().map_err(|_| Error::invalid("cursor", "is not a cursor of this list"))?
        }
    };
    let all = history(api, &args.uid, VERSIONS, start).await?;
    let mut out = json!({ "uid": args.uid, "shown": all.len() });
    if let Some(object) = out.as_object_mut() {
        if all.len() >= VERSIONS as usize {
            object.insert("next_cursor".into(), key.cursor((start + VERSIONS).to_string()).into());
        }
        object.insert("versions".into(), all.iter().map(version_line).collect());
    }
    Ok(Output::json(&out))
}

/// Both sides are read at once; which they are may have to be looked up first.
async fn difference(api: &Api, args: &Get) -> Result<Output> {
    let (base, version) = match (args.base, args.version) {
        (Some(base), Some(version)) => (base, version),
        (None, Some(version)) => (version.saturating_sub(1), version),
        (base, None) => {
            let latest = history(api, &args.uid, 2, 0).await?;
            let number = |place: usize| -> Option<u32> {
                u32::try_from(latest.get(place)?.get("version")?.as_u64()?).ok()
            };
            let version =
                number(0).ok_or_else(|| Error::not_found("no version of this dashboard is saved"))?;
            let base = base.or_else(|| number(1));
            (base.ok_or_else(|| Error::not_found(format!("version {version} is the only one")))?, version)
        }
    };
    let both = try_join_all([base, version].map(|one| saved(api, &args.uid, one))).await?;
    let [(old, before), (new, after)] = &both[..] else { return Err(Error::failed("a version is missing")) };
    let mut out = json!({ "uid": args.uid, "title": text(new, "/title"),
        "base": version_line(before), "version": version_line(after) });
    if let (Some(object), Value::Object(told)) = (out.as_object_mut(), diff::diff(&plain(old), &plain(new))) {
        object.extend(told);
    }
    Ok(Output::json(&out))
}

/// Who saved a version, when and why.
fn version_line(version: &Value) -> Value {
    let mut out = picked(version, VERSION);
    if let Some(object) = out.as_object_mut() {
        // Zero for a version that was not restored.
        object.retain(|name, value| name != "restoredFrom" || *value != json!(0));
    }
    out
}

/// Without what differs between any two versions.
pub(crate) fn plain(board: &Value) -> Value {
    let mut board = board.clone();
    if let Some(object) = board.as_object_mut() {
        object.retain(|name, _| !matches!(name.as_str(), "version" | "id" | "iteration"));
    }
    board
}

/// The panel of that id, or which there are.
pub(crate) fn panel(board: &Value, id: u32) -> Result<&Value> {
    dashboard::panel(board, id).ok_or_else(|| {
        let known = dashboard::panels(board);
        let known: Vec<String> =
            known.iter().filter_map(|panel| Some(panel.get("id")?.to_string())).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Error::invalid("panel_id", format!("is no panel of this dashboard; there are {known}"))
    })
}
