//! What the stages of a call are counted and timed on: a host with everything on in this process, and one request of
//! it, as bytes, as HTTP, and as what each stage is given.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use axum::{
    body::Body,
    http::{HeaderMap, Request},
};
use bulkhead::{
    app,
    ask::Accepts,
    audit::{Decision, Egress, Entry, Log},
    auth::Caller,
    call::Host,
    catalog::Route,
    config::{audit::Audit, load},
    egress::Policy,
    limit::Admission,
    live::Snapshot,
    metrics::Metrics,
    operation::{Operation, Outcome},
    permit::{Checked, Permit},
    record::{CallRecord, Records},
    request::{Brought, CallId, CallRequest, Credentials, Events, Scope, Via},
    sandbox::{self, Produced},
    secret::Secret,
    trace::Tracer,
    transport::{
        http::{App, Peer},
        message::{self, Incoming},
    },
};
use futures::FutureExt;
use http_body_util::BodyExt;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::{config::Front, policy};

/// Of each stage: what differs from one to the next, such as a buffer that grows, is a small part.
pub(crate) const TIMES: usize = 50;

/// One key, so that no count depends on it.
fn key() -> Secret {
    Secret::new("bulkhead_the-key-of-those-who-count".to_owned())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("instructions")
}

/// Writes what every stage finds: the component and the configuration.
pub(crate) fn prepare() {
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests/add");
    let built = guest_builder::build(&guest, None, &|line| eprintln!("{line}")).unwrap();
    std::fs::create_dir_all(folder()).unwrap();
    // An audit log that is there already is read at the start.
    for log in ["audit", "audit-of-stages"] {
        let _ = std::fs::remove_dir_all(folder().join(log));
    }
    std::fs::write(folder().join("bench.yaml"), Front::Everything.one(&built.wasm, &key())).unwrap();
}

/// A host, and what it is asked.
pub(crate) struct Ready {
    runtime: Runtime,
    host: Arc<Host>,
    now: Arc<Snapshot>,
    admission: Admission,
    /// With an audit log of its own, as the host's records are the host's.
    records: Arc<Records>,
    app: App,
    credentials: Credentials,
    operation: Operation,
    body: String,
}

impl Ready {
    /// Every stage has run before.
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = load::file(&folder().join("bench.yaml")).unwrap();
        let (server, front) = (config.server.clone(), config.front.clone());
        let host = Arc::new(runtime.block_on(app::build(config)).unwrap());
        let app = {
            let _inside = runtime.enter();
            App::new(&host, &server, &front, &CancellationToken::new())
        };
        let arguments = json!({ "a": 1, "b": 2 }).as_object().unwrap().clone();
        let ready = Self {
            now: host.snapshot(),
            host,
            runtime,
            admission: Admission::new(1000),
            records: Records::open(
                Some(Audit::at(folder().join("audit-of-stages"))),
                Metrics::new(&Default::default(), sandbox::RUNTIME),
            )
            .unwrap(),
            app,
            credentials: Front::Everything.credentials(&key()),
            operation: Operation::CallTool { name: "bench_add".into(), arguments },
            body: body(r#"{"a":1,"b":2}"#),
        };
        for _ in 0..TIMES {
            ready.parse();
            ready.check(ready.route(ready.authenticate()));
            ready.refused();
        }
        ready
    }

    pub(crate) fn parse(&self) {
        let Incoming::One(message) = message::read(self.body.as_bytes()).unwrap() else {
            panic!("one message was written")
        };
        std::hint::black_box(message);
    }

    pub(crate) fn authenticate(&self) -> Caller {
        self.now.auth.authenticate(&self.credentials, None).now_or_never().unwrap().unwrap()
    }

    pub(crate) fn route(&self, caller: Caller) -> Route {
        self.now.catalog.route(caller, &Scope::all(), &self.operation)
    }

    pub(crate) fn check(&self, route: Route) -> Checked {
        let permit = Permit::new(self.admission.admit(route).unwrap(), &self.operation).unwrap();
        let brought = Brought { answers: None, accepts: Accepts::default(), traceparent: None };
        let checked = permit.check(CallId::new(), self.operation.clone(), brought, &self.now.sealer);
        checked.unwrap().0
    }

