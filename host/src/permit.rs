//! The permit to call: from an admitted call to one whose arguments are checked.
//!
//! A [`Permit`] comes only from an [`Admitted`] call, and a [`Checked`] one only from [`Permit::check`], so a guest
//! cannot be started for a caller that was not admitted or with arguments that were not checked.

mod work;

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

pub use work::Work;

use crate::{
    ask::{Accepts, Asked, Conversation, Inputs, Posed},
    auth::Caller,
    breaker::Pass,
    cache::Key,
    catalog::{Found, Member, service::Service, tool::Support},
    error::CallError,
    grant::tool::ToolGrant,
    limit::{Admitted, gate::Pass as Places},
    operation::Operation,
    request::{Brought, CallId},
    sandbox::Compartment,
    seal::Sealer,
};

/// Proof that a caller may call now. Holds the call's places until it is dropped.
#[derive(Debug)]
pub struct Permit {
    caller: Caller,
    service: Arc<Service>,
    member: Member,
    /// Whether the caller's rights look at the arguments.
    conditional: bool,
    deadline: Instant,
    conduct: Pass,
    places: Places,
}

impl Permit {
    /// Permits an admitted call.
    ///
    /// # Errors
    /// When the caller has not got what it asks for, or its service is quarantined.
    pub fn new(admitted: Admitted, operation: &Operation) -> Result<Self, CallError> {
        let (route, places) = admitted.into_parts();
        let (caller, found, conditional) = route.into_parts();
        let Found { service, member, .. } = found.ok_or_else(|| operation.unknown())?;
        let conduct = service.conduct.admit().map_err(|retry_after| CallError::Quarantined {
            service: service.name.to_string(),
            retry_after,
        })?;
        let deadline = Instant::now() + service.compartment.limits.deadline;
        Ok(Self { caller, service, member, conditional, deadline, conduct, places })
    }

    /// The service that is called.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Checks the arguments, and what an earlier attempt left.
    ///
    /// # Errors
    /// Names each argument or answer at fault.
    pub fn check(
        self,
        id: CallId,
        operation: Operation,
        brought: Brought,
        sealer: &Sealer,
    ) -> Result<(Checked, Conduct), CallError> {
        let (work, arguments) = Work::new(operation, &self.member).map_err(CallError::InvalidArguments)?;
        if self.conditional {
            self.check_conditions(&arguments)?;
        }
        if work.tool().is_some_and(|tool| tool.task == Some(Support::Required)) && !brought.accepts.tasks {
            return Err(CallError::NeedsTasks);
        }
        let Self { caller, service, deadline, conduct, places, .. } = self;
        let Brought { answers, accepts, traceparent } = brought;
        let resumed = answers.is_some();
        let inputs = answers.map(|answers| conversation(&caller, &service, &work).resume(sealer, answers));
        let inputs = inputs.transpose()?.unwrap_or_default();
        let conduct = Conduct { tenant: caller.tenant.clone(), service: service.name.clone(), pass: conduct };
        // What the user said is for this call alone.
        let cached = work.tool().filter(|_| !resumed).and_then(|tool| Some((tool, tool.cache_ttl?)));
        let key = cached.map(|(tool, ttl)| {
            let tenant = caller.tenant.clone();
            (Key::new(tenant, &service.name, &service.revision, &tool.name, &arguments), ttl)
        });
        let checked = Checked {
            id,
            work,
            inputs,
            accepts,
            traceparent,
            deadline,
            key,
            service,
            caller,
            _places: places,
        };
        Ok((checked, conduct))
    }
}

/// The rounds of a request.
fn conversation(caller: &Caller, service: &Service, work: &Work) -> Conversation {
    Conversation {
        caller: caller.clone(),
        request: format!("{}:{}", service.name, work.digest()),
        component: service.compartment.component.digest.clone(),
    }
}

impl Permit {
    /// # Errors
    /// When the caller may not call with these arguments. By which rule is the operator's business.
    fn check_conditions(&self, arguments: &Value) -> Result<(), CallError> {
        let facts = self.member.facts(&self.service.name);
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
    /// What is to be done.
    pub work: Work,
    /// What the user answered.
    pub inputs: Inputs,
    /// What the client can be asked.
    pub accepts: Accepts,
    /// For outbound requests.
    pub traceparent: Option<String>,
    /// When it is stopped.
    pub deadline: Instant,
    key: Option<(Key, Duration)>,
    service: Arc<Service>,
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

    /// What the tool that is called may send; none if that is all its service may, or no tool is called.
    #[must_use]
    pub fn tool_grant(&self) -> Option<Arc<ToolGrant>> {
        self.service.tool_grant(self.work.tool()?)
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

    /// What its guest asks instead of answering.
    ///
    /// # Errors
    /// When the client cannot be asked that, or the guest asks what it may not.
    pub fn pose(&self, asked: Asked) -> Result<Posed, CallError> {
        conversation(&self.caller, &self.service, &self.work).pose(asked, &self.inputs, self.accepts)
    }
}
