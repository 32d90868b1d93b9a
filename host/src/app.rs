//! Wires a [`Host`] from its configuration. The only place that knows every stage.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    auth::Auth,
    call::Host,
    catalog::{Catalog, service, service::Service},
    config::{self, ComponentSource, Config, Limits},
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

/// Builds the host: sandbox, components, services.
///
/// # Errors
/// The first thing that does not work.
pub async fn build(config: Config) -> Result<Host, BuildError> {
    let sandbox = sandbox(&config)?;
    let mut components = BTreeMap::new();
    let mut services = Vec::new();
    let tenant: Arc<str> = config.tenants.first().map_or("local", |tenant| tenant.name.as_str()).into();
    for service in config.tenants.into_iter().flat_map(|tenant| tenant.services) {
        let name = service.name.clone();
        let failed = |why| BuildError::Service { service: name.clone(), why };
        let component = load(&sandbox, &service.component, &mut components).map_err(failed)?;
        services.push(Service::load(&sandbox, &tenant, service, component).await.map_err(failed)?);
    }
    let catalog = Catalog::new(services).map_err(BuildError::Catalog)?;
    let admission = Admission::new(config.server.concurrent_calls);
    Ok(Host { auth: Auth::local(tenant), admission, catalog, sandbox })
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
    loaded: &mut BTreeMap<Option<std::path::PathBuf>, Arc<Component>>,
) -> Result<Arc<Component>, String> {
    let (key, shown) = match source {
        ComponentSource::File(path) => (Some(path.clone()), path.display().to_string()),
        ComponentSource::EmbeddedUtilities => (None, "the embedded utilities".to_owned()),
    };
    if let Some(component) = loaded.get(&key) {
        return Ok(component.clone());
    }
    let wasm = service::read(source)?;
    let component = sandbox.load(&wasm).map_err(|e| format!("{shown}: {e}"))?;
    let component = Arc::new(component);
    loaded.insert(key, component.clone());
    Ok(component)
}
