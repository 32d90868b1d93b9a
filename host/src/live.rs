//! What a reload changes, all of it at one moment. Whoever needs several parts takes one [`Snapshot`] when it begins and
//! keeps it to its end, so it never sees half of a change; what a call uses of it lives until the call has ended.

pub mod again;
pub mod follow;
pub mod reload;
pub mod watch;

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use crate::{
    access::Presets,
    auth::Auth,
    catalog::{Catalog, changes::Changes, files::Files},
    seal::Sealer,
    secret::Secret,
};
use reload::LastReload;

/// What is served, and to whom, at one moment. Parts that a reload does not change are the same in the next one.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// How callers are told apart.
    pub auth: Arc<Auth>,
    /// Named sets of tools.
    pub presets: Arc<Presets>,
    /// The services.
    pub catalog: Arc<Catalog>,
    /// What seals the handles that clients keep.
    pub sealer: Arc<Sealer>,
    /// What it was made from.
    pub handle_keys: Vec<Secret>,
}

impl Snapshot {
    /// Whether nothing is other than in this one.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.auth, &other.auth)
            && Arc::ptr_eq(&self.presets, &other.presets)
            && Arc::ptr_eq(&self.sealer, &other.sealer)
            && self.catalog.is(&other.catalog)
    }
}

/// The snapshot in force.
#[derive(Debug)]
pub struct Live {
    now: ArcSwap<Snapshot>,
    /// Who listens for what changes.
    changes: Changes,
    /// What is known of component files; held by the reload that is under way.
    files: tokio::sync::Mutex<Files>,
    last: Mutex<Option<LastReload>>,
}

impl Live {
    /// Begins with a snapshot, and what is known of the files it came from.
    #[must_use]
    pub fn new(first: Snapshot, files: Files) -> Self {
        let (now, files) = (ArcSwap::from_pointee(first), tokio::sync::Mutex::new(files));
        Self { now, changes: Changes::default(), files, last: Mutex::default() }
    }

    /// What becomes of the lists of each tenant.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The snapshot in force.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.now.load_full()
    }
}
