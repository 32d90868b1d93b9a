//! Owns what follows from the facts of an application: one rule for each way to be out of sync or unhealthy.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use crate::app;
use crate::change::Change;
use crate::node::{self, Tree};

/// Resources that one finding tells of.
const MOST: usize = 10;
/// Paths that it tells of each.
const PATHS: usize = 3;

/// What was read.
pub(super) struct Facts<'a> {
    pub(super) app: &'a Value,
    pub(super) tree: &'a Tree,
    /// None: they could not be read.
    pub(super) changes: Option<&'a [Change]>,
    pub(super) windows: &'a Value,
}

fn finding(severity: &str, what: String, evidence: Vec<Value>, next: &str) -> Value {
    json!({ "severity": severity, "what": Value::from(what), "evidence": Value::from(evidence), "next": next })
}

impl Facts<'_> {
    /// In the order in which one thing is the cause of another: what cannot be compared cannot be synced, and what was not
    /// synced cannot be healthy.
    pub(super) fn findings(&self) -> Vec<Value> {
        let rules = [
            self.deleting(),
            self.conditions(),
            self.operation(),
            self.unhealthy(),
            self.out_of_sync(),
            self.waits(),
            self.window(),
        ];
        let mut found: Vec<Value> = rules.into_iter().flatten().collect();
        found.sort_by_key(|finding| text(finding, "/severity") != "error");
        found
    }

    pub(super) fn verdict(&self, findings: &[Value]) -> String {
        let (health, sync) = (app::health(self.app), app::sync(self.app));
        let name = app::name(self.app);
        match findings.first() {
            None => format!("{name} is {health} and {sync}: nothing is wrong that Argo CD knows of"),
            Some(first) => format!("{name} is {health} and {sync}: {}", text(first, "/what")),
        }
    }

    fn deleting(&self) -> Option<Value> {
        let since = text(self.app, "/metadata/deletionTimestamp");
        let finalizers = list(self.app, "/metadata/finalizers");
        let evidence = vec![json!({ "deleting_since": since, "finalizers": finalizers })];
        let next = "resources it cannot delete keep it: look at those that are left, with objects show=all";
        (!since.is_empty())
            .then(|| finding("error", format!("it is being deleted since {since}"), evidence, next))
    }

    /// What Argo CD itself complains of: it cannot render, the spec is wrong, two applications share a resource.
    fn conditions(&self) -> Option<Value> {
        let all = app::conditions(self.app);
        let first = all.iter().find(|one| is_error(one)).or(all.first())?;
        let kind = text(first, "/type");
        let next = match kind {
            "ComparisonError" => {
                "git or the cluster is not reached, or the manifests do not render: list of clusters and repositories for the connection, \
                 objects show=rendered for the error; refresh hard when it is mended"
            }
            "InvalidSpecError" => "the application's own spec is wrong: mend project, destination or source",
            "SyncError" => "see the operation's message; the same revision is not tried again by itself",
            "SharedResourceWarning" => {
                "two applications manage the resource that is named: take it out of one"
            }
            _ => "mend what the message says",
        };
        let what = format!("{kind}: {}", text(first, "/message"));
        Some(finding(if is_error(first) { "error" } else { "warning" }, what, all, next))
    }

    fn operation(&self) -> Option<Value> {
        let operation = app::operation(self.app);
        let phase = text(&operation, "/phase");
        let bad =
            |one: &&Value| matches!(text(one, "/status"), "SyncFailed" | "PruneSkipped" | "Failed" | "Error");
        let (severity, next) = match phase {
            "Failed" | "Error" => (
                "error",
                "mend what the messages say, then sync with dry_run; retrying alone changes nothing",
            ),
            "Running" | "Terminating" => {
                ("warning", "wait; a hook or a resource that does not become healthy holds it")
            }
            _ => return None,
        };
        let results: Vec<Value> = list(&operation, "/resources").iter().filter(bad).cloned().collect();
        let revision = text(&operation, "/revision");
        let mut evidence = vec![json!({
            "phase": phase, "message": text(&operation, "/message"), "revision": revision,
            "started": operation.get("started"), "finished": operation.get("finished"), "by": operation.get("by"),
        })];
        evidence.extend(results.into_iter().take(MOST));
        let what = match phase {
            "Failed" | "Error" => format!("the last sync failed: {}", text(&operation, "/message")),
            _ => format!(
                "a sync is under way since {}: {}",
                text(&operation, "/started"),
                text(&operation, "/message")
            ),
        };
        Some(finding(severity, what, evidence, next))
    }

    fn unhealthy(&self) -> Option<Value> {
        let causes = self.tree.causes();
        let first = causes.first()?;
        let health = node::health(first);
        let said = node::message(first);
        let colon = if said.is_empty() { "" } else { ": " };
        let more = causes.len().saturating_sub(1);
        let others = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        let what = format!("{} is {health}{colon}{said}{others}", node::label(first));
        let next = match (health, text(first, "/kind")) {
            ("Degraded", "Pod") => "logs of the pod, with previous if it restarts; events below",
            ("Suspended", _) => "it waits for somebody: resume it if that is meant",
            ("Missing", _) => "it is not in the cluster: sync creates it",
            _ => "its message and the events below",
        };
        let severity = if matches!(health, "Degraded" | "Missing") { "error" } else { "warning" };
        let evidence = causes.iter().take(MOST).map(|node| self.tree.told(node)).collect();
        Some(finding(severity, what, evidence, next))
    }

    fn out_of_sync(&self) -> Option<Value> {
        if app::sync(self.app) != "OutOfSync" {
            return None;
        }
        let Some(changes) = self.changes else {
            let what = "it is OutOfSync, and what differs could not be read".to_owned();
            return Some(finding("warning", what, Vec::new(), "objects show=diff, which says why"));
        };
        let changed: Vec<&Change> = changes.iter().filter(|change| !change.what.is_empty()).collect();
        if changed.is_empty() {
            let what = "it is OutOfSync, but no managed resource differs now".to_owned();
            return Some(finding("warning", what, Vec::new(), "refresh, then look again"));
        }
        let count = |what: &str| changed.iter().filter(|change| change.what == what).count();
        let counts = ["change", "create", "prune"].map(|what| (what, count(what)));
        let words: Vec<String> =
            counts.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{what} {n}")).collect();
        let told = |change: &&Change| {
            json!({
                "resource": format!("{}/{}", change.kind, change.name), "sync_would": change.what,
                "paths_total": change.paths.len(), "paths": change.paths.iter().take(PATHS).collect::<Vec<&Value>>(),
            })
        };
        let evidence = changed.iter().take(MOST).map(told).collect();
        let next = if count("prune") > 0 {
            "objects show=diff for all of it; sync with dry_run, and with prune only if what goes is meant to go"
        } else {
            "objects show=diff for all of it; sync with dry_run"
        };
        Some(finding("warning", format!("a sync would {}", words.join(", ")), evidence, next))
    }

    /// Why it does not sync by itself.
    fn waits(&self) -> Option<Value> {
        if app::sync(self.app) != "OutOfSync" {
            return None;
        }
        let tried = text(self.app, "/status/operationState/syncResult/revision");
        let wanted = text(self.app, "/status/sync/revision");
        let evidence =
            vec![json!({ "auto_sync": app::auto_sync(self.app), "tried": tried, "wanted": wanted })];
        let (what, next) = match app::automated(self.app) {
            None => {
                ("automated sync is off, so it waits for somebody to sync", "sync with dry_run, then without")
            }
            Some((_, false)) if !tried.is_empty() && tried == wanted => (
                "this revision was synced before and self-heal is off, so what was changed by hand since stays",
                "sync, or find who changes it: what differs tells which field",
            ),
            Some((false, _)) if self.prunes() => {
                ("automated sync does not prune here", "sync with prune, if what goes is meant to go")
            }
            Some(_) => return None,
        };
        Some(finding("info", what.to_owned(), evidence, next))
    }

    fn prunes(&self) -> bool {
        self.changes.is_some_and(|changes| changes.iter().any(|change| change.what == "prune"))
    }

    fn window(&self) -> Option<Value> {
        // Left out is false, in this API: `canSync` alone says nothing unless there are windows.
        let assigned = list(self.windows, "/assignedWindows");
        let can = self.windows.get("canSync").and_then(Value::as_bool) == Some(true);
        let what = "a sync window forbids syncing now".to_owned();
        let evidence =
            list(self.windows, "/activeWindows").iter().chain(assigned).take(MOST).cloned().collect();
        (!can && !assigned.is_empty())
            .then(|| finding("warning", what, evidence, "wait for the window, or ask who owns the project"))
    }
}

fn is_error(condition: &Value) -> bool {
    text(condition, "/type").ends_with("Error")
}
