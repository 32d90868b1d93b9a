//! A service that is served: a component, configured, with its tools read.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::tool::Tool;
use crate::{
    config::{self, ComponentSource, load::suggestion},
    egress::{Policy, dial::Dialer},
    grant::Grant,
    sandbox::{Compartment, Component, Manifest, Sandbox},
};

/// The `utilities` component, so that a host without any file serves something.
pub const EMBEDDED_UTILITIES: &[u8] = include_bytes!(env!("UTILITIES_WASM"));

/// A service of a tenant.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The tenant it belongs to.
    pub tenant: Arc<str>,
    /// What its component says of itself.
    pub manifest: Manifest,
    /// What its guests run with.
    pub compartment: Compartment,
    /// Its tools, in the component's order.
    pub tools: Vec<Arc<Tool>>,
    /// Places for calls at once.
    pub(super) places: Arc<Semaphore>,
}

impl Service {
    /// Loads a service. The text of an error is complete, for the operator.
    ///
    /// # Errors
    /// When its component cannot be loaded, refuses the config, or its tools or grants are unsound.
    pub async fn load(
        sandbox: &Sandbox,
        tenant: &Arc<str>,
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
        let policy = Policy {
            service: config.name.clone(),
            grant,
            credentials: config.credentials,
            response_bytes: config.limits.response_bytes,
            dialer: Dialer::new(config.allow_addresses),
        };
        let compartment = Compartment {
            service: config.name.as_str().into(),
            component,
            config: config.config.to_string(),
            policy: policy.into(),
            limits: config.limits,
        };
        let declared = sandbox.list_tools(&compartment).await.map_err(|e| e.to_string())?;
        let tools =
            declared.into_iter().map(|tool| Tool::new(&config.name, tool)).collect::<Result<Vec<_>, _>>()?;
        let tools = without(tools, &config.disabled_tools)?;
        let places =
            Arc::new(Semaphore::new(usize::try_from(config.limits.concurrent_calls).unwrap_or(usize::MAX)));
        Ok(Self { name: config.name, tenant: tenant.clone(), manifest, compartment, tools, places })
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
