//! `application`: one of them, with its last operation and what it was before.

use std::collections::BTreeSet;

use bulkhead_sdk::list::View;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, shortened, text};

use crate::api::{self, Api, Named};
use crate::{ArgoCd, app, secret};

/// Entries of the history that are told; `full` has all that Argo CD keeps.
const HISTORY: usize = 10;
/// Commit messages that are read; each is a request.
const MESSAGES: usize = 5;
const LONGEST: usize = 200;
/// Resources out of sync that are listed.
const MOST: usize = 20;

#[derive(Debug, Deserialize, JsonSchema)]
struct Application {
    /// As listed.
    name: String,
    view: Option<View>,
}

returns!(Told { name: "string" });

pub(super) fn tool() -> Tool<ArgoCd> {
    Tool::reads(
        "application",
        "Application",
        "One application: sources, conditions, last operation, history.",
        application,
    )
    .output::<Told>()
}

async fn application(service: &ArgoCd, args: Application, _: &Call) -> Result<Output> {
    let name = Named::parse(&args.name)?;
    let app = service.api.app(&name).await?;
    if text(&app, "/metadata/name").is_empty() {
        return Err(Error::failed("the answer is not an application: check the service's `url`"));
    }
    if args.view == Some(View::Full) {
        return Ok(Output::json(&json!({ "name": app::name(&app), "application": secret::redacted(&app) })));
    }
    let mut out = app::summary(&app);
    let history = history(&service.api, &name, &app).await;
    let resources = list(&app, "/status/resources");
    let unsynced: Vec<&Value> =
        resources.iter().filter(|resource| text(resource, "/status") == "OutOfSync").collect();
    let told = |resource: &&Value| {
        json!({
            "resource": format!("{}/{}", text(resource, "/kind"), text(resource, "/name")),
            "namespace": resource.get("namespace"), "requires_pruning": resource.get("requiresPruning"),
        })
    };
    let more = [
        ("sources", json!(app::sources(&app))),
        ("auto_sync", app::auto_sync(&app)),
        ("revision", revision(&app)),
        ("compared_at", app.pointer("/status/reconciledAt").cloned().unwrap_or_default()),
        ("conditions", app::conditions(&app).into()),
        ("operation", app::operation(&app)),
        ("resources", json!(resources.len())),
        ("out_of_sync_total", json!(unsynced.len())),
        ("out_of_sync", unsynced.iter().take(MOST).map(told).collect()),
        ("images", app.pointer("/status/summary/images").cloned().unwrap_or_default()),
        ("urls", app.pointer("/status/summary/externalURLs").cloned().unwrap_or_default()),
        ("history_total", json!(list(&app, "/status/history").len())),
        ("history", history.into()),
    ];
    if let Some(out) = out.as_object_mut() {
        out.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
    }
    Ok(Output::json(&out))
}

fn revision(app: &Value) -> Value {
    match text(app, "/status/sync/revision") {
        "" => app.pointer("/status/sync/revisions").cloned().unwrap_or_default(),
        revision => revision.into(),
    }
}

/// What it was before, with who changed it and why, where that is a commit.
async fn history(api: &Api, name: &Named<'_>, app: &Value) -> Vec<Value> {
    let entries: Vec<&Value> = app::history(app).into_iter().take(HISTORY).collect();
    // A chart has a version and no commit, and of several sources the history does not say which one changed.
    let is_commit =
        |entry: &&&Value| text(entry, "/source/chart").is_empty() && !text(entry, "/revision").is_empty();
    let revisions: BTreeSet<&str> =
        entries.iter().filter(is_commit).take(MESSAGES).map(|entry| text(entry, "/revision")).collect();
    let asked = revisions.iter().map(|revision| async move {
        let found: Result<Value> = api::json(api.of(name, &["revisions", revision, "metadata"])).await;
        (*revision, found)
    });
    let commits = join_all(asked).await;
    let told = |entry: &Value| {
        let mut out = app::deployed(entry);
        let commit = commits.iter().find(|(revision, _)| *revision == text(entry, "/revision"));
        if let (Some(out), Some((_, Ok(commit)))) = (out.as_object_mut(), commit) {
            out.insert("author".into(), text(commit, "/author").into());
            out.insert("message".into(), shortened(text(commit, "/message").trim(), LONGEST).into());
        }
        out
    };
    entries.into_iter().map(told).collect()
}
