//! Wires a [`Host`] from its configuration. The only place that knows every stage.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use crate::{
    auth::Auth,
    call::Host,
    catalog::{
        Catalog, LeftOut, service,
        service::{Service, Tenant},
    },
    config::{self, ComponentSource, Config, Limits},
    egress::resolve::{Resolve, System},
    limit::Admission,
    sandbox::{Component, Sandbox},
};

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
    /// The services together.
    #[error("{0}")]
    Catalog(String),
}

/// Builds the host: sandbox, components, services. A service that does not load is left out, as long as there
/// are others: one bad component must not take the rest down.
///
/// # Errors
/// What is wrong with the machine, the services together, or the last service there was.
pub async fn build(config: Config) -> Result<Host, BuildError> {
    build_with(config, System::shared()).await
}

/// The same, with names resolved by `resolver`.
///
/// # Errors
/// See [`build`].
pub async fn build_with(config: Config, resolver: Arc<dyn Resolve>) -> Result<Host, BuildError> {
    let sandbox = sandbox(&config)?;
    let mut components = BTreeMap::new();
    let mut services = Vec::new();
    let mut left_out = Vec::new();
    let local: Arc<str> = config.tenants.first().map_or("local", |tenant| tenant.name.as_str()).into();
    for tenant in config.tenants {
        let owner = Arc::new(Tenant::new(tenant.name.as_str().into(), tenant.concurrent_calls));
        for service in tenant.services {
            let name = service.name.clone();
            let fuel = service.limits.fuel.is_some();
            let loaded = match load(&sandbox, &service.component, fuel, &mut components) {
                Ok(component) => Service::load(&sandbox, &resolver, &owner, service, component).await,
                Err(why) => Err(why),
            };
            match loaded {
                Ok(service) => services.push(service),
                Err(why) => {
                    tracing::error!(service = name, error = why, "a service is left out");
                    left_out.push(LeftOut { service: name, why });
                }
            }
        }
    }
    if services.is_empty() && !left_out.is_empty() {
        let LeftOut { service, why } = left_out.remove(0);
        return Err(BuildError::Service { service, why });
    }
    let catalog = Catalog::new(services, left_out).map_err(BuildError::Catalog)?;
    // More calls than guests that fit the machine would only be refused later.
    let admission = Admission::new(config.server.concurrent_calls.min(sandbox.places()));
    Ok(Host { auth: Auth::local(local), admission, catalog, sandbox })
}

/// The sandbox for a configuration: as many places as calls, each as large as the largest limit.
///
/// # Errors
/// When the machine has no room for it.
pub fn sandbox(config: &Config) -> Result<Sandbox, BuildError> {
    let services = config.tenants.iter().flat_map(|tenant| &tenant.services);
    let memory = services.map(|service| service.limits.memory).max().unwrap_or(Limits::default().memory);
    let cache = config.components.cache_dir.as_deref();
    Sandbox::new(config.server.concurrent_calls, memory, cache).map_err(BuildError::Sandbox)
}

/// Services of the same file share its code.
fn load(
    sandbox: &Sandbox,
    source: &config::ComponentSource,
    fuel: bool,
    loaded: &mut BTreeMap<(Option<PathBuf>, bool), Arc<Component>>,
) -> Result<Arc<Component>, String> {
    let (key, shown) = match source {
        ComponentSource::File(path) => (Some(path.clone()), path.display().to_string()),
        ComponentSource::EmbeddedUtilities => (None, "the embedded utilities".to_owned()),
    };
    let key = (key, fuel);
    if let Some(component) = loaded.get(&key) {
        return Ok(component.clone());
    }
    let wasm = service::read(source)?;
    let component = sandbox.load(&wasm, fuel).map_err(|e| format!("{shown}: {e}"))?;
    let component = Arc::new(component);
    loaded.insert(key, component.clone());
    Ok(component)
}
