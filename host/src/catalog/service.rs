//! A service that is served: a component, configured, with its tools read.

use std::{collections::HashMap, sync::Arc};

use super::tool::Tool;
use crate::{
    breaker::Breaker,
    cache::Revision,
    limit::gate::{CallLimits, Gate},
    metrics::ServiceMeters,
    request::Listing,
    sandbox::{Compartment, Manifest},
};

/// A service of a tenant.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: Arc<str>,
    /// The tenant it belongs to.
    pub tenant: Arc<Tenant>,
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
    /// How many calls a tool takes.
    #[must_use]
    pub fn tool_gate(&self, tool: &Tool) -> &Gate {
        static OPEN: Gate = Gate::open();
        self.tool_gates.get(&tool.public_name).unwrap_or(&OPEN)
    }
}

/// A tenant, as its services know it.
#[derive(Debug)]
pub struct Tenant {
    /// Its name.
    pub name: Arc<str>,
    /// How many calls of all its services it may make.
    pub gate: Gate,
    /// How clients are shown its tools.
    pub listing: Listing,
}

impl Tenant {
    /// A tenant with its limits.
    #[must_use]
    pub fn new(name: Arc<str>, limits: CallLimits, listing: Listing) -> Self {
        let gate = Gate::new(&format!("tenants.{name}.limits"), limits);
        Self { name, gate, listing }
    }
}