    /// A request whose arguments do not fit: no guest runs.
    pub(crate) fn refused(&self) {
        self.request(r#"{"a":1,"b":"two"}"#, "arguments");
    }

    /// A request that is answered.
    pub(crate) fn answered(&self) {
        self.request(r#"{"a":1,"b":2}"#, r#"{"sum":3}"#);
    }

    /// A request past the socket: from its head and body to its answer's.
    fn request(&self, arguments: &str, expected: &str) {
        let request = Request::post("/mcp")
            .header("x-api-key", key().expose())
            .header("host", "127.0.0.1:8080")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "bench_add")
            .body(Body::from(body(arguments)))
            .unwrap();
        let answer = self.runtime.block_on(async {
            let answer = self.app.answer(Peer::at(([127, 0, 0, 1], 1).into()), request).await;
            answer.into_body().collect().await.unwrap().to_bytes()
        });
        let answer = std::str::from_utf8(&answer).unwrap();
        assert!(answer.contains(expected), "{answer}");
    }

    /// A call, without a transport around it.
    pub(crate) fn call(&self) {
        self.runtime.block_on(self.host.call(self.call_request())).unwrap();
    }

    fn call_request(&self) -> CallRequest {
        call_request(self.credentials.clone(), self.operation.clone())
    }

    /// The same call, stage by stage: [`Host::call`] as it is written, with a watch.
    pub(crate) fn staged(&self) -> Staged {
        let request = self.call_request();
        self.runtime.block_on(async {
            let mut took = Staged::default();
            let mut watch = Watch(Instant::now());
            let mut record = CallRecord::open(&self.records, &request);
            took.record += watch.lap();
            let caller = self.now.auth.authenticate(&request.credentials, None).await.unwrap();
            took.authenticate = watch.lap();
            record.caller(&caller);
            took.record += watch.lap();
            let route = self.now.catalog.route(caller, &request.scope, &request.operation);
            took.route = watch.lap();
            record.routed(&route, &Tracer::off(), &request);
            took.record += watch.lap();
            let admitted = self.admission.admit(route).unwrap();
            let permit = Permit::new(admitted, &request.operation).unwrap();
            took.check += watch.lap();
            record.allowed(&permit);
            took.record += watch.lap();
            let brought = Brought { answers: None, accepts: request.accepts, traceparent: None };
            let checked = permit.check(request.id, request.operation, brought, &self.now.sealer);
            let (checked, conduct) = checked.unwrap();
            took.check += watch.lap();
            let traces = record.traces();
            let ran = self.host.sandbox().call(checked, request.events, request.cancelled, traces);
            let Produced::Outcome(outcome) = ran.await.unwrap() else { panic!("nothing is asked") };
            took.guest = watch.lap();
            conduct.judge(None);
            took.check += watch.lap();
            let result = Ok(outcome);
            let Outcome::Tool(_) = record.close(&result).recorded(result).unwrap() else {
                panic!("a tool was called")
            };
            took.record += watch.lap();
            took
        })
    }
}

/// A call that brings nothing but its arguments.
pub(crate) fn call_request(credentials: Credentials, operation: Operation) -> CallRequest {
    CallRequest {
        id: CallId::new(),
        credentials,
        scope: Scope::all(),
        operation,
        answers: None,
        accepts: Accepts::default(),
        traceparent: None,
        via: Via::default(),
        events: Events::none(),
        cancelled: CancellationToken::new(),
    }
}

/// What the stages of one call took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Staged {
    pub(crate) authenticate: Duration,
    pub(crate) route: Duration,
    /// Every limit, the permit, the arguments.
    pub(crate) check: Duration,
    pub(crate) guest: Duration,
    /// From its opening to the line in the audit log.
    pub(crate) record: Duration,
}

struct Watch(Instant);

impl Watch {
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.0, now))
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.runtime.block_on(self.host.close(std::time::Duration::ZERO));
    }
}

/// A call as a new client sends it.
fn body(arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"bench_add","arguments":{arguments},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    )
}

/// An audit log, and a line for it.
pub(crate) struct Audited {
    log: Log,
    entry: Entry,
    _dir: tempfile::TempDir,
}

impl Audited {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::open(&Audit::at(dir.path().join("audit"))).unwrap();
        let entry = Entry {
            time: SystemTime::UNIX_EPOCH + std::time::Duration::from_micros(1_700_000_000_123_456),
            call: "019aa5f2-3c7e-7d43-9f0e-0c5d7a1b2c3d".into(),
            caller: "agent".into(),
            tenant: "bench".into(),
            service: Some("bench".into()),
            method: "tools/call".into(),
            tool: "bench_add".into(),
            component: Some("3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855e".into()),
            arguments: json!({ "a": "number", "b": "number" }),
            decision: Decision::Allowed,
            rule: "auth.api_keys[0].tools[0]".into(),
            egress: Egress::default(),
            outcome: "ok".into(),
            limit: None,
            cached: false,
            took_us: 123,
            cpu_us: Some(12),
            memory_bytes: Some(1_179_648),
        };
        let audited = Self { log, entry, _dir: dir };
        (0..TIMES).for_each(|_| audited.append());
        audited
    }

    pub(crate) fn append(&self) {
        self.log.append(&self.entry).unwrap();
    }
}

/// A policy, and a request it allows.
pub(crate) struct Way {
    pub(crate) policy: Policy,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
}

impl Way {
    pub(crate) fn new() -> Self {
        let upstream = "https://api.example.com:8443";
        let way =
            Self { policy: policy::policy(upstream), url: policy::url(upstream), headers: policy::headers() };
        (0..TIMES).for_each(|_| policy::decide(&way.policy, &way.url, &way.headers));
        way
    }
}
