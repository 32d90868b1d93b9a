//! Which names become labels. Every series costs memory here and in Prometheus for as long as it is known, so
//! their number has a bound: what comes later is counted under `_other`, all of it together.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use crate::config::telemetry;

/// Tenants with labels of their own, in the order in which their services are loaded.
const TENANTS: usize = 100;
/// Services with labels of their own, over all tenants.
const SERVICES: usize = 1000;
/// Tools with labels of their own, over all services.
const TOOLS: usize = 5000;

/// Stands for all that have no label of their own.
pub(super) const OTHER: &str = "_other";
/// Stands for all, where they are not told apart.
const ALL: &str = "_all";

/// The names that have labels. Once a name has one it keeps it, so that its counters go on over a reload.
#[derive(Clone, Debug)]
pub(super) struct Names {
    config: telemetry::Metrics,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    tenants: HashSet<Arc<str>>,
    services: HashSet<(Arc<str>, Arc<str>)>,
    tools: HashSet<(Arc<str>, Arc<str>, Arc<str>)>,
}

/// The labels of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) tenant: Arc<str>,
    pub(super) service: Arc<str>,
}

impl Names {
    pub(super) fn new(config: telemetry::Metrics) -> Self {
        Self { config, known: Arc::default() }
    }

    /// The labels of a service.
    pub(super) fn service(&self, tenant: &str, service: &str) -> Owner {
        let known = &mut *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let tenant: Arc<str> = if self.config.per_tenant { tenant } else { ALL }.into();
        let other = || Owner { tenant: OTHER.into(), service: OTHER.into() };
        if !admit(&mut known.tenants, tenant.clone(), TENANTS) {
            return other();
        }
        let service: Arc<str> = service.into();
        if admit(&mut known.services, (tenant.clone(), service.clone()), SERVICES) {
            Owner { tenant, service }
        } else {
            Owner { tenant, ..other() }
        }
    }

    /// The label of one of its tools.
    pub(super) fn tool(&self, owner: &Owner, tool: &str) -> Arc<str> {
        if !self.config.per_tool {
            return ALL.into();
        }
        let known = &mut *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (owner.tenant.clone(), owner.service.clone(), tool.into());
        if *owner.service == *OTHER || !admit(&mut known.tools, key, TOOLS) { OTHER } else { tool }.into()
    }
}

/// Whether a name has a label, or gets one.
fn admit<T: Eq + std::hash::Hash>(known: &mut HashSet<T>, name: T, most: usize) -> bool {
    known.contains(&name) || (known.len() < most && known.insert(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_label() {
        let names = Names::new(telemetry::Metrics::default());
        let first = names.service("t0", "a");
        for tenant in 1..2 * TENANTS {
            let _ = names.service(&format!("t{tenant}"), "a");
        }
        assert_eq!(names.service("t0", "a"), first);
        assert_eq!(&*names.service("t150", "a").tenant, OTHER);
    }

    #[test]
    fn a_service_with_many_tools_does_not_take_all_labels_of_its_name() {
        let names = Names::new(telemetry::Metrics::default());
        let owner = names.service("t", "s");
        let labels: HashSet<Arc<str>> =
            (0..TOOLS + 10).map(|n| names.tool(&owner, &format!("x{n}"))).collect();
        assert_eq!(labels.len(), TOOLS + 1);
        assert!(labels.contains(OTHER));
    }
}
