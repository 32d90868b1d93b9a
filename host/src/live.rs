//! What a reload changes, all of it at one moment. Whoever needs several parts takes one [`Snapshot`] when it begins and
//! keeps it to its end, so it never sees half of a change; what a call uses of it lives until the call has ended.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::{access::Presets, auth::Auth, catalog::Catalog, seal::Sealer};

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
}

/// The snapshot in force.
#[derive(Debug)]
pub struct Live {
    now: ArcSwap<Snapshot>,
}

impl Live {
    /// Begins with a snapshot.
    #[must_use]
    pub fn new(first: Snapshot) -> Self {
        Self { now: ArcSwap::from_pointee(first) }
    }

    /// The snapshot in force.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.now.load_full()
    }
}
