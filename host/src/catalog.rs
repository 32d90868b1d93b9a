//! What is served, and the way from a tool's name to where it is.
//!
//! Tools are read once when a service is loaded and served from memory: listing starts no guest.

mod effort;
pub mod loader;
pub mod search;
pub mod service;
pub mod tool;

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use crate::{
    access::{Facts, rights::Ruling},
    audit::Whose,
    auth::Caller,
    limit::gate::Gate,
    request::{Listing, Scope},
};
use search::Index;
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
    /// How many tools come before those of each service.
    before: Vec<usize>,
    /// Where each tool is: which service, and which of its tools.
    tools: HashMap<Arc<str>, (u32, u32)>,
    /// Made when it is first asked.
    index: OnceLock<Index>,
}

impl Served {
    fn find(&self, name: &str) -> Option<Found> {
        let (service, tool) = *self.tools.get(name)?;
        let (service, tool) = (usize::try_from(service).ok()?, usize::try_from(tool).ok()?);
        let place = self.before.get(service)? + tool;
        let service = self.services.get(service)?;
        Some(Found { service: service.clone(), tool: service.tools.get(tool)?.clone(), number: tool, place })
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
        caller.principal.rights.rule(place, || self.facts())
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
            let before = served.before.last().copied().unwrap_or_default();
            let last = served.services.last().map_or(0, |last| last.tools.len());
            served.before.push(before + last);
            served.services.push(service.into());
        }
        Ok(catalog)
    }

    /// Every service of every tenant, for the host itself.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.tenants.values().flat_map(|served| &served.services)
    }

    /// The gates of all tenants, services and tools, and whose calls each counts.
    pub fn gates(&self) -> impl Iterator<Item = (&Gate, Whose)> {
        let tenants = self.tenants.values().filter_map(|served| served.services.first());
        let tenants = tenants.map(|one| (&one.tenant.gate, Whose::Tenant(one.tenant.name.to_string())));
        let services = self.all().flat_map(|service| {
            let tenant = service.tenant.name.to_string();
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

    /// How clients of a tenant are shown the tools.
    #[must_use]
    pub fn listing(&self, tenant: &str) -> Listing {
        let service = self.tenants.get(tenant).and_then(|served| served.services.first());
        service.map_or(Listing::All, |service| service.tenant.listing)
    }

    /// The tools a caller may use in a scope that say something of a question, the best first.
    #[must_use]
    pub fn search<'a>(&'a self, caller: &'a Caller, scope: &'a Scope, question: &str) -> Vec<&'a Arc<Tool>> {
        let Some(served) = self.tenants.get(&caller.tenant) else { return Vec::new() };
        let all = || served.services.iter().flat_map(|service| service.tools.iter());
        let index = served.index.get_or_init(|| Index::new(all().map(|tool| &**tool)));
        let mut seen: HashMap<&str, &Arc<Tool>> =
            self.list(caller, scope).map(|(_, tool)| (&*tool.public_name, tool)).collect();
        let names: Vec<&str> = all().map(|tool| &*tool.public_name).collect();
        index.find(question).into_iter().filter_map(|number| seen.remove(names.get(number)?)).collect()
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
