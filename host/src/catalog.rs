//! What is served, and the way from a name to where it is.
//!
//! Tools, prompts and resource templates are read once when a service is loaded and served from memory: listing them
//! starts no guest.

pub mod assembly;
pub mod changes;
pub(crate) mod effort;
pub mod files;
pub mod loader;
pub mod names;
pub mod offer;
pub mod prompt;
pub mod search;
mod sends;
mod served;
pub mod service;
pub mod tool;
pub mod uri;

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use crate::{
    access::{Facts, rights::Ruling},
    audit::Whose,
    auth::Caller,
    limit::gate::Gate,
    operation::Operation,
    request::{Listing, Scope},
};
use prompt::{Prompt, Resources};
use served::Served;
pub use served::{Differs, Tenancy};
use service::{Part, Service, Tenant};
use tool::Tool;

/// Everything that is served, by tenant. Nothing of one tenant is found from another's callers.
#[derive(Debug, Default)]
pub struct Catalog {
    tenants: HashMap<Arc<str>, Arc<Served>>,
    left_out: Vec<LeftOut>,
}

/// What of a service a right can name.
#[derive(Clone, Debug)]
pub enum Member {
    /// A tool.
    Tool(Arc<Tool>),
    /// A prompt.
    Prompt(Arc<Prompt>),
    /// All its resources.
    Resources(Arc<Resources>),
}

impl Member {
    /// By which name rights, limits and records know it.
    #[must_use]
    pub fn public_name(&self) -> &Arc<str> {
        match self {
            Self::Tool(tool) => &tool.public_name,
            Self::Prompt(prompt) => &prompt.public_name,
            Self::Resources(resources) => &resources.public_name,
        }
    }

    /// What authorisation looks at, as one of `service`.
    #[must_use]
    pub fn facts<'a>(&'a self, service: &'a str) -> Facts<'a> {
        match self {
            Self::Tool(tool) => tool.facts(service),
            Self::Prompt(prompt) => prompt.facts(service),
            Self::Resources(resources) => resources.facts(service),
        }
    }
}

/// A service that could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Whose it is.
    pub tenant: String,
    /// Its name.
    pub service: String,
    /// Why.
    pub why: String,
}

impl Catalog {
    /// A catalogue of tenants with their services, and of services that are not served. No two members of a tenant
    /// have the same name ([`names::Names`] sees to that). Tenants with whom nothing has changed since the `former`
    /// catalogue keep their generation.
    #[must_use]
    pub fn new(tenants: Vec<Tenancy>, left_out: Vec<LeftOut>, former: Option<&Self>) -> Self {
        let tenants = tenants.into_iter().map(|tenancy| {
            let name = tenancy.tenant.name.clone();
            let same =
                former.and_then(|former| former.tenants.get(&name)).filter(|served| served.is(&tenancy));
            (name, same.cloned().unwrap_or_else(|| Arc::new(Served::new(tenancy))))
        });
        Self { tenants: tenants.collect(), left_out }
    }

    /// A tenant.
    #[must_use]
    pub fn tenant(&self, name: &str) -> Option<&Arc<Tenant>> {
        self.tenants.get(name).map(|served| &served.tenant)
    }

    /// A service of a tenant.
    #[must_use]
    pub fn service(&self, tenant: &str, name: &str) -> Option<&Arc<Service>> {
        self.tenants.get(tenant)?.services.iter().find(|service| *service.name == *name)
    }

