//! What is served, and the way from a tool's name to the permit to call it.
//!
//! Tools are read once when a service is loaded and served from memory: listing starts no guest. A
//! [`Permit`] comes only from [`Catalog::route`], and a [`Checked`] call only from [`Permit::check`], so a
//! guest cannot be started for a caller that was not admitted or with arguments that were not checked.

mod effort;
pub mod service;
pub mod tool;

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Map, Value};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{
    auth::Caller,
    breaker::Pass,
    error::CallError,
    limit::Admitted,
    request::{CallId, Scope},
    sandbox::Compartment,
};
use service::Service;
use tool::Tool;

/// Everything that is served.
#[derive(Debug, Default)]
pub struct Catalog {
    services: Vec<Arc<Service>>,
    left_out: Vec<LeftOut>,
    tools: HashMap<String, (Arc<Service>, Arc<Tool>)>,
}

/// A service that could not be loaded.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// Its name.
    pub service: String,
    /// Why.
    pub why: String,
}

impl Catalog {
    /// A catalogue of loaded services, and of those that are not served.
    ///
    /// # Errors
    /// When two services have a tool of the same name (`a-b_c` of `a-b`, say, can only be one).
    pub fn new(services: Vec<Service>, left_out: Vec<LeftOut>) -> Result<Self, String> {
        let mut catalog = Self { left_out, ..Self::default() };
        for service in services.into_iter().map(Arc::new) {
            for tool in &service.tools {
                let entry = (service.clone(), tool.clone());
                if let Some((other, _)) = catalog.tools.insert(tool.public_name.clone(), entry) {
                    let name = &tool.public_name;
                    return Err(format!(
                        "services `{}` and `{}` both have a tool `{name}`",
                        other.name, service.name
                    ));
                }
            }
            catalog.services.push(service);
        }
        Ok(catalog)
    }

    /// Every service of every tenant, for the host itself.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.services.iter()
    }

    /// Services that could not be loaded.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The services a caller sees in a scope.
    pub fn services<'a>(
        &'a self,
        caller: &'a Caller,
        scope: &'a Scope,
    ) -> impl Iterator<Item = &'a Arc<Service>> {
        self.services.iter().filter(move |service| visible(service, caller, scope))
    }

    /// The tools a caller sees in a scope, in a stable order.
    pub fn list<'a>(&'a self, caller: &'a Caller, scope: &'a Scope) -> impl Iterator<Item = &'a Arc<Tool>> {
        self.services(caller, scope).flat_map(|service| &service.tools)
    }

    /// A tool by the name clients use.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Arc<Tool>> {
        self.tools.get(name).map(|(_, tool)| tool)
    }

    /// Finds the tool and reserves a place for the call.
    ///
    /// # Errors
    /// When the caller has no such tool, or too many calls of the service are running.
    pub fn route(&self, admitted: Admitted, scope: &Scope, name: &str) -> Result<Permit, CallError> {
        let found = self.tools.get(name).filter(|(service, _)| visible(service, admitted.caller(), scope));
        let (service, tool) = found.ok_or_else(|| CallError::UnknownTool(name.to_owned()))?;
        let full = |whose: String| CallError::Throttled {
            message: format!("{whose} is running as many calls as it may; try again shortly"),
            retry_after: Some(Duration::from_secs(1)),
        };
        let take = |places: &Arc<Semaphore>| places.clone().try_acquire_owned();
        let tenant = take(&service.tenant.places);
        let tenant = tenant.map_err(|_| full(format!("tenant `{}`", service.tenant.name)))?;
        let place = take(&service.places).map_err(|_| full(format!("service `{}`", service.name)))?;
        let conduct = service
            .conduct
            .admit()
            .map_err(|retry_after| CallError::Quarantined { service: service.name.clone(), retry_after })?;
        let deadline = Instant::now() + service.compartment.limits.deadline;
        let (service, tool) = (service.clone(), tool.clone());
        Ok(Permit { admitted, service, tool, deadline, conduct, places: (tenant, place) })
    }
}

fn visible(service: &Service, caller: &Caller, scope: &Scope) -> bool {
    let in_scope = match scope {
        Scope::All => true,
        Scope::Service(name) => service.name == *name,
    };
    in_scope && service.tenant.name == caller.tenant
}

/// Proof that a caller may call a tool now. Holds the call's place until it is dropped.
#[derive(Debug)]
pub struct Permit {
    admitted: Admitted,
    service: Arc<Service>,
    tool: Arc<Tool>,
    deadline: Instant,
    conduct: Pass,
    places: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Permit {
    /// Checks the arguments against the tool's schema.
    ///
    /// # Errors
    /// Names each argument at fault.
    pub fn check(
        self,
        id: CallId,
        arguments: Map<String, Value>,
        traceparent: Option<String>,
    ) -> Result<(Checked, Conduct), CallError> {
        let arguments = Value::Object(arguments);
        self.tool.validate(&arguments).map_err(CallError::InvalidArguments)?;
        let Self { admitted, service, tool, deadline, conduct, places } = self;
        let conduct = Conduct { service: service.name.clone(), pass: conduct };
        let checked = Checked {
            id,
            arguments: arguments.to_string(),
            traceparent,
            deadline,
            service,
            tool,
            admitted,
            _places: places,
        };
        Ok((checked, conduct))
    }
}

/// How a call's guest behaves, for the service's quarantine. A call that is only dropped says nothing.
#[derive(Debug)]
pub struct Conduct {
    service: String,
    pass: Pass,
}

impl Conduct {
    /// Notes how it ended.
    pub fn judge(self, error: Option<&CallError>) {
        let service = self.service;
        if !error.is_some_and(CallError::is_misdeed) {
            if self.pass.succeeded() {
                tracing::info!(service, "a quarantined service is back");
            }
        } else if self.pass.failed() {
            tracing::warn!(service, "a service keeps crashing or timing out and is quarantined for a while");
        }
    }
}

/// A call that may start a guest.
#[derive(Debug)]
pub struct Checked {
    /// The call's id.
    pub id: CallId,
    /// The arguments, as JSON.
    pub arguments: String,
    /// For outbound requests.
    pub traceparent: Option<String>,
    /// When it is stopped.
    pub deadline: Instant,
    service: Arc<Service>,
    tool: Arc<Tool>,
    admitted: Admitted,
    _places: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Checked {
    /// What the guest runs with.
    #[must_use]
    pub fn compartment(&self) -> &Compartment {
        &self.service.compartment
    }

    /// The tool.
    #[must_use]
    pub fn tool(&self) -> &Tool {
        &self.tool
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        self.admitted.caller()
    }
}
