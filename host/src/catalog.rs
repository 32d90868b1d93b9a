//! What is served, and the way from a tool's name to where it is.
//!
//! Tools are read once when a service is loaded and served from memory: listing starts no guest.

pub mod assembly;
pub mod changes;
mod effort;
pub mod files;
pub mod loader;
pub mod names;
pub mod service;
pub mod tool;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::{
    access::{Facts, rights::Ruling},
    audit::Whose,
    auth::Caller,
    limit::gate::Gate,
    request::Scope,
};
use service::{Service, Tenant};
use tool::Tool;

/// Everything that is served, by tenant. Nothing of one tenant is found from another's callers.
#[derive(Debug, Default)]
pub struct Catalog {
    tenants: HashMap<Arc<str>, Arc<Served>>,
    left_out: Vec<LeftOut>,
}

/// What a tenant serves.
#[derive(Debug)]
struct Served {
    tenant: Arc<Tenant>,
    services: Vec<Arc<Service>>,
    /// How many tools come before those of each service.
    before: Vec<usize>,
    /// A number that comes once in the life of the process, for what is worked out about these tools in this order.
    generation: u64,
    /// Where each tool is: which service, and which of its tools.
    tools: HashMap<Arc<str>, (u32, u32)>,
}

/// A tenant and the services to be served for it, in their order.
#[derive(Debug)]
pub struct Offer {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// Its services.
    pub services: Vec<Arc<Service>>,
}

impl Served {
    fn new(Offer { tenant, services }: Offer) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let (mut before, mut tools, mut count) = (Vec::new(), HashMap::new(), 0);
        for (service, number) in services.iter().zip(0..) {
            before.push(count);
            count += service.tools.len();
            let places = service.tools.iter().zip(0..);
            tools.extend(places.map(|(tool, place)| (tool.public_name.clone(), (number, place))));
        }
        Self { tenant, services, before, generation: NEXT.fetch_add(1, Relaxed), tools }
    }

    /// Whether it serves exactly this already.
    fn is(&self, offer: &Offer) -> bool {
        let same = self.services.iter().zip(&offer.services).all(|(own, other)| Arc::ptr_eq(own, other));
        same && self.services.len() == offer.services.len() && Arc::ptr_eq(&self.tenant, &offer.tenant)
    }

    fn find(&self, name: &str) -> Option<Found> {
        let (service, tool) = *self.tools.get(name)?;
        let (service, tool) = (usize::try_from(service).ok()?, usize::try_from(tool).ok()?);
        let place = self.before.get(service)? + tool;
        let service = self.services.get(service)?;
        let found = service.tools.get(tool)?.clone();
        let (service, tenant) = (service.clone(), self.tenant.clone());
        Some(Found { service, tool: found, tenant, number: tool, place })
    }

    fn facts(&self) -> impl Iterator<Item = Facts<'_>> {
        self.services.iter().flat_map(|service| service.tools.iter().map(|tool| tool.facts(&service.name)))
    }

    /// The tools a caller may use, of the services in a scope.
    fn seen<'a>(
        &'a self,
        caller: &'a Caller,
        scope: &'a Scope,
    ) -> impl Iterator<Item = (&'a Arc<Service>, &'a Arc<Tool>)> {
        let services =
            self.services.iter().zip(&self.before).filter(|(service, _)| scope.covers(&service.name));
        services.flat_map(move |(service, before)| {
            let tools = service.tools.iter().zip(*before..);
            let seen = tools.filter(move |(tool, place)| {
                scope.selects(&tool.facts(&service.name)) && self.rule(caller, *place).decision.is_allowed()
            });
            seen.map(move |(tool, _)| (service, tool))
        })
    }

    fn rule(&self, caller: &Caller, place: usize) -> Ruling {
        caller.principal.rights.rule(self.generation, place, || self.facts())
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
    /// A catalogue of tenants with their services, and of services that are not served. No two tools of a tenant have
    /// the same name ([`names::Names`] sees to that). Tenants with whom nothing has changed since the `former`
    /// catalogue keep their generation.
    #[must_use]
    pub fn new(tenants: Vec<Offer>, left_out: Vec<LeftOut>, former: Option<&Self>) -> Self {
        let tenants = tenants.into_iter().map(|offer| {
            let name = offer.tenant.name.clone();
            let same = former.and_then(|former| former.tenants.get(&name)).filter(|served| served.is(&offer));
            (name, same.cloned().unwrap_or_else(|| Arc::new(Served::new(offer))))
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

    /// Whether a tenant's tools look the same in another catalogue.
    #[must_use]
    pub fn lists_as(&self, other: &Self, tenant: &str) -> bool {
        let tools = |catalog: &Self| -> Vec<Arc<Tool>> {
            let services = catalog.tenants.get(tenant).into_iter().flat_map(|served| &served.services);
            services.flat_map(|service| service.tools.iter().cloned()).collect()
        };
        let (own, others) = (tools(self), tools(other));
        own.len() == others.len() && own.iter().zip(&others).all(|(own, other)| own.is_listed_as(other))
    }

    /// A number that changes whenever the services or tools of a tenant do; 0 for a tenant that is not there.
    #[must_use]
    pub fn generation(&self, tenant: &str) -> u64 {
        self.tenants.get(tenant).map_or(0, |served| served.generation)
    }

    /// Every service of every tenant, for the host itself.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.tenants.values().flat_map(|served| &served.services)
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
        self.tenants.get(&caller.tenant).into_iter().flat_map(move |served| served.seen(caller, scope))
    }

    /// A tool by the name its callers use, if the caller may use it.
    #[must_use]
    pub fn tool(&self, caller: &Caller, scope: &Scope, name: &str) -> Option<Arc<Tool>> {
        Some(self.find(caller, scope, name).0?.tool)
    }

    /// A tool of the caller's tenant, whether it may use it or not, for `explain`.
    #[must_use]
    pub fn tool_of_tenant(&self, tenant: &str, name: &str) -> Option<(Arc<Service>, Arc<Tool>)> {
        self.tenants.get(tenant)?.find(name).map(|found| (found.service, found.tool))
    }

    fn find(&self, caller: &Caller, scope: &Scope, name: &str) -> (Option<Found>, Option<Ruling>) {
        let Some(served) = self.tenants.get(&caller.tenant) else { return (None, None) };
        let Some(found) = served.find(name) else { return (None, None) };
        if !scope.covers(&found.service.name) || !scope.selects(&found.tool.facts(&found.service.name)) {
            return (None, None);
        }
        let ruling = served.rule(caller, found.place);
        (Some(found).filter(|_| ruling.decision.is_allowed()), Some(ruling))
    }

    /// Finds the tool a call is for. What a caller has not got and what it may not use are found alike: not.
    #[must_use]
    pub fn route(&self, caller: Caller, scope: &Scope, name: &str) -> Route {
        let (found, ruling) = self.find(&caller, scope, name);
        Route { caller, found, ruling }
    }
}

/// A tool, its service, and where both are.
#[derive(Clone, Debug)]
pub struct Found {
    /// The service.
    pub service: Arc<Service>,
    /// The tool.
    pub tool: Arc<Tool>,
    /// Whose service it is.
    pub tenant: Arc<Tenant>,
    /// Which of the service's tools it is.
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

    /// The service and the tool.
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
