//! Argo CD, played for tests: five applications, their trees, differences and events, and operations that take their time.
//!
//! It behaves as the real one where that matters: what is empty is left out, an unknown application is forbidden rather than
//! missing, operations are noted first and done later, refusals have a gRPC code, logs are a stream of JSON lines.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a double fails by panicking, which fails the test"
)]

mod data;
mod examples;

use std::sync::{Arc, Mutex};

use double_kit::{Contract, Double, Reply, Request};
use serde_json::{Value, json};

pub use examples::examples;

/// The operations it knows.
pub const TABLE: &str = include_str!("../../../../components/argocd/api.txt");

/// One Argo CD.
#[derive(Debug)]
pub struct ArgoCd {
    contract: Contract,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: f64,
    apps: Vec<data::Played>,
    /// Operations so far: each begins a second after the one before.
    begun: u32,
    /// How often an application is read before what was noted is done.
    patience: u32,
}

/// An Argo CD of a shop, one of whose deliveries failed before `now`.
pub fn double(now: f64) -> Arc<dyn Double> {
    Arc::new(ArgoCd::new(now))
}

impl ArgoCd {
    /// The shop's.
    pub fn new(now: f64) -> Self {
        let state = State { now, apps: data::apps(now), begun: 0, patience: 1 };
        Self { contract: Contract::parse(TABLE), state: Mutex::new(state) }
    }

    /// One without any application.
    pub fn empty(now: f64) -> Self {
        let double = Self::new(now);
        double.state.lock().unwrap().apps.clear();
        double
    }

    /// The same, but operations are done only when the application was read so many times.
    #[must_use]
    pub fn patient(self, reads: u32) -> Self {
        self.state.lock().unwrap().patience = reads;
        self
    }

    /// Changes an application.
    pub fn change(&self, name: &str, pointer: &str, value: Value) {
        let mut state = self.state.lock().unwrap();
        let played = state.apps.iter_mut().find(|played| played.name() == name).unwrap();
        *played.app.pointer_mut(pointer).unwrap() = value;
    }
}

fn refused(status: u16, code: u32, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": message, "code": code, "message": message }))
}

/// An empty list is left out by the gateway, and comes as `null` where it is written by hand.
fn items(items: Vec<Value>) -> Reply {
    let items = if items.is_empty() { Value::Null } else { items.into() };
    if items.is_null() {
        return Reply::json(200, &json!({ "metadata": { "resourceVersion": "1" }, "items": null }));
    }
    Reply::json(200, &json!({ "metadata": { "resourceVersion": "1" }, "items": items }))
}

impl State {
    fn list(&self, request: &Request) -> Reply {
        let projects: Vec<&str> = request.params("projects").collect();
        let text =
            |app: &Value, pointer: &str| app.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let label = match request.param("selector").map(|selector| selector.split_once('=')) {
            Some(None) => {
                let why = "unable to parse selector: found '', expected: '='";
                return refused(400, 3, why);
            }
            Some(pair) => pair,
            None => None,
        };
        let fits = |app: &&Value| {
            let project = text(app, "/spec/project").unwrap_or_default();
            let repo = text(app, "/spec/source/repoURL");
            (projects.is_empty() || projects.contains(&&*project))
                && request.param("repo").is_none_or(|wanted| repo.as_deref() == Some(wanted))
                && label.is_none_or(|(key, value)| app["metadata"]["labels"][key] == value)
        };
        let fields = request.param("fields");
        let shaped = |app: &Value| fields.map_or_else(|| app.clone(), |fields| picked(app, fields));
        items(self.apps.iter().map(|played| &played.app).filter(fits).map(shaped).collect())
    }

    /// The application a request is about; nobody learns which ones there are.
    fn find(&self, request: &Request) -> Result<usize, Reply> {
        let segments = request.segments();
        let body = request.json();
        let namespace = request.param("appNamespace").or(body["appNamespace"].as_str()).unwrap_or("argocd");
        let full = format!("{namespace}/{}", segments[3]);
        let found = self.apps.iter().position(|played| played.name() == full);
        found.ok_or_else(|| refused(403, 7, "permission denied"))
    }

