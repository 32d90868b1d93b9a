//! What is served, and the way from a tool's name to the permit to call it.
//!
//! Tools are read once when a service is loaded and served from memory: listing starts no guest. A
//! [`Permit`] comes only from [`Catalog::route`], and a [`Checked`] call only from [`Permit::check`], so a
//! guest cannot be started for a caller that was not admitted or with arguments that were not checked.

mod effort;
pub mod loader;
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

/// Everything that is served, by tenant. Nothing of one tenant is found from another's callers.
#[derive(Debug, Default)]
pub struct Catalog {
    tenants: HashMap<Arc<str>, Served>,
    left_out: Vec<LeftOut>,
}

/// What a tenant serves.
#[derive(Debug, Default)]
struct Served {
    services: Vec<Arc<Service>>,
    /// Where each tool is: which service, and which of its tools.
    tools: HashMap<Arc<str>, (u32, u32)>,
}

impl Served {
    fn find(&self, name: &str) -> Option<(&Arc<Service>, &Arc<Tool>)> {
        let (service, tool) = *self.tools.get(name)?;
        let service = self.services.get(usize::try_from(service).ok()?)?;
        Some((service, service.tools.get(usize::try_from(tool).ok()?)?))
    }

    fn in_scope(&self, scope: &Scope) -> impl Iterator<Item = &Arc<Service>> {
        self.services.iter().filter(move |service| scope.covers(&service.name))
    }
}

/// A service that could not be loaded.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// Whose it is.
    pub tenant: String,
    /// Its name.
    pub service: String,
    /// Why.
    pub why: String,
}

impl Catalog {
    /// A catalogue of loaded services, and of those that are not served.
    ///
    /// # Errors
    /// When two services of a tenant have a tool of the same name (`a-b_c` of `a-b`, say, can only be one).
    pub fn new(services: Vec<Service>, left_out: Vec<LeftOut>) -> Result<Self, String> {
        let mut catalog = Self { left_out, ..Self::default() };
        for service in services {
            let served = catalog.tenants.entry(service.tenant.name.clone()).or_default();
            let number = u32::try_from(served.services.len()).map_err(|_| "too many services".to_owned())?;
            for (tool, place) in service.tools.iter().zip(0..) {
                if let Some((other, _)) = served.tools.insert(tool.public_name.clone(), (number, place)) {
                    let other = usize::try_from(other).ok().and_then(|other| served.services.get(other));
                    let other = other.map_or("", |other| &*other.name);
                    return Err(format!(
                        "services `{other}` and `{}` both have a tool `{}`",
                        service.name, tool.public_name
                    ));
                }
            }
            served.services.push(service.into());
        }
        Ok(catalog)
    }

    /// Every service of every tenant, for the host itself.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.tenants.values().flat_map(|served| &served.services)
    }

    /// Services that could not be loaded.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The services a caller sees in a scope.
    pub fn services<'a>(
        &'a self,
        caller: &Caller,
        scope: &'a Scope,
    ) -> impl Iterator<Item = &'a Arc<Service>> {
        let served = self.tenants.get(&caller.tenant).into_iter();
        served.flat_map(move |served| served.in_scope(scope))
    }

    /// The tools a caller sees in a scope, in a stable order.
    pub fn list<'a>(&'a self, caller: &Caller, scope: &'a Scope) -> impl Iterator<Item = &'a Arc<Tool>> {
        self.services(caller, scope).flat_map(|service| service.tools.iter())
    }

    /// A tool by the name its callers use.
    #[must_use]
    pub fn tool(&self, caller: &Caller, scope: &Scope, name: &str) -> Option<&Arc<Tool>> {
        self.find(caller, scope, name).map(|(_, tool)| tool)
    }

    fn find(&self, caller: &Caller, scope: &Scope, name: &str) -> Option<(&Arc<Service>, &Arc<Tool>)> {
        let found = self.tenants.get(&caller.tenant)?.find(name)?;
        scope.covers(&found.0.name).then_some(found)
    }

    /// Finds the tool and reserves a place for the call.
    ///
    /// # Errors
    /// When the caller has no such tool, or too many calls of the service are running.
    pub fn route(&self, admitted: Admitted, scope: &Scope, name: &str) -> Result<Permit, CallError> {
        let found = self.find(admitted.caller(), scope, name);
        let (service, tool) = found.ok_or_else(|| CallError::UnknownTool(name.to_owned()))?;
        let full = |whose: String| CallError::Throttled {
            message: format!("{whose} is running as many calls as it may; try again shortly"),
            retry_after: Some(Duration::from_secs(1)),
        };
        let take = |places: &Arc<Semaphore>| places.clone().try_acquire_owned();
        let tenant = take(&service.tenant.places);
        let tenant = tenant.map_err(|_| full(format!("tenant `{}`", service.tenant.name)))?;
        let place = take(&service.places).map_err(|_| full(format!("service `{}`", service.name)))?;
        let conduct = service.conduct.admit().map_err(|retry_after| CallError::Quarantined {
            service: service.name.to_string(),
            retry_after,
        })?;
        let deadline = Instant::now() + service.compartment.limits.deadline;
        let (service, tool) = (service.clone(), tool.clone());
        Ok(Permit { admitted, service, tool, deadline, conduct, places: (tenant, place) })
    }
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
    service: Arc<str>,
    pass: Pass,
}

impl Conduct {
    /// Notes how it ended.
    pub fn judge(self, error: Option<&CallError>) {
        let service = &*self.service;
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
