//! A service that is served: a component, configured, with its tools and prompts read.

use std::{collections::HashMap, ops::Range, sync::Arc, time::Duration};

use bulkhead_registry::signers::Vouch;

use super::{
    Member,
    prompt::{Prompt, Resources},
    tool::Tool,
};
use crate::{
    access::Facts,
    breaker::Breaker,
    cache::Revision,
    config,
    grant::tool::ToolGrant,
    limit::gate::{CallLimits, Gate},
    metrics::ServiceMeters,
    request::Listing,
    sandbox::{Compartment, Manifest},
};

/// Which members of a service.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Tools,
    Prompts,
    Resources,
    All,
}

/// A service of a tenant.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: Arc<str>,
    /// The name of the tenant it belongs to.
    pub tenant: Arc<str>,
    /// What it was made from. A service that would be made from the same again stays.
    pub(super) written: config::Service,
    /// Who vouches for its component.
    pub vouched: Option<Vouch>,
    /// What its component says of itself.
    pub manifest: Arc<Manifest>,
    /// What its guests run with.
    pub compartment: Compartment,
    /// The digest of what its component offered.
    pub(super) offered: [u8; 32],
    /// Its tools, in the component's order.
    pub tools: Arc<[Arc<Tool>]>,
    /// Its prompts, likewise.
    pub prompts: Arc<[Arc<Prompt>]>,
    /// Its resources, if its component has some.
    pub resources: Option<Arc<Resources>>,
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
    /// What the calls of each tool may send, where its component says so.
    pub(super) tool_grants: HashMap<Arc<str>, Arc<ToolGrant>>,
}

impl Service {
    /// Whether it would be the same if it were made from this config and a component with this digest and voucher.
    pub(super) fn is_made_from(
        &self,
        config: &config::Service,
        digest: &str,
        vouched: Option<&Vouch>,
    ) -> bool {
        self.compartment.component.digest == digest
            && self.written == *config
            && self.vouched.as_ref() == vouched
    }

    /// Whether its component comes with the host.
    pub(super) fn is_built_in(&self) -> bool {
        self.written.component == config::ComponentSource::EmbeddedUtilities
    }

    /// Whether its component has a tool of this name, served or not.
    #[must_use]
    pub fn declares(&self, tool: &str) -> bool {
        let disabled = &self.written.overrides.disabled;
        self.tools.iter().any(|one| one.name == tool) || disabled.contains(&format!("{}_{tool}", self.name))
    }

    /// How many calls a tool takes; prompts and resources likewise.
    #[must_use]
    pub fn gate_of(&self, member: &Member) -> &Gate {
        static OPEN: Gate = Gate::open();
        self.tool_gates.get(member.public_name()).unwrap_or(&OPEN)
    }

    /// How often it is listed again.
    #[must_use]
    pub fn refresh(&self) -> Option<Duration> {
        self.written.refresh
    }

    /// What the calls of a tool may send; none if that is all the service may.
    #[must_use]
    pub fn tool_grant(&self, tool: &Tool) -> Option<Arc<ToolGrant>> {
        tool.egress.as_ref()?;
        Some(self.tool_grants.get(&tool.public_name).cloned().unwrap_or_default())
    }

    /// All that a right can name, numbered: the tools, then the prompts, then the resources.
    #[must_use]
    pub fn member(&self, number: usize) -> Option<Member> {
        if let Some(tool) = self.tools.get(number) {
            return Some(Member::Tool(tool.clone()));
        }
        let number = number - self.tools.len();
        if let Some(prompt) = self.prompts.get(number) {
            return Some(Member::Prompt(prompt.clone()));
        }
        let resources = self.resources.as_ref().filter(|_| number == self.prompts.len());
        resources.cloned().map(Member::Resources)
    }

    /// How many there are.
    #[must_use]
    pub fn members(&self) -> usize {
        self.numbers(Part::All).end
    }

    /// Their numbers.
    pub(super) fn numbers(&self, part: Part) -> Range<usize> {
        let tools = self.tools.len();
        let prompts = tools + self.prompts.len();
        let all = prompts + usize::from(self.resources.is_some());
        match part {
            Part::Tools => 0..tools,
            Part::Prompts => tools..prompts,
            Part::Resources => prompts..all,
            Part::All => 0..all,
        }
    }

    /// What authorisation looks at of each, in that order.
    pub fn facts(&self) -> impl Iterator<Item = Facts<'_>> {
        let tools = self.tools.iter().map(|tool| tool.facts(&self.name));
        let prompts = self.prompts.iter().map(|prompt| prompt.facts(&self.name));
        let resources = self.resources.iter().map(|resources| resources.facts(&self.name));
        tools.chain(prompts).chain(resources)
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
    /// How clients are shown its tools.
    pub listing: Listing,
}

impl Tenant {
    /// A tenant with its limits.
    #[must_use]
    pub fn new(name: Arc<str>, limits: CallLimits, listing: Listing) -> Self {
        let gate = Gate::new(&format!("tenants.{name}.limits"), limits);
        Self { name, limits, gate, listing }
    }

    /// A tenant as it is configured now; the `former` one if it is the same.
    #[must_use]
    pub fn renewed(
        former: Option<&Arc<Self>>,
        name: &str,
        limits: CallLimits,
        listing: Listing,
    ) -> Arc<Self> {
        match former {
            Some(former) if former.limits == limits && former.listing == listing => former.clone(),
            Some(former) => {
                let gate = Gate::renewed(Some(&former.gate), &format!("tenants.{name}.limits"), limits);
                Arc::new(Self { name: name.into(), limits, gate, listing })
            }
            None => Arc::new(Self::new(name.into(), limits, listing)),
        }
    }
}
