//! The cluster as a test holds it: it plants, looks, and breaks.

use std::collections::BTreeMap;
use std::sync::Mutex;

use double_kit::{Contract, Double, Reply, Request};
use serde_json::{Value, json};

use crate::access::Denial;
use crate::kinds::{self, Kind};
use crate::logs::Logs;
use crate::store::{Key, Store};
use crate::{clock, seed, server};

/// The operations of the component.
const TABLE: &str = include_str!("../../../../components/kubernetes/api.txt");

/// A cluster that is played.
#[derive(Debug)]
pub struct Cluster {
    contract: Contract,
    state: Mutex<State>,
    requests: Mutex<Vec<Request>>,
}

/// All that changes.
#[derive(Debug)]
pub struct State {
    /// Unix seconds, always the same.
    pub now: f64,
    /// The objects.
    pub store: Store,
    /// What containers wrote.
    pub logs: Logs,
    /// What the user may not.
    pub denied: Vec<Denial>,
    /// The only token that is good; none: no token is needed.
    pub token: Option<String>,
    /// What is measured of a container: `(namespace, pod, container)` to thousandths of a core, and Ki.
    pub usage: BTreeMap<(String, String, String), (u64, u64)>,
    /// Whether metrics are served.
    pub metrics: Metrics,
    /// Whether nothing follows a write, because the controllers are held.
    pub held: bool,
}

/// How the metrics API is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// It answers.
    Served,
    /// It is known, and what stands behind it does not answer.
    Down,
    /// Nobody installed it.
    Absent,
}

impl State {
    fn new(now: f64) -> Self {
        Self {
            now,
            store: Store::new(),
            logs: Logs::default(),
            denied: Vec::new(),
            token: None,
            usage: BTreeMap::new(),
            metrics: Metrics::Served,
            held: false,
        }
    }

    /// Keeps an object as if it had been there: its metadata is filled in, and nothing is checked.
    pub fn plant(&mut self, mut object: Value) -> Value {
        let kind = kind_of(&object);
        let key = key_of(kind, &object);
        let known = self.store.get(&key);
        let kept = |field: &str| known.as_ref().map(|known| known["metadata"][field].clone());
        let created = clock::rfc3339(self.now - 86_400.0);
        let fill = |object: &mut Value, field: &str, value: Value| {
            if object["metadata"][field].is_null() {
                object["metadata"][field] = value;
            }
        };
        let uid = kept("uid").unwrap_or_else(|| self.store.uid().into());
        fill(&mut object, "uid", uid);
        fill(&mut object, "creationTimestamp", kept("creationTimestamp").unwrap_or_else(|| created.into()));
        if kind.has_generation() {
            fill(&mut object, "generation", kept("generation").unwrap_or_else(|| json!(1)));
        }
        (*self.store.put(key, object)).clone()
    }
}

impl Cluster {
    /// One with the seed.
    pub fn new(now: f64) -> Self {
        let cluster = Self::empty(now);
        seed::plant(&mut cluster.state());
        cluster
    }

