//! One request, from who asks to what is answered.

use double_kit::{Reply, Request};
use serde_json::json;

use crate::cluster::{Metrics, State};
use crate::route::{Route, Target};
use crate::status::{Outcome, Status};
use crate::view::View;
use crate::{access, delete, discovery, eviction, list, logs, metrics, scale, write};

/// Answers.
pub fn answer(state: &mut State, request: &Request) -> Reply {
    outcome(state, request).unwrap_or_else(|status| status.reply())
}

fn outcome(state: &mut State, request: &Request) -> Outcome {
    access::authenticate(state, request)?;
    match Route::of(request) {
        Route::Objects(target) => objects(state, &target, request),
        Route::NoResource => Err(Status::no_resource()),
        Route::Nowhere => Ok(Reply::text(404, "404 page not found\n")),
        _ if request.method != "GET" => Err(Status::method_not_allowed()),
        Route::Version => Ok(Reply::json(200, &version())),
        Route::Health => Ok(health(request)),
        Route::Core => Ok(discovery::core(request)),
        Route::Groups => Ok(discovery::groups(request, state.metrics)),
        Route::Group(group) => Ok(discovery::group(&group)),
        Route::Resources(group, _) if group == "metrics.k8s.io" => {
            metrics::served(state)?;
            Ok(discovery::resources("metrics.k8s.io", "v1beta1"))
        }
        Route::Resources(group, version) => Ok(discovery::resources(&group, &version)),
    }
}

fn objects(state: &mut State, target: &Target, request: &Request) -> Outcome {
    if target.kind.is_measured() && state.metrics == Metrics::Absent {
        return Ok(Reply::text(404, "404 page not found\n"));
    }
    let part = target.subresource.as_deref();
    allowed(target, &request.method)?;
    access::authorize(state, target, target.verb(&request.method))?;
    match (request.method.as_str(), &target.name, part) {
        _ if target.kind.is_review() => access::review(state, target, request),
        _ if target.kind.is_measured() => metrics::answer(state, target, request),
        ("GET", Some(_), Some("log")) => logs::answer(state, target, request),
        ("POST", Some(_), Some("eviction")) => eviction::evict(state, target, request),
        (_, Some(_), Some("scale")) => scale::answer(state, target, request),
        ("GET", Some(name), _) => get(state, target, name, request),
        ("GET", None, _) => list::list(state, target, request),
        ("POST", None, _) => write::create(state, target, request),
        ("PUT", Some(name), _) => write::update(state, target, name, request),
        ("PATCH", Some(name), _) => write::patch(state, target, name, request),
        ("DELETE", Some(name), None) => delete::delete(state, target, name, request),
        ("DELETE", None, _) => delete::collection(state, target, request),
        _ => Err(Status::method_not_allowed()),
    }
}

/// Whether there is such an operation at all, whoever asks.
fn allowed(target: &Target, method: &str) -> Outcome<()> {
    let verb = target.verb(method);
    let allowed = match target.subresource.as_deref() {
        Some("log") => verb == "get",
        Some("eviction" | "binding" | "token") => verb == "create",
        Some("status" | "scale" | "ephemeralcontainers" | "resize" | "approval") => {
            ["get", "update", "patch"].contains(&verb)
        }
        Some("finalize") => verb == "update",
        // Streams, which are not played.
        Some(_) => false,
        // An object is made where objects of its kind are, and of a namespaced kind in its namespace.
        None if verb == "create" => {
            target.name.is_none() && (!target.kind.namespaced || !target.namespace.is_empty())
        }
        None => target.kind.verbs().contains(&verb),
    };
    if allowed { Ok(()) } else { Err(Status::method_not_allowed()) }
}

fn get(state: &State, target: &Target, name: &str, request: &Request) -> Outcome {
    let object = state.store.get(&target.key(name)).ok_or_else(|| Status::not_found(target.kind, name))?;
    View::of(request)?.one(target.kind, &object, request, state.now, 200)
}

fn version() -> serde_json::Value {
    json!({
        "major": "1", "minor": "35", "emulationMajor": "1", "emulationMinor": "35",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "34", "gitVersion": "v1.35.2",
        "gitCommit": "8cc511e399b929453cd98ae65b419c3cc227ec79", "gitTreeState": "clean",
        "buildDate": "2026-01-15T09:12:44Z", "goVersion": "go1.25.5", "compiler": "gc", "platform": "linux/amd64",
    })
}

const CHECKS: [&str; 6] =
    ["ping", "log", "etcd", "informer-sync", "poststarthook/rbac/bootstrap-roles", "shutdown"];

fn health(request: &Request) -> Reply {
    if request.param("verbose").is_none() {
        return Reply::text(200, "ok");
    }
    let lines: String = CHECKS.iter().map(|check| format!("[+]{check} ok\n")).collect();
    let what = request.segments().last().cloned().unwrap_or_default();
    Reply::text(200, &format!("{lines}{what} check passed\n"))
}