    /// Whether all is the same in another catalogue.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let same = |(name, served): (&Arc<str>, &Arc<Served>)| {
            other.tenants.get(name).is_some_and(|other| Arc::ptr_eq(served, other))
        };
        self.tenants.len() == other.tenants.len()
            && self.tenants.iter().all(same)
            && self.left_out == other.left_out
    }

    /// The names of the tenants.
    pub fn tenants(&self) -> impl Iterator<Item = &Arc<str>> {
        self.tenants.keys()
    }

    /// A number that changes whenever the services of a tenant do; 0 for a tenant that is not there.
    #[must_use]
    pub fn generation(&self, tenant: &str) -> u64 {
        self.tenants.get(tenant).map_or(0, |served| served.generation)
    }

    /// Every service of every tenant, for the host itself.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.tenants.values().flat_map(|served| &served.services)
    }

    /// When the signature of a service's component counts no more, that of the next one.
    #[must_use]
    pub fn expires(&self, now: SystemTime) -> Option<SystemTime> {
        let ends = self.all().filter_map(|service| service.vouched.as_ref()?.not_after);
        ends.filter(|end| *end >= now).min()
    }

    /// The gates of all tenants, services and tools, and whose calls each counts.
    pub fn gates(&self) -> impl Iterator<Item = (&Gate, Whose)> {
        let tenants = self.tenants.values().map(|served| &served.tenant);
        let tenants = tenants.map(|tenant| (&tenant.gate, Whose::Tenant(tenant.name.to_string())));
        let services = self.all().flat_map(|service| {
            let tenant = service.tenant.to_string();
            let of_tool = {
                let tenant = tenant.clone();
                move |tool: &Arc<str>| Whose::Tool { tenant: tenant.clone(), tool: tool.to_string() }
            };
            let tools = service.tool_gates.iter().map(move |(tool, gate)| (gate, of_tool(tool)));
            let own = Whose::Service { tenant, service: service.name.to_string() };
            tools.chain([(&service.gate, own)])
        });
        tenants.chain(services)
    }

    /// Services that could not be loaded.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The services of a caller's tenant in a scope.
    pub fn services<'a>(
        &'a self,
        caller: &Caller,
        scope: &'a Scope,
    ) -> impl Iterator<Item = &'a Arc<Service>> {
        let served = self.tenants.get(&caller.tenant).into_iter().flat_map(|served| &served.services);
        served.filter(move |service| scope.covers(&service.name))
    }

    /// The tools a caller may use in a scope, each with its service, in a stable order.
    pub fn list<'a>(
        &'a self,
        caller: &'a Caller,
        scope: &'a Scope,
    ) -> impl Iterator<Item = (&'a Arc<Service>, &'a Arc<Tool>)> {
        let seen = self.seen(caller, scope, Part::Tools);
        seen.filter_map(|(service, number)| Some((service, service.tools.get(number)?)))
    }

    /// The prompts, likewise.
    pub fn prompts<'a>(
        &'a self,
        caller: &'a Caller,
        scope: &'a Scope,
    ) -> impl Iterator<Item = (&'a Arc<Service>, &'a Arc<Prompt>)> {
        self.seen(caller, scope, Part::Prompts).filter_map(|(service, number)| {
            Some((service, service.prompts.get(number.checked_sub(service.tools.len())?)?))
        })
    }

    /// The services whose resources a caller may use, likewise.
    pub fn with_resources<'a>(
        &'a self,
        caller: &'a Caller,
        scope: &'a Scope,
    ) -> impl Iterator<Item = (&'a Arc<Service>, &'a Arc<Resources>)> {
        let seen = self.seen(caller, scope, Part::Resources);
        seen.filter_map(|(service, _)| Some((service, service.resources.as_ref()?)))
    }

    /// The services of which a caller may use something in a scope.
    pub fn used<'a>(
        &'a self,
        caller: &'a Caller,
        scope: &'a Scope,
    ) -> impl Iterator<Item = &'a Arc<Service>> {
        let mut last = None;
        let services = self.seen(caller, scope, Part::All).map(|(service, _)| service);
        services.filter(move |service| last.replace(Arc::as_ptr(service)) != Some(Arc::as_ptr(service)))
    }

    fn seen<'a>(
        &'a self,
        caller: &'a Caller,
        scope: &'a Scope,
        part: Part,
    ) -> impl Iterator<Item = (&'a Arc<Service>, usize)> {
        let served = self.tenants.get(&caller.tenant).filter(|served| match part {
            Part::Tools | Part::All => true,
            Part::Prompts => served.kinds.0, // asked with every request, and most have none
            Part::Resources => served.kinds.1,
        });
        served.into_iter().flat_map(move |served| served.seen(caller, scope, part))
    }

    /// What a tenant's lists are made from, as a number: another one when they may be others. Hosts that serve the
    /// same have the same, so a cursor of one holds with the other.
    #[must_use]
    pub fn edition(&self, tenant: &str) -> u64 {
        self.tenants.get(tenant).map_or(0, |served| served.edition())
    }

    /// A number for what a caller may use of its tenant's: whoever has the same may use the same. It comes once in the
    /// life of the process. None if there is no such tenant.
    #[must_use]
    pub fn view(&self, caller: &Caller) -> Option<u64> {
        self.tenants.get(&caller.tenant)?.view(caller)
    }

    /// Which of a tenant's lists look different in another catalogue, as far as the host knows: what resources there
    /// are only guests know, so those of another service, or of one that was made anew, may be others.
    #[must_use]
    pub fn differs(&self, other: &Self, tenant: &str) -> Differs {
        Served::differs(self.tenants.get(tenant), other.tenants.get(tenant))
    }

    /// How clients of a tenant are shown the tools.
    #[must_use]
    pub fn listing(&self, tenant: &str) -> Listing {
        self.tenants.get(tenant).map_or(Listing::All, |served| served.tenant.listing)
    }

    /// Whether somebody of a tenant can have prompts, and resources.
    #[must_use]
    pub fn kinds(&self, tenant: &str) -> (bool, bool) {
        self.tenants.get(tenant).map(|served| served.kinds).unwrap_or_default()
    }

    /// The tools a caller may use in a scope that say something of a question, the best first.
    #[must_use]
    pub fn search<'a>(&'a self, caller: &'a Caller, scope: &'a Scope, question: &str) -> Vec<&'a Arc<Tool>> {
        let Some(served) = self.tenants.get(&caller.tenant) else { return Vec::new() };
        let mut seen: HashMap<&str, &Arc<Tool>> =
            self.list(caller, scope).map(|(_, tool)| (&*tool.public_name, tool)).collect();
        served.search(question).into_iter().filter_map(|name| seen.remove(name)).collect()
    }

    /// A tool by the name its callers use, if the caller may use it.
    #[must_use]
    pub fn tool(&self, caller: &Caller, scope: &Scope, name: &str) -> Option<Arc<Tool>> {
        match self.find(caller, scope, name).0?.member {
            Member::Tool(tool) => Some(tool),
            Member::Prompt(_) | Member::Resources(_) => None,
        }
    }

    /// The service of a prompt, if the caller may use it.
    #[must_use]
    pub fn prompt(&self, caller: &Caller, scope: &Scope, name: &str) -> Option<Arc<Service>> {
        let found = self.find(caller, scope, name).0?;
        matches!(found.member, Member::Prompt(_)).then_some(found.service)
    }

    /// The service of a resource, if the caller may read it. Whether there is such a resource, the service knows.
    #[must_use]
    pub fn resource(&self, caller: &Caller, scope: &Scope, uri: &str) -> Option<Arc<Service>> {
        let operation = Operation::ReadResource { uri: uri.to_owned() };
        let found = self.find(caller, scope, &operation.right()?).0?;
        operation.fits(&found.member).then_some(found.service)
    }

    /// What a tenant has of that name, whether the caller may use it or not, for `explain`.
    #[must_use]
    pub fn of_tenant(&self, tenant: &str, name: &str) -> Option<(Arc<Service>, Member)> {
        self.tenants.get(tenant)?.find(name).map(|found| (found.service, found.member))
    }

    fn find(&self, caller: &Caller, scope: &Scope, name: &str) -> (Option<Found>, Option<Ruling>) {
        let Some(served) = self.tenants.get(&caller.tenant) else { return (None, None) };
        let Some(found) = served.find(name) else { return (None, None) };
        let facts = found.member.facts(&found.service.name);
        if !scope.covers(&found.service.name) || !scope.selects(&facts) {
            return (None, None);
        }
        let ruling = served.rule(caller, found.place);
        (Some(found).filter(|_| ruling.decision.is_allowed()), Some(ruling))
    }

    /// Finds what is asked for. What a caller has not got and what it may not use are found alike: not.
    #[must_use]
    pub fn route(&self, caller: Caller, scope: &Scope, operation: &Operation) -> Route {
        let named = operation.right().map(|name| self.find(&caller, scope, &name));
        let (found, ruling) = named.unwrap_or_default();
        match found {
            Some(found) if !operation.fits(&found.member) => Route { caller, found: None, ruling: None },
            found => Route { caller, found, ruling },
        }
    }
}

/// What is asked for, its service, and where both are.
#[derive(Clone, Debug)]
pub struct Found {
    /// The service.
    pub service: Arc<Service>,
    /// The tool, say.
    pub member: Member,
    /// Whose service it is.
    pub tenant: Arc<Tenant>,
    /// Which of the service's members it is.
    pub number: usize,
    /// Which of the tenant's.
    place: usize,
}

/// Where a call goes, if anywhere.
#[derive(Debug)]
pub struct Route {
    caller: Caller,
    found: Option<Found>,
    ruling: Option<Ruling>,
}

impl Route {
    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The service and what it is of it.
    #[must_use]
    pub fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// The rule that lets the caller use the tool, or keeps it from it; none if there is no such tool.
    #[must_use]
    pub fn rule(&self) -> Option<&Arc<str>> {
        self.ruling.as_ref().map(|ruling| ruling.decision.rule())
    }

    /// Its parts, for the permit: the caller, what was found, and whether its arguments decide.
    pub(crate) fn into_parts(self) -> (Caller, Option<Found>, bool) {
        (self.caller, self.found, self.ruling.is_some_and(|ruling| ruling.conditional))
    }
}
