//! What is served, and the way from a name to where it is.
//!
//! Tools, prompts and resource templates are read once when a service is loaded and served from memory: listing them
//! starts no guest.

pub(crate) mod effort;
pub mod loader;
pub mod prompt;
pub mod search;
pub mod service;
pub mod tool;
pub mod uri;

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use sha2::{Digest as _, Sha256};

use crate::{
    access::{Facts, rights::Ruling},
    audit::Whose,
    auth::Caller,
    limit::gate::Gate,
    operation::Operation,
    request::{Listing, Scope},
};
use prompt::{Prompt, Resources};
use search::Index;
use service::{Part, Service};
use tool::Tool;

/// Everything that is served, by tenant. Nothing of one tenant is found from another's callers.
#[derive(Debug, Default)]
pub struct Catalog {
    tenants: HashMap<Arc<str>, Served>,
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

/// What a tenant serves.
#[derive(Debug, Default)]
struct Served {
    services: Vec<Arc<Service>>,
    /// How many members come before those of each service.
    before: Vec<usize>,
    /// Where each is: of which service, and which of its members.
    names: HashMap<Arc<str>, (u32, u32)>,
    /// Made when it is first asked.
    index: OnceLock<Index>,
}

impl Served {
    fn find(&self, name: &str) -> Option<Found> {
        let (service, number) = *self.names.get(name)?;
        let (service, number) = (usize::try_from(service).ok()?, usize::try_from(number).ok()?);
        let place = self.before.get(service)? + number;
        let service = self.services.get(service)?;
        Some(Found { service: service.clone(), member: service.member(number)?, number, place })
    }

    fn facts(&self) -> impl Iterator<Item = Facts<'_>> {
        self.services.iter().flat_map(|service| service.facts())
    }

    /// What a caller may use of a part, of the services in a scope: each with its number.
    fn seen<'a>(
        &'a self,
        caller: &'a Caller,
        scope: &'a Scope,
        part: Part,
    ) -> impl Iterator<Item = (&'a Arc<Service>, usize)> {
        let services =
            self.services.iter().zip(&self.before).filter(|(service, _)| scope.covers(&service.name));
        services.flat_map(move |(service, before)| {
            let numbers = service.numbers(part);
            let facts = service.facts().skip(numbers.start).take(numbers.len());
            let seen = facts.zip(numbers).filter(move |(facts, number)| {
                let place = before.saturating_add(*number);
                scope.selects(facts) && self.rule(caller, place).decision.is_allowed()
            });
            seen.map(move |(_, number)| (service, number))
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
    /// When two services of a tenant have something of the same name (`a-b_c` of `a-b`, say, can only be one).
    pub fn new(services: Vec<Service>, left_out: Vec<LeftOut>) -> Result<Self, String> {
        let mut catalog = Self { left_out, ..Self::default() };
        for service in services {
            let served = catalog.tenants.entry(service.tenant.name.clone()).or_default();
            let number = u32::try_from(served.services.len()).map_err(|_| "too many services".to_owned())?;
            let members = (0..service.members()).filter_map(|number| service.member(number));
            for (member, place) in members.zip(0..) {
                let name = member.public_name();
                if let Some((other, _)) = served.names.insert(name.clone(), (number, place)) {
                    let other = usize::try_from(other).ok().and_then(|other| served.services.get(other));
                    let other = other.map_or("", |other| &*other.name);
                    return Err(format!(
                        "services `{other}` and `{}` both have a tool `{name}`",
                        service.name
                    ));
                }
            }
            let before = served.before.last().copied().unwrap_or_default();
            let last = served.services.last().map_or(0, |last| last.members());
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
        self.tenants.get(&caller.tenant).into_iter().flat_map(move |served| served.seen(caller, scope, part))
    }

    /// What a tenant's lists are made from, as a number: another one when they may be others. Hosts that serve the
    /// same have the same, so a cursor of one holds with the other.
    #[must_use]
    pub fn generation(&self, tenant: &str) -> u64 {
        let mut digest = Sha256::new();
        for service in self.tenants.get(tenant).into_iter().flat_map(|served| &served.services) {
            digest.update(&*service.compartment.component.digest);
            for facts in service.facts() {
                digest.update(facts.public_name);
                digest.update("\0");
            }
        }
        digest.finalize().first_chunk().copied().map_or(0, u64::from_be_bytes)
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
        match self.find(caller, scope, name).0?.member {
            Member::Tool(tool) => Some(tool),
            Member::Prompt(_) | Member::Resources(_) => None,
        }
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
