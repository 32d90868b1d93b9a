//! Owns reading an application's own account of itself: health, sync, its last operation, its conditions.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, shortened, text};

/// Conditions and operations repeat whole manifests and stack traces; what matters comes first.
const LONGEST: usize = 600;
/// Resources of an operation that are listed.
const MOST: usize = 20;

/// What is asked of each application of a list: they have whole resource lists otherwise, and thousands of them would be
/// more than a response may be.
pub(crate) const FIELDS: &str = "items.metadata.name,items.metadata.namespace,items.metadata.labels,\
    items.metadata.creationTimestamp,items.metadata.deletionTimestamp,items.spec,items.status.sync.status,\
    items.status.sync.revision,items.status.health,items.status.operationState.phase,\
    items.status.operationState.finishedAt,items.status.summary";

/// The name that is taken wherever an application is asked for.
pub(crate) fn name(app: &Value) -> String {
    match (text(app, "/metadata/namespace"), text(app, "/metadata/name")) {
        ("", name) => name.to_owned(),
        (namespace, name) => format!("{namespace}/{name}"),
    }
}

fn or_unknown(word: &str) -> &str {
    if word.is_empty() { "Unknown" } else { word }
}

pub(crate) fn health(app: &Value) -> &str {
    or_unknown(text(app, "/status/health/status"))
}

pub(crate) fn sync(app: &Value) -> &str {
    or_unknown(text(app, "/status/sync/status"))
}

/// Whether the last operation did not get through.
pub(crate) fn failed(app: &Value) -> bool {
    matches!(text(app, "/status/operationState/phase"), "Failed" | "Error")
}

/// Nothing to look at.
pub(crate) fn is_well(app: &Value) -> bool {
    rank(app) == WELL
}

const WELL: u8 = 7;

/// How urgently it wants to be looked at; lower is worse.
pub(crate) fn rank(app: &Value) -> u8 {
    match (health(app), sync(app)) {
        ("Degraded", _) => 0,
        ("Missing", _) => 1,
        _ if failed(app) => 2,
        ("Unknown", _) | (_, "Unknown") => 3,
        ("Progressing", _) => 4,
        ("Suspended", _) => 5,
        (_, "OutOfSync") => 6,
        _ => WELL,
    }
}

/// How many there are of each.
pub(crate) fn counted<'a>(words: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    words.fold(BTreeMap::new(), |mut counts, word| {
        *counts.entry(word).or_default() += 1;
        counts
    })
}

/// Whether Argo CD syncs by itself, and how far it goes.
pub(crate) fn automated(app: &Value) -> Option<(bool, bool)> {
    let automated = app.pointer("/spec/syncPolicy/automated").filter(|automated| automated.is_object())?;
    let says = |key: &str| automated.get(key).and_then(Value::as_bool);
    // An empty object is on; only `enabled: false` turns it off.
    (says("enabled") != Some(false)).then(|| (says("prune") == Some(true), says("selfHeal") == Some(true)))
}

pub(crate) fn auto_sync(app: &Value) -> Value {
    automated(app)
        .map_or(Value::from(false), |(prune, self_heal)| json!({ "prune": prune, "self_heal": self_heal }))
}

pub(crate) fn destination(app: &Value) -> String {
    let cluster = match text(app, "/spec/destination/name") {
        "" => text(app, "/spec/destination/server"),
        name => name,
    };
    format!("{cluster} {}", text(app, "/spec/destination/namespace")).trim().to_owned()
}

/// Where it comes from, as one line for each source.
pub(crate) fn sources(app: &Value) -> Vec<String> {
    let several = list(app, "/spec/sources").iter();
    several.chain(app.pointer("/spec/source")).map(source).collect()
}

fn source(source: &Value) -> String {
    let place = match text(source, "/chart") {
        "" => text(source, "/path"),
        chart => chart,
    };
    let repo = crate::secret::without_userinfo(text(source, "/repoURL"));
    format!("{repo} {place}@{}", or_head(text(source, "/targetRevision")))
}

fn or_head(revision: &str) -> &str {
    if revision.is_empty() { "HEAD" } else { revision }
}

/// One application of a list.
pub(crate) fn summary(app: &Value) -> Value {
    let mut out = json!({
        "name": name(app), "project": text(app, "/spec/project"), "health": health(app), "sync": sync(app),
        "destination": destination(app), "auto_sync": automated(app).is_some(),
    });
    if let Some(out) = out.as_object_mut() {
        let more = [
            ("health_message", text(app, "/status/health/message")),
            ("deleting_since", text(app, "/metadata/deletionTimestamp")),
        ];
        for (key, value) in more.into_iter().filter(|(_, value)| !value.is_empty()) {
            out.insert(key.into(), shortened(value, LONGEST).into());
        }
        if failed(app) || text(app, "/status/operationState/phase") == "Running" {
            out.insert("operation".into(), text(app, "/status/operationState/phase").into());
        }
    }
    out
}

