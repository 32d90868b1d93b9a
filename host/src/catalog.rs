//! What is served, and the way from a tool's name to where it is.
//!
//! Tools are read once when a service is loaded and served from memory: listing starts no guest.

mod effort;
pub mod loader;
pub mod service;
pub mod tool;

use std::{collections::HashMap, sync::Arc};

use crate::{audit::Whose, auth::Caller, limit::gate::Gate, request::Scope};
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

    /// Finds the tool a call is for. What a caller has not got and what it may not use are found alike: not.
    #[must_use]
    pub fn route(&self, caller: Caller, scope: &Scope, name: &str) -> Route {
        let found = self.find(&caller, scope, name).map(|(service, tool)| (service.clone(), tool.clone()));
        Route { caller, found }
    }
}

/// A service and its tool.
type Found = (Arc<Service>, Arc<Tool>);

/// Where a call goes, if anywhere.
#[derive(Debug)]
pub struct Route {
    caller: Caller,
    found: Option<Found>,
}

impl Route {
    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The service and the tool.
    #[must_use]
    pub fn found(&self) -> Option<(&Arc<Service>, &Arc<Tool>)> {
        self.found.as_ref().map(|(service, tool)| (service, tool))
    }

    /// Its parts, for the permit.
    pub(crate) fn into_parts(self) -> (Caller, Option<Found>) {
        (self.caller, self.found)
    }
}
