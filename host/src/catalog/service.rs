//! A service that is served: a component, configured, with its tools read.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::tool::Tool;
use crate::{
    breaker::Breaker,
    config::{self, ComponentSource, load::suggestion},
    egress::{Policy, dial::Dialer, resolve::Resolve},
    grant::Grant,
    sandbox::{Compartment, Component, Folders, Manifest, Sandbox},
};

/// The `utilities` component, so that a host without any file serves something.
pub const EMBEDDED_UTILITIES: &[u8] = include_bytes!(env!("UTILITIES_WASM"));

/// More tools than a client could list in any sensible time.
const MOST_TOOLS: usize = 4096;

/// A service of a tenant.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The tenant it belongs to.
    pub tenant: Arc<Tenant>,
    /// What its component says of itself.
    pub manifest: Manifest,
    /// What its guests run with.
    pub compartment: Compartment,
    /// Its tools, in the component's order.
    pub tools: Vec<Arc<Tool>>,
    /// Whether its guests behave; open while it is quarantined.
    pub conduct: Arc<Breaker>,
    /// Places for calls at once.
    pub(super) places: Arc<Semaphore>,
}

/// A tenant, as its services know it.
#[derive(Debug)]
pub struct Tenant {
    /// Its name.
    pub name: Arc<str>,
    /// Places for calls of all its services at once.
    pub(super) places: Arc<Semaphore>,
}

impl Tenant {
    /// A tenant with room for this many calls at once.
    #[must_use]
    pub fn new(name: Arc<str>, concurrent_calls: u32) -> Self {
        Self { name, places: places(concurrent_calls) }
    }
}

fn places(calls: u32) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(usize::try_from(calls).unwrap_or(usize::MAX)))
}

impl Service {
    /// Loads a service. The text of an error is complete, for the operator.
    ///
    /// # Errors
    /// When its component cannot be loaded, refuses the config, or its tools or grants are unsound.
    pub async fn load(
        sandbox: &Sandbox,
        resolver: &Arc<dyn Resolve>,
        tenant: &Arc<Tenant>,
        config: config::Service,
        component: Arc<Component>,
    ) -> Result<Self, String> {
        let bare = Compartment::bare(component.clone(), config.limits);
        let manifest = sandbox.describe(&bare).await.map_err(|e| format!("asking what it is: {e}"))?;
        check_config(&manifest, &config.config)?;
        let grant = Grant::new(&manifest.egress, &config.config, config.egress.as_deref())?;
        for url in &grant.withheld {
            tracing::warn!(
                service = config.name,
                url,
                "the component asks for this host and the config does not grant it; add it under `egress`"
            );
        }
        let name: Arc<str> = config.name.as_str().into();
        let dialer = Dialer::new(config.network.clone(), &config.caps, resolver.clone());
        let breaker = config.network.circuit_breaker;
        let policy = Policy::new(name.clone(), grant, config.credentials, config.caps, breaker, dialer);
        let compartment = Compartment::new(
            name,
            component,
            config.config.to_string(),
            policy.into(),
            Folders::new(config.files),
            config.limits,
        );
        let declared = sandbox.list_tools(&compartment).await.map_err(|e| e.to_string())?;
        if declared.len() > MOST_TOOLS {
            return Err(format!("it has {} tools; at most {MOST_TOOLS} can be served", declared.len()));
        }
        let tools =
            declared.into_iter().map(|tool| Tool::new(&config.name, tool)).collect::<Result<Vec<_>, _>>()?;
        let tools = without(tools, &config.disabled_tools)?;
        let places = places(config.limits.concurrent_calls);
        let conduct = Breaker::new(config.quarantine);
        Ok(Self { name: config.name, tenant: tenant.clone(), manifest, compartment, tools, conduct, places })
    }
}

/// The bytes of a component.
///
/// # Errors
/// When the file cannot be read.
pub fn read(source: &ComponentSource) -> Result<std::borrow::Cow<'static, [u8]>, String> {
    match source {
        ComponentSource::EmbeddedUtilities => Ok(EMBEDDED_UTILITIES.into()),
        ComponentSource::File(path) => {
            std::fs::read(path).map(Into::into).map_err(|e| format!("{} cannot be read: {e}", path.display()))
        }
    }
}

/// The component's own schema first: it names the key.
fn check_config(manifest: &Manifest, config: &serde_json::Value) -> Result<(), String> {
    let schema = serde_json::from_str(&manifest.config_schema)
        .map_err(|e| format!("its config schema is not JSON: {e}"))?;
    let validator =
        jsonschema::draft202012::options().build(&schema).map_err(|e| format!("its config schema: {e}"))?;
    let faults: Vec<String> = validator
        .iter_errors(config)
        .take(4)
        .map(|e| format!("config{}: {e}", e.instance_path().to_string().replace('/', ".")))
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(format!("{} (`bulkhead inspect` shows the schema)", faults.join("; ")))
    }
}

fn without(tools: Vec<Tool>, disabled: &[String]) -> Result<Vec<Arc<Tool>>, String> {
    let mut names: Vec<&str> = tools.iter().map(|tool| tool.public_name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) =
        names.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first())
    {
        return Err(format!("it has two tools called `{twice}`"));
    }
    if let Some(unknown) = disabled.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("tools.disable: there is no tool `{unknown}`. {}", suggestion(unknown, &names)));
    }
    Ok(tools.into_iter().filter(|tool| !disabled.contains(&tool.public_name)).map(Arc::new).collect())
}
