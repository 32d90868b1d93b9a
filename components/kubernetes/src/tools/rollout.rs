//! `rollout`: a workload goes back to what it was, around again, or on; and what it was, for `get`.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::rfc3339;
use bulkhead_sdk::value::text;

use super::{Object, now, say_dry, tried};
use crate::Kubernetes;
use crate::api::{Api, Patching, Select};
use crate::diff::changes;
use crate::kind::{self, Kind, known};
use crate::object::{age, flag, name, number, owned_by};
use crate::selector;
use crate::workload::{ROLLING, images};

const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";
const CAUSE: &str = "/metadata/annotations/kubernetes.io~1change-cause";
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// The label a Deployment gives the template of each revision.
const HASH: &str = "pod-template-hash";

/// The revisions that are shown.
const REVISIONS: usize = 10;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Act {
    /// What to do.
    action: Action,
    /// `deploy`, `sts` or `ds`.
    kind: String,
    /// Its name.
    name: String,
    /// Default: configured.
    namespace: Option<String>,
    /// To undo to. Default: the one before.
    #[schemars(range(min = 1, max = 1_000_000))]
    revision: Option<u32>,
    /// Default true.
    dry_run: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Action {
    Undo,
    Restart,
    Pause,
    Resume,
}

returns!(Changed { changes: "array" });

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::writes(
            "rollout",
            "Roll back, restart, pause",
            "Undoes to a revision (`get` lists them), restarts, pauses or resumes.",
            act,
        )
        .destructive()
        .output::<Changed>(),
    )
}

/// A workload and where it is.
async fn workload(api: &Api, kind: &str, name: &str, namespace: &str) -> Result<(Kind, Value)> {
    let kind = kind::resolve(api, kind).await?;
    if !ROLLING.contains(&&*kind.kind) {
        return Err(Error::invalid(
            "kind",
            format!("a {} does not roll out: expected {}", kind.kind, ROLLING.join(", ")),
        ));
    }
    let object = api.get(kind.at(Some(namespace)).named(name)).await?;
    Ok((kind, object))
}

/// The newest revisions of a workload, for `get`, and how many are older.
pub(super) async fn history(api: &Api, kind: &Kind, object: &Value, now: f64) -> Result<(Vec<Value>, usize)> {
    let namespace = text(object, "/metadata/namespace");
    let revisions = revisions(api, kind, object, namespace).await?;
    let rows = revisions.iter().take(REVISIONS).map(|revision| revision.row(now)).collect();
    Ok((rows, revisions.len().saturating_sub(REVISIONS)))
}

/// A revision that can be gone back to.
struct Revision {
    number: i64,
    current: bool,
    /// The ReplicaSet or ControllerRevision that keeps it.
    keeper: Value,
    template: Value,
}

impl Revision {
    fn row(&self, now: f64) -> Value {
        let mut row = json!({ "revision": self.number, "images": images(&self.template) });
        if let Some(row) = row.as_object_mut() {
            if self.current {
                row.insert("current".into(), true.into());
            }
            row.extend(age(&self.keeper, now).map(|age| ("age".to_owned(), age.into())));
            if text(&self.keeper, "/kind") != "ControllerRevision"
                && self.keeper.pointer("/status/replicas").is_some()
            {
                row.insert("replicas".into(), number(&self.keeper, "/status/replicas").into());
            }
            if !text(&self.keeper, CAUSE).is_empty() {
                row.insert("cause".into(), text(&self.keeper, CAUSE).into());
            }
        }
        row
    }
}

