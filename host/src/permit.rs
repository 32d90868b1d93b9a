//! The permit to call a tool: from an admitted call to one whose arguments are checked.
//!
//! A [`Permit`] comes only from an [`Admitted`] call, and a [`Checked`] one only from [`Permit::check`], so a guest
//! cannot be started for a caller that was not admitted or with arguments that were not checked.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::{
    auth::Caller,
    breaker::Pass,
    cache::Key,
    catalog::{Found, service::Service, tool::Tool},
    error::CallError,
    limit::{Admitted, gate::Pass as Places},
    request::CallId,
    sandbox::Compartment,
};

/// Proof that a caller may call a tool now. Holds the call's places until it is dropped.
#[derive(Debug)]
pub struct Permit {
    caller: Caller,
    service: Arc<Service>,
    tool: Arc<Tool>,
    /// Whether the caller's rights look at the arguments.
    conditional: bool,
    deadline: Instant,
    conduct: Pass,
    places: Places,
}

impl Permit {
    /// Permits an admitted call of the tool `name`, as the client wrote it.
    ///
    /// # Errors
    /// When the caller has no such tool, or its service is quarantined.
    pub fn new(admitted: Admitted, name: &str) -> Result<Self, CallError> {
        let (route, places) = admitted.into_parts();
        let (caller, found, conditional) = route.into_parts();
        let Found { service, tool, .. } = found.ok_or_else(|| CallError::UnknownTool(name.to_owned()))?;
        let conduct = service.conduct.admit().map_err(|retry_after| CallError::Quarantined {
            service: service.name.to_string(),
            retry_after,
        })?;
        let deadline = Instant::now() + service.compartment.limits.deadline;
        Ok(Self { caller, service, tool, conditional, deadline, conduct, places })
    }

    /// The service that is called.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

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
        let arguments = self.tool.complete(arguments).map_err(CallError::InvalidArguments)?;
        if self.conditional {
            self.check_conditions(&arguments)?;
        }
        let Self { caller, service, tool, deadline, conduct, places, .. } = self;
        let conduct = Conduct { tenant: caller.tenant.clone(), service: service.name.clone(), pass: conduct };
        let key = tool.cache_ttl.map(|ttl| {
            let tenant = caller.tenant.clone();
            (Key::new(tenant, &service.name, &service.revision, &tool.name, &arguments), ttl)
        });
        let checked = Checked {
            id,
            key,
            arguments: arguments.to_string(),
            traceparent,
            deadline,
            service,
            tool,
            caller,
            _places: places,
        };
        Ok((checked, conduct))
    }
}

impl Permit {
    /// # Errors
    /// When the caller may not use the tool with these arguments. By which rule is the operator's business.
    fn check_conditions(&self, arguments: &Value) -> Result<(), CallError> {
        let facts = self.tool.facts(&self.service.name);
        let rights = &self.caller.principal.rights;
        let decision = rights.check_arguments(&facts, &self.caller.id, &self.caller.tenant, arguments);
        if decision.is_allowed() {
            return Ok(());
        }
        Err(CallError::Forbidden(decision.rule().clone()))
    }
}

/// How a call's guest behaves, for the service's quarantine. A call that is only dropped says nothing.
#[derive(Debug)]
pub struct Conduct {
    tenant: Arc<str>,
    service: Arc<str>,
    pass: Pass,
}

impl Conduct {
    /// Notes how it ended.
    pub fn judge(self, error: Option<&CallError>) {
        let (tenant, service) = (&*self.tenant, &*self.service);
        if !error.is_some_and(CallError::is_misdeed) {
            if self.pass.succeeded() {
                tracing::info!(tenant, service, "a quarantined service is back");
            }
        } else if self.pass.failed() {
            tracing::warn!(
                tenant,
                service,
                "a service keeps crashing or timing out and is quarantined for a while"
            );
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
    key: Option<(Key, Duration)>,
    service: Arc<Service>,
    tool: Arc<Tool>,
    caller: Caller,
    _places: Places,
}

impl Checked {
    /// What the guest runs with.
    #[must_use]
    pub fn compartment(&self) -> &Compartment {
        &self.service.compartment
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// The tool.
    #[must_use]
    pub fn tool(&self) -> &Arc<Tool> {
        &self.tool
    }

    /// Under which key its result may be kept, and for how long.
    pub fn take_key(&mut self) -> Option<(Key, Duration)> {
        self.key.take()
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}
