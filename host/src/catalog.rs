//! What is served, and the way from a tool's name to the permit to call it.
//!
//! Tools are read once when a service is loaded and served from memory: listing starts no guest. A
//! [`Permit`] comes only from [`Catalog::route`], and a [`Checked`] call only from [`Permit::check`], so a
//! guest cannot be started for a caller that was not admitted or with arguments that were not checked.

pub mod service;
pub mod tool;

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Map, Value};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use crate::{
    auth::Caller,
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
    tools: HashMap<String, (Arc<Service>, Arc<Tool>)>,
}

impl Catalog {
    /// A catalogue of loaded services.
    ///
    /// # Errors
    /// When two services have a tool of the same name (`a-b_c` of `a-b`, say, can only be one).
    pub fn new(services: Vec<Service>) -> Result<Self, String> {
        let mut catalog = Self::default();
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
        let place = service.places.clone().try_acquire_owned().map_err(|_| CallError::Throttled {
            message: format!(
                "service `{}` is running as many calls as it may; try again shortly",
                service.name
            ),
            retry_after: Some(Duration::from_secs(1)),
        })?;
        let deadline = Instant::now() + service.compartment.limits.deadline;
        Ok(Permit { admitted, service: service.clone(), tool: tool.clone(), deadline, _place: place })
    }
}

fn visible(service: &Service, caller: &Caller, scope: &Scope) -> bool {
    let in_scope = match scope {
        Scope::All => true,
        Scope::Service(name) => service.name == *name,
    };
    in_scope && service.tenant == caller.tenant
}

/// Proof that a caller may call a tool now. Holds the call's place until it is dropped.
#[derive(Debug)]
pub struct Permit {
    admitted: Admitted,
    service: Arc<Service>,
    tool: Arc<Tool>,
    deadline: Instant,
    _place: OwnedSemaphorePermit,
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
    ) -> Result<Checked, CallError> {
        let arguments = Value::Object(arguments);
        self.tool.validate(&arguments).map_err(CallError::InvalidArguments)?;
        Ok(Checked {
            id,
            arguments: arguments.to_string(),
            traceparent,
            deadline: self.deadline,
            permit: self,
        })
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
    permit: Permit,
}

impl Checked {
    /// What the guest runs with.
    #[must_use]
    pub fn compartment(&self) -> &Compartment {
        &self.permit.service.compartment
    }

    /// The tool.
    #[must_use]
    pub fn tool(&self) -> &Tool {
        &self.permit.tool
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        self.permit.admitted.caller()
    }
}
