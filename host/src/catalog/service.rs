//! A service that is served: a component, configured, with its tools read.

use std::{collections::HashMap, sync::Arc};

use super::tool::Tool;
use crate::{
    breaker::Breaker,
    cache::Revision,
    config,
    limit::gate::{CallLimits, Gate},
    metrics::ServiceMeters,
    sandbox::{Compartment, Manifest},
};

/// A service of a tenant.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: Arc<str>,
    /// The name of the tenant it belongs to.
    pub tenant: Arc<str>,
    /// What it was made from. A service that would be made from the same again stays.
    pub(super) written: config::Service,
    /// What its component says of itself.
    pub manifest: Arc<Manifest>,
    /// What its guests run with.
    pub compartment: Compartment,
    /// Its tools, in the component's order.
    pub tools: Arc<[Arc<Tool>]>,
    /// Whether its guests behave; open while it is quarantined.
    pub conduct: Arc<Breaker>,
    /// What is counted of it.
    pub meters: Arc<ServiceMeters>,
    /// Advances when results that are kept may no longer hold.
    pub revision: Revision,
    /// How many calls it takes.
    pub gate: Gate,
    /// How many each tool takes, where that is limited.
    pub(super) tool_gates: HashMap<Arc<str>, Gate>,
}

impl Service {
    /// Whether it would be the same if it were made from this config and a component with this digest.
    pub(super) fn is_made_from(&self, config: &config::Service, digest: &str) -> bool {
        self.compartment.component.digest == digest && self.written == *config
    }

    /// How many calls a tool takes.
    #[must_use]
    pub fn tool_gate(&self, tool: &Tool) -> &Gate {
        static OPEN: Gate = Gate::open();
        self.tool_gates.get(&tool.public_name).unwrap_or(&OPEN)
    }
}

/// A tenant.
#[derive(Debug)]
pub struct Tenant {
    /// Its name.
    pub name: Arc<str>,
    limits: CallLimits,
    /// How many calls of all its services it may make.
    pub gate: Gate,
}

impl Tenant {
    /// A tenant with its limits.
    #[must_use]
    pub fn new(name: Arc<str>, limits: CallLimits) -> Self {
        let gate = Gate::new(&format!("tenants.{name}.limits"), limits);
        Self { name, limits, gate }
    }

    /// A tenant with the limits it has now; the `former` one if they are the same.
    #[must_use]
    pub fn renewed(former: Option<&Arc<Self>>, name: &str, limits: CallLimits) -> Arc<Self> {
        match former {
            Some(former) if former.limits == limits => former.clone(),
            Some(former) => {
                let gate = Gate::renewed(Some(&former.gate), &format!("tenants.{name}.limits"), limits);
                Arc::new(Self { name: name.into(), limits, gate })
            }
            None => Arc::new(Self::new(name.into(), limits)),
        }
    }
}
