//! What takes objects away, and what goes with them.

use std::sync::Arc;

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::cluster::State;
use crate::kinds::{KINDS, Kind};
use crate::list::Chosen;
use crate::options::{dry_causes, refused};
use crate::route::Target;
use crate::status::{Cause, Outcome, Status, success};
use crate::store::Key;
use crate::view::View;
use crate::{clock, followers};

/// How a deletion is done.
#[derive(Debug)]
pub struct Options {
    dry: bool,
    grace: Option<i64>,
    policy: String,
    uid: Value,
    revision: Value,
}

impl Options {
    /// Of a request: in its body, or else in its query.
    pub fn of(request: &Request) -> Outcome<Self> {
        let body = request.json();
        let query = |name: &str| request.param(name).map(str::to_owned);
        let said = |name: &str| body[name].as_str().map(str::to_owned).or_else(|| query(name));
        let number = || query("gracePeriodSeconds").and_then(|text| text.parse().ok());
        let mut dry: Vec<&str> =
            body["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        dry.extend(request.params("dryRun"));
        let policy = said("propagationPolicy").unwrap_or_default();
        let grace = body["gracePeriodSeconds"].as_i64().or_else(number);
        let mut causes = dry_causes(dry.iter().copied());
        let policies = ["Foreground", "Background", "Orphan"];
        if !policy.is_empty() && !policies.contains(&policy.as_str()) {
            causes.push(Cause::unsupported("propagationPolicy", &json!(policy), &policies));
        }
        if grace.is_some_and(|grace| grace < 0) {
            let why = "must be greater than or equal to 0";
            causes.push(Cause::invalid("gracePeriodSeconds", &json!(grace), why));
        }
        if !causes.is_empty() {
            return Err(refused("DeleteOptions", &causes));
        }
        let preconditions = &body["preconditions"];
        let (uid, revision) = (preconditions["uid"].clone(), preconditions["resourceVersion"].clone());
        Ok(Self { dry: !dry.is_empty(), grace, policy, uid, revision })
    }

    /// As an eviction has them.
    pub fn within(options: &Value, dry: bool) -> Self {
        let dry = dry || options["dryRun"].as_array().is_some_and(|all| !all.is_empty());
        Self {
            dry,
            grace: options["gracePeriodSeconds"].as_i64(),
            policy: String::new(),
            uid: options["preconditions"]["uid"].clone(),
            revision: options["preconditions"]["resourceVersion"].clone(),
        }
    }

    /// Whether nothing is taken away.
    pub fn is_dry(&self) -> bool {
        self.dry
    }

    /// Whether the object is the one that is meant.
    pub fn check(&self, kind: &Kind, name: &str, object: &Value) -> Outcome<()> {
        let metadata = &object["metadata"];
        let differs = |wanted: &Value, field: &str| !wanted.is_null() && *wanted != metadata[field];
        let why = |what: &str, wanted: &Value, field: &str| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (wanted, known) = (text(wanted), text(&metadata[field]));
            let why = format!(
                "Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {known}"
            );
            Err(Status::conflict(kind, name, &why))
        };
        if differs(&self.uid, "uid") {
            return why("UID", &self.uid, "uid");
        }
        if differs(&self.revision, "resourceVersion") {
            return why("ResourceVersion", &self.revision, "resourceVersion");
        }
        Ok(())
    }
}

/// DELETE of one object.
pub fn delete(state: &mut State, target: &Target, name: &str, request: &Request) -> Outcome {
    let options = Options::of(request)?;
    let kind = target.kind;
    let object = state.store.get(&target.key(name)).ok_or_else(|| Status::not_found(kind, name))?;
    options.check(kind, name, &object)?;
    if kind.kind == "Namespace" && ["default", "kube-system", "kube-public"].contains(&name) {
        return Err(Status::forbidden(kind, name, "this namespace may not be deleted"));
    }
    let (left, stays) = gone(state, kind, &target.key(name), &object, &options);
    if stays || kind.returns_deleted() || kind.kind == "Namespace" {
        return View::of(request)?.one(kind, &left, request, state.now, 200);
    }
    let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
    Ok(Reply::json(200, &success(kind, name, uid)))
}

/// DELETE of all that are selected.
pub fn collection(state: &mut State, target: &Target, request: &Request) -> Outcome {
    let options = Options::of(request)?;
    let chosen = Chosen::of(target.kind, request)?;
    let all =
        state.store.read(None, &target.kind.storage(), Some(&target.namespace), None).unwrap_or_default();
    let all: Vec<_> = all.into_iter().filter(|(_, object)| chosen.has(object)).collect();
    for (key, object) in &all {
        gone(state, target.kind, key, object, &options);
    }
    let objects: Vec<Arc<Value>> = all.into_iter().map(|(_, object)| object).collect();
    let meta = json!({ "resourceVersion": state.store.revision().to_string() });
    View::of(request)?.list(target.kind, &objects, &meta, request, state.now)
}

/// Takes an object away, or marks it if somebody has to finish first: what is left of it, and whether it stays.
pub fn gone(state: &mut State, kind: &Kind, key: &Key, object: &Value, options: &Options) -> (Value, bool) {
    let mut left = object.clone();
    let held = object["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty());
    let graceful = kind.kind == "Pod" && options.grace != Some(0);
    if held || graceful || kind.kind == "Namespace" {
        let pod = object["spec"]["terminationGracePeriodSeconds"].as_i64().filter(|_| graceful);
        let grace = options.grace.or(pod).unwrap_or(0);
        left["metadata"]["deletionGracePeriodSeconds"] = grace.into();
        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        let end = clock::rfc3339(state.now + grace as f64);
        left["metadata"]["deletionTimestamp"] = end.into();
    }
    if kind.kind == "Namespace" {
        left["status"]["phase"] = "Terminating".into();
    }
    if options.dry {
        return (left, held);
    }
    if held {
        left = (*state.store.put(key.clone(), left)).clone();
        return (left, true);
    }
    state.store.remove(key);
    if kind.kind == "Namespace" {
        state.store.keys().iter().filter(|inner| inner.1 == key.2).for_each(|inner| {
            state.store.remove(inner);
        });
    }
    collect(state, &object["metadata"]["uid"], options.policy == "Orphan");
    followers::endpoints(state, &key.1);
    (left, false)
}

/// What an object owned goes too, or is nobody's from now on.
fn collect(state: &mut State, uid: &Value, orphan: bool) {
    for key in state.store.keys() {
        let Some(object) = state.store.get(&key) else { continue };
        let owners = object["metadata"]["ownerReferences"].as_array();
        if !owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == *uid)) {
            continue;
        }
        if orphan {
            let mut free = (*object).clone();
            let owners = free["metadata"]["ownerReferences"].as_array_mut().unwrap();
            owners.retain(|owner| owner["uid"] != *uid);
            if owners.is_empty() {
                free["metadata"].as_object_mut().map(|metadata| metadata.remove("ownerReferences"));
            }
            state.store.put(key, free);
        } else if KINDS.iter().any(|kind| kind.storage() == key.0) {
            state.store.remove(&key);
            collect(state, &object["metadata"]["uid"], false);
        }
    }
}
