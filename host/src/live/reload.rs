//! From one snapshot to the next. Everything is made beside what is served and takes its place at one moment; what
//! would be the same again stays as it is.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::SystemTime,
};

use futures::{StreamExt as _, stream};

use super::{Snapshot, again::Key};
use crate::{
    auth::Auth,
    call::Host,
    catalog::{
        Catalog, LeftOut,
        assembly::Assembly,
        loader::{Loader, Relisted},
        service::Service,
    },
    config::Config,
    sandbox::Said,
};

/// Services that are listed again at one moment: half of the places the host has for guests of its own.
const AT_ONCE: usize = 4;

/// What became of a reload.
#[derive(Debug)]
pub struct Reloaded {
    /// Whether anything is other than it was.
    pub changed: bool,
    /// Services that were loaded, each with its tenant.
    pub loaded: Vec<String>,
    /// Services that are not served any more.
    pub removed: Vec<String>,
    /// Services that could not be loaded; those that were served before still are, as they were.
    pub faults: Vec<LeftOut>,
    /// Whether a file may still be being written.
    pub unfinished: bool,
}

/// The last reload, for whoever asks how the host is.
#[derive(Clone, Debug)]
pub struct LastReload {
    /// When it ended.
    pub at: SystemTime,
    /// Why the configuration as a whole is not in force.
    pub error: Option<String>,
    /// The services whose change is not.
    pub faults: Vec<LeftOut>,
}

impl LastReload {
    /// Whether all that is written is in force.
    #[must_use]
    pub fn successful(&self) -> bool {
        self.error.is_none() && self.faults.is_empty()
    }
}

impl Host {
    /// Brings a configuration into force. Unless its files are `settled`, one that cannot be used may be half written:
    /// it is passed over, and what it would replace stays. The services in `again` are listed again.
    ///
    /// # Errors
    /// When the configuration as a whole cannot be used; then nothing has changed.
    pub async fn reload(
        &self,
        config: Config,
        settled: bool,
        again: &BTreeSet<Key>,
    ) -> Result<Reloaded, String> {
        let mut files = self.live.files.lock().await; // one after the other
        let now = self.snapshot();
        let local = config.local().into();
        let auth = Auth::renewed(Some(&now.auth), local, config.auth, &self.resolver)?;
        let sealer = match config.server.handle_keys == now.handle_keys {
            true => now.sealer.clone(),
            false => Arc::new(now.sealer.renewed(&config.server.handle_keys)?),
        };
        self.pins.refresh().map_err(|error| error.to_string())?;
        let (resolver, metrics) = (self.resolver.clone(), self.metrics.clone());
        let relisted = self.list_again(&now.catalog, again).await;
        let loader =
            Loader::new(&self.sandbox, resolver, metrics, &self.pins, &mut files, Some(&now.catalog));
        let mut loader = loader.relisted(relisted);
        let assembled = Assembly::new(&mut loader, config.tenants, Some(&now.catalog), settled).await;
        let Assembly { catalog, faults, unfinished } = assembled;
        let presets =
            if config.presets == *now.presets { now.presets.clone() } else { config.presets.into() };
        let handle_keys = config.server.handle_keys;
        let new = Arc::new(Snapshot { auth, presets, catalog: catalog.into(), sealer, handle_keys });
        let changed = !now.is(&new);
        let (loaded, removed) = (missing(&new.catalog, &now.catalog), gone(&now.catalog, &new.catalog));
        if changed {
            self.live.now.store(new.clone());
            self.tell(&now, &new);
        }
        self.pin();
        Ok(Reloaded { changed, loaded, removed, faults, unfinished })
    }

    /// Asks services that are served what they offer now.
    async fn list_again(&self, catalog: &Catalog, again: &BTreeSet<Key>) -> Relisted {
        let served = again.iter().filter_map(|key| Some((key, catalog.service(&key.0, &key.1)?)));
        let served: Vec<_> = served.map(|(key, service)| (key.clone(), service.clone())).collect();
        let asked = served.into_iter().map(|(key, service)| async move {
            let offer = self.sandbox.offer(&service.compartment, &Said::default()).await;
            (key, offer.map_err(|error| error.to_string()))
        });
        stream::iter(asked).buffer_unordered(AT_ONCE).collect().await
    }

    /// Keeps what is served now in the lock file. Without one the host serves all the same, and has nothing to compare
    /// with when it starts again.
    pub fn pin(&self) {
        if let Err(error) = self.pins.save(None) {
            tracing::warn!(%error, "what is served cannot be pinned");
        }
    }

    /// Notes how a reload ended.
    pub fn reloaded(&self, last: LastReload) {
        self.metrics.reloaded(&last);
        *self.live.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }

    /// How the last reload ended, if there was one.
    #[must_use]
    pub fn last_reload(&self) -> Option<LastReload> {
        self.live.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells listeners which lists may look different now.
    fn tell(&self, old: &Snapshot, new: &Snapshot) {
        // Who may use what is part of every list.
        let rights = !Arc::ptr_eq(&old.auth, &new.auth);
        let tenants: BTreeSet<&Arc<str>> = old.catalog.tenants().chain(new.catalog.tenants()).collect();
        for tenant in tenants {
            let differs = old.catalog.differs(&new.catalog, tenant);
            let (prompts, resources) = new.catalog.kinds(tenant);
            self.live.changes.tell(tenant, |lists| {
                lists.tools += u64::from(rights || differs.tools);
                lists.prompts += u64::from(differs.prompts || rights && prompts);
                lists.resources += u64::from(differs.resources || rights && resources);
            });
        }
    }
}

/// The services of one catalogue that are not, or not as they are, in another.
fn missing(here: &Catalog, there: &Catalog) -> Vec<String> {
    let same = |service: &Arc<Service>| {
        there.service(&service.tenant, &service.name).is_some_and(|other| Arc::ptr_eq(service, other))
    };
    here.all().filter(|service| !same(service)).map(name).collect()
}

/// The services of one catalogue that have no namesake in another.
fn gone(here: &Catalog, there: &Catalog) -> Vec<String> {
    here.all().filter(|service| there.service(&service.tenant, &service.name).is_none()).map(name).collect()
}

fn name(service: &Arc<Service>) -> String {
    format!("{}/{}", service.tenant, service.name)
}