    fn start(&mut self, place: usize, what: &str, body: &Value) -> Reply {
        let played = &mut self.apps[place];
        if !played.app["operation"].is_null() {
            return refused(400, 9, "another operation is already in progress");
        }
        if body["revision"] == "nowhere" {
            return refused(400, 9, "unable to resolve 'nowhere' to a commit SHA");
        }
        let dry_run = body["dryRun"] == true;
        let mut sync = json!({ "prune": body["prune"] == true, "dryRun": dry_run });
        let revision = match what {
            "rollback" => {
                let history = played.app["status"]["history"].as_array().unwrap();
                history.iter().find(|entry| entry["id"] == body["id"]).unwrap()["revision"].clone()
            }
            _ if body["revision"].is_string() => body["revision"].clone(),
            _ => played.app["status"]["sync"]["revision"].clone(),
        };
        sync["revision"] = revision;
        played.app["operation"] = json!({ "sync": sync, "initiatedBy": { "username": "bulkhead" } });
        played.left = self.patience;
        Reply::json(200, &played.app)
    }

    /// What the controller does between two reads.
    fn pass(&mut self, place: usize) {
        let (now, begun) = (self.now, self.begun);
        let played = &mut self.apps[place];
        if played.app["operation"].is_null() {
            return;
        }
        played.left = played.left.saturating_sub(1);
        if played.left == 0 {
            self.begun = begun + 1;
            played.done(now + f64::from(begun) + 1.0);
        }
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["api", "version"] => {
                Reply::json(200, &json!({ "Version": "v3.6.0+37ee009", "GoVersion": "go1.25" }))
            }
            [.., "session", "userinfo"] => {
                Reply::json(200, &json!({ "loggedIn": true, "username": "bulkhead" }))
            }
            [.., "applications"] => self.list(request),
            [.., "projects"] => items(data::projects()),
            [.., "clusters"] => items(data::clusters(self.now)),
            [.., "repositories"] => items(data::repositories(self.now)),
            [_, _, _, _, rest @ ..] => {
                let place = match self.find(request) {
                    Ok(place) => place,
                    Err(reply) => return reply,
                };
                if rest.is_empty() {
                    self.pass(place);
                }
                let played = &self.apps[place];
                match rest {
                    [] => Reply::json(200, &played.app),
                    ["resource-tree"] => Reply::json(200, &played.tree),
                    ["managed-resources"] => Reply::json(200, &played.managed),
                    ["manifests"] => played.manifests(request.param("revision")),
                    ["events"] => Reply::json(200, &played.events(request.param("resourceUID"))),
                    ["syncwindows"] => Reply::json(200, &played.windows),
                    ["revisions", revision, "metadata"] => {
                        Reply::json(200, &data::commit(revision, self.now))
                    }
                    ["logs"] => played.logs(request),
                    [what @ ("sync" | "rollback")] => self.start(place, what, &request.json()),
                    _ => refused(404, 5, "Not Found"),
                }
            }
            _ => refused(404, 5, "Not Found"),
        }
    }
}

/// An item with the fields of `items.…` that are named, as the list has them.
fn picked(app: &Value, fields: &str) -> Value {
    let mut out = json!({});
    for field in fields.split(',') {
        let path: Vec<&str> = field.trim_start_matches("items.").split('.').collect();
        let Some(found) = app.pointer(&format!("/{}", path.join("/"))) else { continue };
        let mut into = &mut out;
        for name in &path {
            into = &mut into[*name];
        }
        *into = found.clone();
    }
    out
}

impl Double for ArgoCd {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn answer(&self, request: &Request) -> Reply {
        self.state.lock().unwrap().answer(request)
    }
}
