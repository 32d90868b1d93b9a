//! Where a component is tried: a host of its own, with the real sandbox and the real way out, and one upstream that plays
//! all there are.

use std::{path::Path, sync::Arc, time::Duration};

use bulkhead::{
    app,
    ask::Accepts,
    breaker::Trip,
    call::Host,
    catalog::{offer::Offer, service::Service},
    config::{self, Caps, Config, EgressRule, Limits},
    egress::{
        Policy,
        dial::Dialer,
        log::{Exchange, Sums},
        resolve::System,
    },
    error::CallError,
    grant::Grant,
    operation::{Operation, Outcome},
    request::{CallId, CallRequest, Credentials, Event, Events, Level, Scope, Via},
    sandbox::{Compartment, Component, Folders, Line, Manifest, Said, Sandbox, Usage},
};
use bytesize::ByteSize;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::upstream::Upstream;
use crate::cli::{Failure, failed};

/// Until a call is stopped. Shorter than operators have it: what waits for ever is to be found soon, and what does not is
/// done in milliseconds, on an idle machine. Halved, a busy one makes what is only slow look as if it hung.
const DEADLINE: Duration = Duration::from_secs(10);
/// Processor time of a call.
const CPU: Duration = Duration::from_secs(3);
/// How long the host waits for the upstream. Then it is the component that has to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Guests at once.
const GUESTS: u32 = 16;
/// Never: a service that crashes is called again.
const NEVER: Trip =
    Trip { failures: u32::MAX, backoff: Duration::from_secs(1), max_backoff: Duration::from_secs(1) };

/// The component on its stage.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) host: Arc<Host>,
    pub(super) service: Arc<Service>,
}

/// What came of a call, and what its guest did meanwhile.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) result: Result<Outcome, CallError>,
    pub(super) sent: Vec<Exchange>,
    pub(super) sums: Sums,
    pub(super) usage: Usage,
    pub(super) said: Vec<Line>,
    pub(super) events: Vec<Event>,
}

/// A service of a configuration as it is tried: no folder, name, secret or limit of the operator's is changed but for the
/// ones that make it quick, and nothing it sends leaves this machine. Whose it is says nothing of whether it keeps its word:
/// it may be tried before anybody has signed it.
pub(super) fn staged(
    mut service: config::Service,
    manifest: &Manifest,
    upstream: &Upstream,
) -> config::Service {
    let written = service.limits;
    service.limits = Limits { deadline: DEADLINE, cpu: CPU.min(written.cpu), fuel: None, ..written };
    service.caps = Caps {
        concurrent_requests: 1024,
        requests_per_second: 1_000_000,
        connect_timeout: PATIENCE,
        first_byte_timeout: PATIENCE,
        between_bytes_timeout: PATIENCE,
        retries: 0, // what is asked twice is to be asked by the component
        ..service.caps
    };
    service.signatures = Default::default();
    service.network.stand_in = Some(upstream.address);
    service.network.circuit_breaker = NEVER;
    service.quarantine = NEVER;
    service.calls = Default::default();
    service.tool_limits.clear();
    service.refresh = None;
    if service.egress.is_none() {
        service.egress = granted(manifest);
    }
    service
}

/// All that a manifest asks for, where it names hosts itself; none if the config does it.
fn granted(manifest: &Manifest) -> Option<Vec<EgressRule>> {
    let own = manifest.egress.iter().filter(|asked| !asked.url.starts_with("{config."));
    let own: Vec<EgressRule> = own
        .filter_map(|asked| {
            let url = Some(asked.url.parse().ok()?);
            Some(EgressRule { url, methods: None, query: None, cookies: Vec::new() })
        })
        .collect();
    let all = EgressRule { url: None, methods: None, query: None, cookies: Vec::new() };
    (!own.is_empty()).then(|| [vec![all], own].concat())
}

impl Stage {
    /// Puts a service on stage.
    ///
    /// # Errors
    /// With the host's words, if it does not serve it.
    pub(super) async fn new(config: &Config, service: config::Service) -> Result<Self, String> {
        let host = app::build(alone(config, service)).await.map_err(|error| error.to_string())?;
        let service = host.catalog().all().next().cloned().ok_or("the host serves nothing")?;
        Ok(Self { host: Arc::new(host), service })
    }

