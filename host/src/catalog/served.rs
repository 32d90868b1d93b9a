//! What a tenant serves at one moment, and the way from a name to where it is. Of what a caller may not use it finds
//! nothing.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use sha2::{Digest as _, Sha256};

use super::{
    Found,
    search::Index,
    service::{Part, Service, Tenant},
    tool::Tool,
};
use crate::{
    access::{Facts, rights::Ruling},
    auth::Caller,
    request::Scope,
};

/// What a tenant serves.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) tenant: Arc<Tenant>,
    pub(super) services: Vec<Arc<Service>>,
    /// How many members come before those of each service.
    before: Vec<usize>,
    /// A number that comes once in the life of the process, for what is worked out about these members in this order.
    pub(super) generation: u64,
    /// Where each is: of which service, and which of its members.
    names: HashMap<Arc<str>, (u32, u32)>,
    /// Whether there are prompts, and resources.
    pub(super) kinds: (bool, bool),
    /// Made when it is first asked.
    index: OnceLock<Index>,
    edition: OnceLock<u64>,
}

/// Which lists of a tenant look different.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Differs {
    /// The tools.
    pub tools: bool,
    /// The prompts.
    pub prompts: bool,
    /// The resources and templates.
    pub resources: bool,
}

/// A tenant and the services to be served for it, in their order.
#[derive(Debug)]
pub struct Tenancy {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// Its services.
    pub services: Vec<Arc<Service>>,
}

impl Served {
    pub(super) fn new(Tenancy { tenant, services }: Tenancy) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let (mut before, mut names, mut count) = (Vec::new(), HashMap::new(), 0);
        for (service, number) in services.iter().zip(0..) {
            before.push(count);
            let members = (0..service.members()).filter_map(|number| service.member(number));
            names.extend(
                members.zip(0..).map(|(member, place)| (member.public_name().clone(), (number, place))),
            );
            count += service.members();
        }
        let generation = NEXT.fetch_add(1, Relaxed);
        let kinds = (
            services.iter().any(|service| !service.prompts.is_empty()),
            services.iter().any(|service| service.resources.is_some()),
        );
        let (index, edition) = (OnceLock::new(), OnceLock::new());
        Self { tenant, services, before, generation, names, kinds, index, edition }
    }

    /// Whether it serves exactly this already.
    pub(super) fn is(&self, other: &Tenancy) -> bool {
        let same = self.services.iter().zip(&other.services).all(|(own, other)| Arc::ptr_eq(own, other));
        same && self.services.len() == other.services.len() && Arc::ptr_eq(&self.tenant, &other.tenant)
    }

    /// See [`Catalog::edition`].
    pub(super) fn edition(&self) -> u64 {
        *self.edition.get_or_init(|| {
            let mut digest = Sha256::new();
            for service in &self.services {
                digest.update(&*service.compartment.component.digest);
                for facts in service.facts() {
                    digest.update(facts.public_name);
                    digest.update("\0");
                }
            }
            digest.finalize().first_chunk().copied().map_or(0, u64::from_be_bytes)
        })
    }

    pub(super) fn find(&self, name: &str) -> Option<Found> {
        let (service, number) = *self.names.get(name)?;
        let (service, number) = (usize::try_from(service).ok()?, usize::try_from(number).ok()?);
        let place = self.before.get(service)? + number;
        let service = self.services.get(service)?;
        let (member, service, tenant) = (service.member(number)?, service.clone(), self.tenant.clone());
        Some(Found { service, member, tenant, number, place })
    }

    fn facts(&self) -> impl Iterator<Item = Facts<'_>> {
        self.services.iter().flat_map(|service| service.facts())
    }

    /// What a caller may use of a part, of the services in a scope: each with its number.
    pub(super) fn seen<'a>(
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

    pub(super) fn rule(&self, caller: &Caller, place: usize) -> Ruling {
        caller.principal.rights.rule(self.generation, place, || self.facts())
    }

    /// A number for what a caller may use: whoever has the same may use the same.
    pub(super) fn view(&self, caller: &Caller) -> Option<u64> {
        caller.principal.rights.view(self.generation, || self.facts())
    }

    /// The names of the tools that say something of a question, the best first.
    pub(super) fn search(&self, question: &str) -> Vec<&str> {
        let all: Vec<_> = self.services.iter().flat_map(|service| service.tools.iter()).collect();
        let index = self.index.get_or_init(|| Index::new(all.iter().map(|tool| &***tool)));
        let found = index.find(question).into_iter();
        found.filter_map(|number| Some(&*all.get(number)?.public_name)).collect()
    }

    /// See [`Catalog::differs`](super::Catalog::differs).
    pub(super) fn differs(own: Option<&Arc<Self>>, others: Option<&Arc<Self>>) -> Differs {
        if own.map(Arc::as_ptr) == others.map(Arc::as_ptr) {
            return Differs::default();
        }
        let listing = |served: Option<&Arc<Self>>| served.map(|served| served.tenant.listing);
        let listings = (listing(own), listing(others));
        let services = |served: Option<&Arc<Self>>| served.map_or_else(Vec::new, |one| one.services.clone());
        let (own, others) = (services(own), services(others));
        let resources = |services: &[Arc<Service>]| -> Vec<_> {
            let with = services.iter().filter(|service| service.resources.is_some());
            with.map(Arc::as_ptr).collect()
        };
        let tools = |services: &[Arc<Service>]| -> Vec<_> {
            services.iter().flat_map(|service| service.tools.to_vec()).collect()
        };
        let alike = |own: &[Arc<Tool>], others: &[Arc<Tool>]| {
            own.len() == others.len() && own.iter().zip(others).all(|(own, other)| own.is_listed_as(other))
        };
        let prompts = |services: &[Arc<Service>]| -> Vec<_> {
            let prompts = services.iter().flat_map(|service| service.prompts.iter());
            prompts.map(|prompt| (prompt.public_name.clone(), prompt.declared.clone())).collect()
        };
        Differs {
            tools: listings.0 != listings.1 || !alike(&tools(&own), &tools(&others)),
            prompts: prompts(&own) != prompts(&others),
            resources: resources(&own) != resources(&others),
        }
    }
}
