//! From the tenants of a configuration to a catalogue. What has not changed stays as it is, and what cannot be replaced
//! by its change stays too: a bad component never takes a good one's place.

use std::{sync::Arc, time::SystemTime};

use super::{
    Catalog, LeftOut, Tenancy,
    loader::{Fault, Loader},
    names::Names,
    service::{Service, Tenant},
};
use crate::config;

/// A catalogue, and what could not be brought into it.
#[derive(Debug)]
pub struct Assembly {
    /// The catalogue.
    pub catalog: Catalog,
    /// Services that could not be loaded. Those that are served as they were before are not left out of the catalogue.
    pub faults: Vec<LeftOut>,
    /// Whether a file may still be being written; then its service is as it was before.
    pub unfinished: bool,
}

/// A service of the configuration on its way into the catalogue.
struct Candidate {
    name: String,
    loaded: Result<Arc<Service>, Fault>,
    former: Option<Arc<Service>>,
}

impl Candidate {
    /// Who comes first takes a name: those that were served under it, then those that were served at all.
    fn rank(&self) -> u8 {
        match (&self.loaded, &self.former) {
            (Ok(loaded), Some(former)) if Arc::ptr_eq(loaded, former) => 0,
            (Err(_), Some(_)) => 0,
            (_, Some(_)) => 1,
            (_, None) => 2,
        }
    }
}

impl Assembly {
    /// Loads what has to be loaded. Unless the files are `settled`, one that cannot be used may be half written: it is
    /// passed over.
    pub async fn new(
        loader: &mut Loader<'_>,
        tenants: Vec<config::Tenant>,
        former: Option<&Catalog>,
        settled: bool,
    ) -> Self {
        let now = SystemTime::now();
        let mut all = Self { catalog: Catalog::default(), faults: Vec::new(), unfinished: false };
        let (mut tenancies, mut left_out) = (Vec::new(), Vec::new());
        for config::Tenant { name, calls, listing, services } in tenants {
            let known = former.and_then(|former| former.tenant(&name));
            let tenant = Tenant::renewed(known, &name, calls, listing);
            let mut candidates = Vec::new();
            for service in services {
                let former = former.and_then(|former| former.service(&name, &service.name)).cloned();
                let loaded = loader.load(&tenant.name, &service).await;
                // What is served was checked when it was loaded, and stays only as long as its signer counts.
                let upheld = |former: &Arc<Service>| {
                    former.is_built_in() || service.signatures.upholds(former.vouched.as_ref(), now)
                };
                let former = former.filter(|former| loaded.is_ok() || upheld(former));
                candidates.push(Candidate { name: service.name, loaded, former });
            }
            let was_left_out = former.map(Catalog::left_out).unwrap_or_default();
            let services = all.choose(&tenant.name, candidates, settled, was_left_out, &mut left_out);
            tenancies.push(Tenancy { tenant, services });
        }
        all.catalog = Catalog::new(tenancies, left_out, former);
        all
    }

    /// The services of a tenant, in the order of the configuration.
    fn choose(
        &mut self,
        tenant: &str,
        candidates: Vec<Candidate>,
        settled: bool,
        was_left_out: &[LeftOut],
        left_out: &mut Vec<LeftOut>,
    ) -> Vec<Arc<Service>> {
        let mut candidates: Vec<_> = candidates.into_iter().enumerate().collect();
        candidates.sort_by_key(|(_, candidate)| candidate.rank()); // a stable sort
        let (mut names, mut chosen) = (Names::default(), Vec::new());
        for (place, Candidate { name, loaded, former }) in candidates {
            let named = loaded.and_then(|loaded| match names.take(&loaded) {
                Ok(()) => Ok(loaded),
                Err(why) => Err(why.into()),
            });
            let fault = match named {
                Ok(service) => {
                    chosen.push((place, service));
                    continue;
                }
                Err(fault) => fault,
            };
            let former = former.filter(|former| names.take(former).is_ok());
            let kept = former.is_some();
            chosen.extend(former.map(|former| (place, former)));
            if fault.unfinished && !settled {
                self.unfinished = true;
                let same = |old: &&LeftOut| old.tenant == tenant && old.service == name;
                left_out.extend(was_left_out.iter().find(same).filter(|_| !kept).cloned());
                continue;
            }
            let fault = LeftOut { tenant: tenant.to_owned(), service: name, why: fault.why };
            if !kept {
                left_out.push(fault.clone());
            }
            self.faults.push(fault);
        }
        chosen.sort_by_key(|(place, _)| *place);
        chosen.into_iter().map(|(_, service)| service).collect()
    }
}