    /// Runs one operation, as any client's.
    pub(super) async fn play(&self, operation: Operation) -> Played {
        let (events, mut heard) = Events::channel(true, Some(Level::Debug));
        let request = CallRequest {
            id: CallId::new(),
            credentials: Credentials::Local,
            scope: Scope::all(),
            operation,
            answers: None,
            accepts: Accepts { form: true, url: true, sampling: true, roots: true, tasks: true },
            traceparent: None,
            via: Via::default(),
            events,
            cancelled: CancellationToken::new(),
        };
        let listening = async {
            let mut events = Vec::new();
            while let Some(event) = heard.recv().await {
                events.push(event);
            }
            events
        };
        let (followed, events) = tokio::join!(self.host.followed(request), listening);
        let sent = followed.egress.told();
        Played {
            result: followed.result,
            sums: followed.egress.sums(),
            sent,
            usage: followed.usage,
            said: followed.said.lines(),
            events,
        }
    }

    /// What the service is configured with.
    pub(super) fn config(&self) -> Value {
        serde_json::from_str(&self.service.compartment.config).unwrap_or_default()
    }

    /// Calls a tool.
    pub(super) async fn call(&self, tool: &str, arguments: Map<String, Value>) -> Played {
        self.play(Operation::CallTool { name: tool.to_owned(), arguments }).await
    }
}

/// The configuration of a host with nothing but this service: no audit log, no results that are kept, no pins.
fn alone(config: &Config, service: config::Service) -> Config {
    let mut config = config.without_tenants();
    config.server.concurrent_calls = GUESTS;
    config.components.trust = bulkhead::pin::Trust::Folder;
    (config.audit, config.otlp, config.cache) = (None, None, None);
    config.local_tenant = None;
    config.tenants = vec![config::Tenant {
        name: "kit".to_owned(),
        calls: Default::default(),
        listing: Default::default(),
        services: vec![service],
    }];
    config
}

/// A component that nobody serves yet: for asking what it is, and what it lists, even if no host would serve that.
#[derive(Debug)]
pub(super) struct Bench {
    sandbox: Arc<Sandbox>,
    pub(super) component: Arc<Component>,
}

impl Bench {
    /// Compiles a component.
    ///
    /// # Errors
    /// When it is none.
    pub(super) async fn load(
        config: &Config,
        file: &Path,
        memory: ByteSize,
    ) -> Result<Result<Self, bulkhead::sandbox::LoadError>, Failure> {
        let wasm =
            std::fs::read(file).map_err(|e| failed(format!("{} cannot be read: {e}", file.display())))?;
        let cache = config.components.cache_dir.clone();
        let sandbox = Sandbox::new(GUESTS, memory, cache.as_deref());
        let sandbox = Arc::new(sandbox.map_err(|e| failed(format!("the sandbox cannot be set up: {e}")))?);
        let loading = sandbox.clone();
        let loaded = tokio::task::spawn_blocking(move || loading.load(&wasm, false)).await.map_err(failed)?;
        Ok(loaded.map(|component| Self { sandbox, component: component.into() }))
    }

    /// Asks it what it is, in a fresh instance.
    pub(super) async fn describe(&self) -> Result<Manifest, CallError> {
        let bare = Compartment::bare(self.component.clone(), quick());
        self.sandbox.describe(&bare, &Said::default()).await
    }

    /// Asks a service of it what it offers, in a fresh instance.
    pub(super) async fn offer(&self, place: &Compartment) -> Result<Offer, CallError> {
        self.sandbox.offer(place, &Said::default()).await
    }

    /// Asks a service whether it is well.
    pub(super) async fn health(&self, place: &Compartment) -> Result<String, CallError> {
        self.sandbox.health(place).await
    }

    /// Where guests of a service run.
    ///
    /// # Errors
    /// When what it asks to send does not fit its config.
    pub(super) fn place(
        &self,
        service: &config::Service,
        manifest: &Manifest,
    ) -> Result<Compartment, String> {
        let grant = Grant::new(&manifest.egress, &service.config, service.egress.as_deref())?;
        let dialer = Dialer::new(service.network.clone(), &service.caps, System::shared());
        let name: Arc<str> = service.name.as_str().into();
        let trip = service.network.circuit_breaker;
        let policy =
            Policy::new(name.clone(), grant, service.credentials.clone(), service.caps, trip, dialer);
        Ok(Compartment::new(
            name,
            self.component.clone(),
            service.config.to_string(),
            policy.into(),
            Folders::new(service.files.clone()),
            service.limits,
        ))
    }

    /// The same without a way out, and with another config.
    pub(super) fn sealed(&self, config: &Value) -> Compartment {
        let name: Arc<str> = "kit".into();
        let policy = Policy::closed(name.clone()).into();
        let config = config.to_string();
        Compartment::new(name, self.component.clone(), config, policy, Folders::default(), quick())
    }
}

fn quick() -> Limits {
    Limits { deadline: DEADLINE, cpu: CPU, ..Limits::default() }
}
