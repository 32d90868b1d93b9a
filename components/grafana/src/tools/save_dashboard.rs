//! `save_dashboard`: creates a dashboard, replaces it, changes parts of it by path, or restores a saved version.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::text;
use bulkhead_sdk::{Response, try_join};

use super::{Object, dashboard};
use crate::Grafana;
use crate::api::{self, Api};
use crate::diff;
use crate::json_path::Path;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Save {
    /// Which one; not to create.
    uid: Option<String>,
    /// All of its JSON.
    dashboard: Option<Object>,
    /// Instead, by path: `{"panels[id=3].title": "x"}`; null removes.
    changes: Option<Object>,
    /// Instead: saved version.
    #[schemars(range(min = 0, max = 2_147_483_647))]
    restore_version: Option<u32>,
    /// Default: where it is.
    folder_uid: Option<String>,
    /// Why, for its history.
    message: Option<String>,
    /// Even if changed since.
    overwrite: Option<bool>,
    /// Only tell the diff.
    dry_run: Option<bool>,
}

returns!(Saved { uid: "string", diff: "object" });

pub(crate) fn tool() -> Tool<Grafana> {
    Tool::writes(
        "save_dashboard",
        "Save a dashboard",
        "Creates or replaces a dashboard, changes parts of it, or restores a version. dry_run first.",
        save,
    )
    .destructive()
    .output::<Saved>()
}

/// What is to be saved, and what is there.
struct Plan {
    board: Value,
    current: Option<(Value, Value)>,
}

async fn save(service: &Grafana, args: Save, _: &Call) -> Result<Output> {
    let api = &service.api;
    let ways = [args.dashboard.is_some(), args.changes.is_some(), args.restore_version.is_some()];
    if ways.iter().filter(|way| **way).count() != 1 {
        return Err(Error::invalid("", "give one of `dashboard`, `changes` and `restore_version`"));
    }
    let dry = args.dry_run == Some(true);
    if let (Some(version), false) = (args.restore_version, dry) {
        return restore(api, uid(&args)?, version).await;
    }
    let Plan { board, current } = plan(api, &args).await?;
    let old = current.as_ref().map_or(json!({}), |(board, _)| dashboard::plain(board));
    let told = diff::diff(&old, &dashboard::plain(&board));
    if dry {
        let uid = args.uid.as_deref().unwrap_or_else(|| text(&board, "/uid"));
        let creates = current.is_none();
        let mut out = json!({ "dry_run": true, "uid": uid, "creates": creates });
        if let Some(object) = out.as_object_mut() {
            // All of a new dashboard is new; that needs no telling.
            object.extend((!creates).then(|| ("diff".to_owned(), told)));
        }
        return Ok(Output::json(&out));
    }
    let mut body = json!({ "dashboard": board, "overwrite": args.overwrite.unwrap_or(false) });
    if let Some(object) = body.as_object_mut() {
        // Without a folder Grafana would move it to the root.
        let here = current.as_ref().map(|(_, meta)| text(meta, "/folderUid").to_owned());
        let folder = args.folder_uid.or(here).filter(|uid| !uid.is_empty());
        object.extend(folder.map(|uid| ("folderUid".to_owned(), uid.into())));
        object.extend(args.message.map(|message| ("message".to_owned(), message.into())));
    }
    let blamed = if args.changes.is_some() { "changes" } else { "dashboard" };
    let response = api::send(api.request(Method::Post, "/api/dashboards/db").json_body(&body)).await?;
    saved(api, &response, blamed, current.is_some().then_some(told))
}

fn uid(args: &Save) -> Result<&str> {
    args.uid.as_deref().ok_or_else(|| Error::invalid("uid", "is needed: the dashboard to change"))
}

async fn plan(api: &Api, args: &Save) -> Result<Plan> {
    if let Some(version) = args.restore_version {
        let uid = uid(args)?;
        let (current, (board, _)) =
            try_join!(dashboard::current(api, uid), dashboard::saved(api, uid, version))?;
        return Ok(Plan { board, current: Some(current) });
    }
    if let Some(changes) = &args.changes {
        let current = dashboard::current(api, uid(args)?).await?;
        let mut board = current.0.clone();
        for (path, value) in changes.iter() {
            let blame = |why: String| Error::invalid("changes", format!("`{path}`: {why}"));
            Path::parse(path).map_err(blame)?.set(&mut board, value.clone()).map_err(blame)?;
        }
        return Ok(Plan { board, current: Some(current) });
    }
    let mut board = args.dashboard.as_deref().cloned().unwrap_or_default();
    if text(&Value::Object(board.clone()), "/title").is_empty() {
        return Err(Error::invalid("dashboard", "needs a `title`"));
    }
    let uid = args
        .uid
        .clone()
        .or_else(|| Some(board.get("uid")?.as_str()?.to_owned()))
        .filter(|uid| !uid.is_empty());
    let current = match &uid {
        None => None,
        Some(uid) => match dashboard::current(api, uid).await {
            Err(Error::NotFound(_)) => None,
            other => Some(other?),
        },
    };
    board.extend(uid.map(|uid| ("uid".to_owned(), uid.into())));
    // The number is one of this Grafana's own; one from elsewhere would be taken for another dashboard.
    match current.as_ref().and_then(|(board, _)| board.get("id")) {
        Some(id) => drop(board.insert("id".into(), id.clone())),
        None => drop(board.insert("id".into(), Value::Null)),
    }
    Ok(Plan { board: Value::Object(board), current })
}

async fn restore(api: &Api, uid: &str, version: u32) -> Result<Output> {
    let request = api.request(Method::Post, "/api/dashboards/uid").segment(uid).segment("restore");
    let response = api::send(request.json_body(&json!({ "version": version }))).await?;
    if response.status == 404 {
        return api::named(Err(response.error()), &format!("version {version} of dashboard `{uid}`"));
    }
    saved(api, &response, "restore_version", None)
}

fn saved(api: &Api, response: &Response, blamed: &str, told: Option<Value>) -> Result<Output> {
    if matches!(response.status, 409 | 412) {
        return Err(conflict(response));
    }
    let done: Value = api::blame(api::read(response), blamed)?;
    let uid = text(&done, "/uid");
    if uid.is_empty() {
        return Err(Error::failed(
            "Grafana did not say what it saved: see get_dashboard before trying again",
        ));
    }
    let mut out =
        json!({ "uid": uid, "version": done.get("version"), "url": api.public_of(text(&done, "/url")) });
    if let Some(object) = out.as_object_mut() {
        object.extend(told.map(|told| ("diff".to_owned(), told)));
    }
    Ok(Output::json(&out))
}

/// Why Grafana would not save it: its `status` says which conflict it is.
fn conflict(response: &Response) -> Error {
    let told: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let said = text(&told, "/message");
    let next = match text(&told, "/status") {
        "version-mismatch" => {
            "somebody saved it since the version you hold: read it again and repeat your change, or set overwrite=true \
             to discard theirs"
        }
        "name-exists" => "the folder has a dashboard of that title: give its uid, or another title",
        "plugin-dashboard" => {
            "it belongs to a plugin, whose update would undo this: save a copy under another uid"
        }
        _ => "read it again first",
    };
    Error::upstream(response.status, format!("{said} ({next})"))
}