    /// One with nothing in it.
    pub fn empty(now: f64) -> Self {
        Self {
            contract: Contract::parse(TABLE),
            state: Mutex::new(State::new(now)),
            requests: Mutex::default(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Plants an object, or puts it in another's place; what it lacks of metadata is filled in.
    #[track_caller]
    pub fn put(&self, object: Value) -> Value {
        self.state().plant(object)
    }

    /// An object; the cluster's own have an empty namespace.
    #[track_caller]
    pub fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        Some((*self.state().store.get(&key(kind, namespace, name))?).clone())
    }

    /// Changes an object behind the server's back.
    #[track_caller]
    pub fn edit(&self, kind: &str, namespace: &str, name: &str, edit: impl FnOnce(&mut Value)) {
        let mut object = self.object(kind, namespace, name).unwrap_or_else(|| panic!("no {kind} {name}"));
        edit(&mut object);
        self.state().plant(object);
    }

    /// Takes an object away.
    #[track_caller]
    pub fn remove(&self, kind: &str, namespace: &str, name: &str) {
        assert!(self.state().store.remove(&key(kind, namespace, name)).is_some(), "no {kind} {name}");
    }

    /// Takes away all of a kind in a namespace.
    pub fn clear(&self, kind: &str, namespace: &str) {
        let mut state = self.state();
        let resource = kind_named(kind).storage();
        let keys = state.store.keys().into_iter();
        for key in keys.filter(|key| key.0 == resource && key.1 == namespace) {
            state.store.remove(&key);
        }
    }

    /// Sets what a container wrote, or the one before it: seconds ago, and the line.
    pub fn log(&self, namespace: &str, pod: &str, container: &str, previous: bool, lines: &[(f64, &str)]) {
        let mut state = self.state();
        let now = state.now;
        state.logs.set(now, (namespace, pod, container, previous), lines);
    }

    /// Sets what is measured of a container: thousandths of a core, and Ki of memory.
    pub fn usage(&self, namespace: &str, pod: &str, container: &str, milli: u64, ki: u64) {
        let key = (namespace.to_owned(), pod.to_owned(), container.to_owned());
        self.state().usage.insert(key, (milli, ki));
    }

    /// Makes a condition of a node true (`MemoryPressure`), or `Ready` false.
    #[track_caller]
    pub fn pressure(&self, node: &str, condition: &str) {
        let since = clock::rfc3339(self.state().now - 600.0);
        let (status, reason, message) = match condition {
            "Ready" => ("False", "KubeletNotReady".to_owned(), "container runtime is down".to_owned()),
            other => ("True", format!("KubeletHas{other}"), format!("kubelet has {other}")),
        };
        self.edit("Node", "", node, |object| {
            let conditions = object["status"]["conditions"].as_array_mut().unwrap();
            conditions.retain(|one| one["type"] != condition);
            conditions.push(json!({
                "type": condition, "status": status, "reason": reason, "message": message,
                "lastHeartbeatTime": since, "lastTransitionTime": since,
            }));
        });
    }

    /// The user may not do this any more; `*` is anything, an empty namespace is all of them and the cluster.
    /// A part of an object is `pods/log`.
    pub fn deny(&self, verb: &str, resource: &str, namespace: &str) {
        self.state().denied.push(Denial::new(verb, resource, namespace));
    }

    /// Every request needs this bearer token from now on.
    pub fn require_token(&self, token: &str) {
        self.state().token = Some(token.to_owned());
    }

    /// Continue tokens given so far expire.
    pub fn compact(&self) {
        self.state().store.compact();
    }

    /// From now on no controller does anything after a write: a rollout does not get on.
    pub fn hold_controllers(&self) {
        self.state().held = true;
    }

    /// How the metrics API is from now on.
    pub fn metrics(&self, metrics: Metrics) {
        self.state().metrics = metrics;
    }

    /// Each request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.requests.lock().unwrap().clear();
    }
}

impl Double for Cluster {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn answer(&self, request: &Request) -> Reply {
        self.requests.lock().unwrap().push(request.clone());
        server::answer(&mut self.state(), request)
    }
}

#[track_caller]
fn kind_named(kind: &str) -> &'static Kind {
    kinds::named(kind).unwrap_or_else(|| panic!("there is no kind {kind}"))
}

#[track_caller]
fn key(kind: &str, namespace: &str, name: &str) -> Key {
    (kind_named(kind).storage(), namespace.to_owned(), name.to_owned())
}

#[track_caller]
fn kind_of(object: &Value) -> &'static Kind {
    let word = |field: &str| object[field].as_str().unwrap_or_default();
    kinds::of(word("apiVersion"), word("kind")).unwrap_or_else(|| panic!("no kind is that of {object}"))
}

#[track_caller]
fn key_of(kind: &Kind, object: &Value) -> Key {
    let word = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    assert!(kind.namespaced != word("namespace").is_empty(), "where is {object}?");
    (kind.storage(), word("namespace"), word("name"))
}