/// Its conditions, shortened.
pub(crate) fn conditions(app: &Value) -> Vec<Value> {
    let told = |condition: &Value| {
        json!({
            "type": text(condition, "/type"), "message": shortened(text(condition, "/message"), LONGEST),
            "since": condition.get("lastTransitionTime"),
        })
    };
    list(app, "/status/conditions").iter().map(told).collect()
}

/// Who started it.
pub(crate) fn by(initiator: Option<&Value>) -> Value {
    let Some(initiator) = initiator else { return Value::Null };
    match text(initiator, "/username") {
        "" if initiator.get("automated").and_then(Value::as_bool) == Some(true) => "automated sync".into(),
        "" => Value::Null,
        user => user.into(),
    }
}

/// Its last operation, or the one that runs; null if there was none.
pub(crate) fn operation(app: &Value) -> Value {
    let Some(state) = app.pointer("/status/operationState") else { return Value::Null };
    let results = list(state, "/syncResult/resources");
    let told = |result: &&Value| {
        let message = shortened(text(result, "/message"), LONGEST);
        json!({
            "resource": format!("{}/{}", text(result, "/kind"), text(result, "/name")),
            "namespace": result.get("namespace"),
            "status": or_unknown([text(result, "/status"), text(result, "/hookPhase")].into_iter().find(|word| !word.is_empty()).unwrap_or_default()),
            "message": message,
        })
    };
    // What did not go well comes first; the rest is the long tail of "unchanged".
    let mut sorted: Vec<&Value> = results.iter().collect();
    sorted.sort_by_key(|result| match text(result, "/status") {
        "SyncFailed" => 0,
        _ if matches!(text(result, "/hookPhase"), "Failed" | "Error") => 0,
        "PruneSkipped" | "Pruned" => 1,
        _ => 2,
    });
    json!({
        "phase": text(state, "/phase"),
        "message": shortened(text(state, "/message"), LONGEST),
        "started": state.get("startedAt"), "finished": state.get("finishedAt"),
        "retries": state.get("retryCount"),
        "by": by(state.pointer("/operation/initiatedBy")),
        "dry_run": state.pointer("/operation/sync/dryRun").and_then(Value::as_bool).unwrap_or(false),
        "revision": text(state, "/syncResult/revision"),
        "resources_total": results.len(),
        "resources": sorted.iter().take(MOST).map(told).collect::<Vec<Value>>(),
    })
}

/// One of the revisions it had.
pub(crate) fn deployed(entry: &Value) -> Value {
    let revision = entry.get("revision").filter(|revision| revision.as_str() != Some(""));
    json!({
        "id": entry.get("id").unwrap_or(&json!(0)),
        "revision": revision.or_else(|| entry.get("revisions")),
        "deployed_at": entry.get("deployedAt"),
        "by": by(entry.get("initiatedBy")),
    })
}

/// What it had before, latest first.
pub(crate) fn history(app: &Value) -> Vec<&Value> {
    let mut history: Vec<&Value> = list(app, "/status/history").iter().collect();
    history
        .sort_by_key(|entry| std::cmp::Reverse(entry.get("id").and_then(Value::as_i64).unwrap_or_default()));
    history
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(health: &str, sync: &str, phase: &str) -> Value {
        json!({ "status": {
            "health": { "status": health }, "sync": { "status": sync }, "operationState": { "phase": phase }
        } })
    }

    #[test]
    fn the_worst_comes_first() {
        let sorted = [
            app("Degraded", "Synced", "Succeeded"),
            app("Missing", "OutOfSync", "Succeeded"),
            app("Healthy", "OutOfSync", "Failed"),
            app("Healthy", "Unknown", "Succeeded"),
            app("Progressing", "Synced", "Running"),
            app("Suspended", "Synced", "Succeeded"),
            app("Healthy", "OutOfSync", "Succeeded"),
            app("Healthy", "Synced", "Succeeded"),
        ];
        let ranks: Vec<u8> = sorted.iter().map(rank).collect();
        assert_eq!(ranks, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(rank(&json!({})), 3, "nothing is known of a new one");
    }

    #[test]
    fn automation_is_on_unless_it_says_otherwise() {
        let with =
            |automated: Value| automated_of(&json!({ "spec": { "syncPolicy": { "automated": automated } } }));
        fn automated_of(app: &Value) -> Option<(bool, bool)> {
            automated(app)
        }
        assert_eq!(with(json!({})), Some((false, false)));
        assert_eq!(with(json!({ "prune": true, "selfHeal": true })), Some((true, true)));
        assert_eq!((with(json!({ "enabled": false })), with(Value::Null)), (None, None));
    }
}
