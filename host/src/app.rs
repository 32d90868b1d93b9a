//! Wires a [`Host`] from its configuration. The only place that knows every stage.

use std::{sync::Arc, time::SystemTime};

use crate::{
    audit::AuditError,
    auth::Auth,
    cache::ResultCache,
    call::Host,
    catalog::{Catalog, LeftOut, assembly::Assembly, files::Files, loader::Loader},
    config::{Config, Limits},
    egress::resolve::{Resolve, System},
    limit::{Admission, midnight, peers::Table, streams::Streams},
    live::{Live, Snapshot},
    metrics::Metrics,
    pin::{LockError, Pins},
    record::Records,
    sandbox::{self, Said, Sandbox},
    seal::Sealer,
    tasks::Tasks,
    trace::Tracer,
};
use futures::{FutureExt as _, future::BoxFuture};

/// How many calls may wait for a person at once, over their own connections. Each keeps one open.
const MOST_WAITING: u32 = 1024;
/// Of one caller: more than a person answers at once.
const MOST_WAITING_EACH: u32 = 16;

/// Why a host cannot be built. The text says which service and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The machine.
    #[error("the sandbox cannot be set up: {0}")]
    Sandbox(std::io::Error),
    /// A service.
    #[error("service `{service}`: {why}")]
    Service {
        /// Its name.
        service: String,
        /// What is wrong with it.
        why: String,
    },
    /// The audit log.
    #[error("{0}")]
    Audit(AuditError),
    /// The callers.
    #[error("{0}")]
    Auth(String),
    /// The lock file.
    #[error("{0}")]
    Pins(LockError),
    /// The handles.
    #[error("handles cannot be sealed: {0}")]
    Sealer(String),
}

/// Builds the host: sandbox, components, services. A service that does not load is left out, as long as there
/// are others: one bad component must not take the rest down.
///
/// # Errors
/// What is wrong with the machine, the services together, or the last service there was.
pub fn build(config: Config) -> BoxFuture<'static, Result<Host, BuildError>> {
    build_with(config, System::shared())
}

/// The same, and `said` gets what components say while they are loaded.
///
/// # Errors
/// See [`build`].
pub fn build_heard(config: Config, said: Said) -> BoxFuture<'static, Result<Host, BuildError>> {
    made(config, System::shared(), said)
}

/// The same, with names resolved by `resolver`.
///
/// # Errors
/// See [`build`].
pub fn build_with(
    config: Config,
    resolver: Arc<dyn Resolve>,
) -> BoxFuture<'static, Result<Host, BuildError>> {
    made(config, resolver, Said::default())
}

fn made(
    config: Config,
    resolver: Arc<dyn Resolve>,
    said: Said,
) -> BoxFuture<'static, Result<Host, BuildError>> {
    async move {
        let sandbox = Arc::new(sandbox(&config)?);
        let metrics = Metrics::new(&config.metrics, sandbox::RUNTIME);
        let local = config.local().into();
        let auth = Auth::renewed(None, local, config.auth, &resolver).map_err(BuildError::Auth)?;
        let pins = Pins::read(&config.components.lock, config.components.trust).map_err(BuildError::Pins)?;
        let mut files = Files::default();
        let loader = Loader::new(&sandbox, resolver.clone(), metrics.clone(), &pins, &mut files, None);
        let mut loader = loader.heard_by(said);
        let Assembly { catalog, faults, .. } = Assembly::new(&mut loader, config.tenants, None, true).await;
        for LeftOut { tenant, service, why } in &faults {
            tracing::error!(tenant, service, error = why, "a service is left out");
        }
        if catalog.all().next().is_none()
            && let Some(LeftOut { service, why, .. }) = faults.into_iter().next()
        {
            return Err(BuildError::Service { service, why });
        }
        // More calls than guests that fit the machine would only be refused later.
        let admission = Admission::new(config.server.concurrent_calls.min(sandbox.places()));
        let records = Records::open(config.audit, metrics.clone()).map_err(BuildError::Audit)?;
        restore(&catalog, &auth, &records).await.map_err(BuildError::Audit)?;
        let results = ResultCache::new(config.cache);
        let (tracer, export) = match config.otlp {
            Some(otlp) => {
                let (tracer, export) = Tracer::new(otlp, resolver.clone(), metrics.clone());
                (tracer, Some(export))
            }
            None => (Tracer::off(), None),
        };
        let export = tokio::sync::Mutex::new(export);
        let sealer = Arc::new(Sealer::new(&config.server.handle_keys).map_err(BuildError::Sealer)?);
        let (presets, catalog) = (config.presets.into(), catalog.into());
        let handle_keys = config.server.handle_keys;
        let live = Live::new(Snapshot { auth, presets, catalog, sealer, handle_keys }, files);
        let sessions = config.server.sessions.unwrap_or_default();
        let streams = Streams::new(sessions.streams, sessions.streams_per_caller, metrics.clone());
        let waiting = Table::new(MOST_WAITING, MOST_WAITING_EACH);
        let tasks = Tasks::new(config.server.tasks);
        Ok(Host {
            live,
            resolver,
            metrics,
            tracer,
            export,
            admission,
            results,
            sandbox,
            records,
            pins,
            waiting,
            streams,
            tasks,
        })
    }
    .boxed()
}

/// Tells daily quotas what of them was used before this host started.
async fn restore(catalog: &Catalog, auth: &Auth, records: &Records) -> Result<(), AuditError> {
    let Some((index, log)) = records.audit() else { return Ok(()) };
    let now = SystemTime::now();
    index.caught_up_to(log.head()).await?;
    let used = index.calls_since(midnight(now)).await?;
    let cut = |calls: u64| u32::try_from(calls).unwrap_or(u32::MAX);
    for (gate, whose) in catalog.gates() {
        gate.restore(cut(used.of(&whose)), now);
    }
    for (tenant, caller, calls) in used.callers() {
        auth.restore(tenant, caller, cut(calls), now);
    }
    Ok(())
}

/// The sandbox for a configuration: as many places as calls, each as large as the largest limit.
///
/// # Errors
/// When the machine has no room for it.
pub fn sandbox(config: &Config) -> Result<Sandbox, BuildError> {
    let services = config.tenants.iter().flat_map(|tenant| &tenant.services);
    let memory =
        services.map(|service| service.limits.most_memory()).max().unwrap_or(Limits::default().memory);
    let cache = config.components.cache_dir.as_deref();
    Sandbox::new(config.server.concurrent_calls, memory, cache).map_err(BuildError::Sandbox)
}
