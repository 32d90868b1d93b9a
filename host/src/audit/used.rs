//! How many calls were let through, by all whom a quota can be for. Counted in one pass over the index: a host with
//! ten thousand quotas would otherwise ask it as often when it starts.

use std::collections::HashMap;

/// Whose calls are counted.
#[derive(Clone, Debug)]
pub enum Whose {
    /// All of a tenant's callers.
    Tenant(String),
    /// One caller of a tenant.
    Caller {
        /// Its tenant.
        tenant: String,
        /// Its id.
        caller: String,
    },
    /// Those of a service.
    Service {
        /// Its tenant.
        tenant: String,
        /// Its name.
        service: String,
    },
    /// Those of a tool.
    Tool {
        /// Its tenant.
        tenant: String,
        /// Its name, as clients call it.
        tool: String,
    },
}

/// Calls, by tenant.
#[derive(Debug, Default)]
pub struct Used(HashMap<String, OfTenant>);

#[derive(Debug, Default)]
struct OfTenant {
    calls: u64,
    callers: HashMap<String, u64>,
    services: HashMap<String, u64>,
    tools: HashMap<String, u64>,
}

impl Used {
    /// Counts a call.
    pub(super) fn count(&mut self, tenant: &str, caller: &str, service: Option<&str>, tool: &str) {
        if !self.0.contains_key(tenant) {
            self.0.insert(tenant.to_owned(), OfTenant::default());
        }
        let Some(of_tenant) = self.0.get_mut(tenant) else { return };
        of_tenant.calls += 1;
        add(&mut of_tenant.callers, caller);
        if let Some(service) = service {
            add(&mut of_tenant.services, service);
        }
        add(&mut of_tenant.tools, tool);
    }

    /// The calls of one of them.
    #[must_use]
    pub fn of(&self, whose: &Whose) -> u64 {
        let (Whose::Tenant(tenant)
        | Whose::Caller { tenant, .. }
        | Whose::Service { tenant, .. }
        | Whose::Tool { tenant, .. }) = whose;
        let Some(tenant) = self.0.get(tenant) else { return 0 };
        let calls = match whose {
            Whose::Tenant(_) => return tenant.calls,
            Whose::Caller { caller, .. } => tenant.callers.get(caller),
            Whose::Service { service, .. } => tenant.services.get(service),
            Whose::Tool { tool, .. } => tenant.tools.get(tool),
        };
        calls.copied().unwrap_or_default()
    }

    /// Every caller that made calls: its tenant, its id, how many.
    pub fn callers(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.0.iter().flat_map(|(tenant, used)| {
            used.callers.iter().map(|(caller, calls)| (tenant.as_str(), caller.as_str(), *calls))
        })
    }
}

/// Adds one to what is counted under a name; the name is copied only if it is new.
fn add(counts: &mut HashMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => drop(counts.insert(name.to_owned(), 1)),
    }
}