/// Every revision that is kept, newest first.
async fn revisions(api: &Api, kind: &Kind, object: &Value, namespace: &str) -> Result<Vec<Revision>> {
    let keeps = if kind.kind == "Deployment" { "ReplicaSet" } else { "ControllerRevision" };
    let select =
        object.pointer("/spec/selector").and_then(selector::query).map(Select::labels).unwrap_or_default();
    let all = api.all(known(keeps).at(Some(namespace)), &select).await?;
    let uid = text(object, "/metadata/uid");
    let mut found: Vec<Revision> = all
        .items
        .into_iter()
        .filter(|keeper| owned_by(keeper, uid))
        .map(|keeper| {
            let of_set = || text(&keeper, REVISION).parse().unwrap_or_default();
            let (number, template) = match keeps {
                "ReplicaSet" => (of_set(), keeper.pointer("/spec/template")),
                _ => (number(&keeper, "/revision"), keeper.pointer("/data/spec/template")),
            };
            Revision { number, current: false, template: template.cloned().unwrap_or_default(), keeper }
        })
        .collect();
    found.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    let current = match &*kind.kind {
        "Deployment" => {
            found.iter().position(|revision| text(object, REVISION) == revision.number.to_string())
        }
        "StatefulSet" => {
            found.iter().position(|revision| name(&revision.keeper) == text(object, "/status/updateRevision"))
        }
        _ => None,
    };
    if let Some(revision) = found.get_mut(current.unwrap_or(0)) {
        revision.current = true;
    }
    Ok(found)
}

async fn act(service: &Kubernetes, args: Act, call: &Call) -> Result<Output> {
    let dry_run = tried(args.dry_run);
    let (api, namespace) = (&service.api, service.api.one(args.namespace.as_deref())?);
    let (kind, object) = workload(api, &args.kind, &args.name, namespace).await?;
    let paused = flag(&object, "/spec/paused");
    let mut out = Object::new();
    let (how, body) = match args.action {
        Action::Pause | Action::Resume if kind.kind != "Deployment" => {
            return Err(Error::invalid(
                "kind",
                format!("a {} cannot be paused: only a Deployment can", kind.kind),
            ));
        }
        Action::Undo | Action::Restart if paused => {
            return Err(Error::invalid(
                "action",
                "the Deployment is paused, so that nothing would happen: resume it first",
            ));
        }
        Action::Pause => (Patching::Merge, json!({ "spec": { "paused": true } })),
        Action::Resume => (Patching::Merge, json!({ "spec": { "paused": null } })),
        Action::Restart => {
            let stamp = json!({ RESTARTED: rfc3339(now(call)) });
            (Patching::Merge, json!({ "spec": { "template": { "metadata": { "annotations": stamp } } } }))
        }
        Action::Undo => {
            let revision = wanted(revisions(api, &kind, &object, namespace).await?, args.revision)?;
            out.insert("to_revision".into(), revision.number.into());
            back(&kind, revision)
        }
    };
    let after = api.patch(kind.at(Some(namespace)).named(&args.name), how, &body, dry_run, "action").await?;
    out.insert("object".into(), format!("{}/{}", kind.kind, args.name).into());
    out.insert("changes".into(), changes(&object, &after).into());
    say_dry(&mut out, dry_run);
    if !dry_run && args.action != Action::Pause {
        out.insert("note".into(), "It rolls out now: `wait` with condition `rollout` follows it.".into());
    }
    Ok(Output::json(&out))
}

/// The revision to go back to: the one that is named, or the newest beside the current one.
fn wanted(revisions: Vec<Revision>, number: Option<u32>) -> Result<Revision> {
    let there: Vec<String> = revisions.iter().map(|revision| revision.number.to_string()).collect();
    let found = revisions.into_iter().find(|revision| match number {
        Some(number) => revision.number == i64::from(number),
        None => !revision.current,
    });
    found.ok_or_else(|| {
        let message = match number {
            Some(number) => format!("there is no revision {number}; there are {}", there.join(", ")),
            None => format!("there is none to go back to; there is only {}", there.join(", ")),
        };
        Error::invalid("revision", message)
    })
}

/// The patch that brings a revision back.
fn back(kind: &Kind, mut revision: Revision) -> (Patching, Value) {
    if kind.kind != "Deployment" {
        let data = revision.keeper.pointer_mut("/data").map(Value::take).unwrap_or_default();
        return (Patching::Strategic, data);
    }
    if let Some(labels) = revision.template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    (Patching::Json, json!([{ "op": "replace", "path": "/spec/template", "value": revision.template }]))
}
