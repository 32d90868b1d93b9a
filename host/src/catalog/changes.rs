//! Tells who listens that the lists of a tenant have changed. Only the latest state is told: a listener that is behind
//! misses what lies between, delays nobody, and costs no memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// Numbers that change whenever a list of a tenant may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Tools, or who may use which.
    pub tools: u64,
    /// Prompts, likewise.
    pub prompts: u64,
    /// Resources and templates, likewise.
    pub resources: u64,
}

/// The lists of every tenant somebody has listened to, or whose lists have changed.
#[derive(Debug, Default)]
pub struct Changes(Mutex<HashMap<Arc<str>, watch::Sender<Lists>>>);

impl Changes {
    /// The lists of a tenant, and what becomes of them.
    #[must_use]
    pub fn of(&self, tenant: &Arc<str>) -> watch::Receiver<Lists> {
        self.tenants().entry(tenant.clone()).or_default().subscribe()
    }

    /// Changes the numbers of a tenant's lists.
    pub fn tell(&self, tenant: &Arc<str>, change: impl FnOnce(&mut Lists)) {
        self.tenants().entry(tenant.clone()).or_default().send_if_modified(|lists| {
            let before = *lists;
            change(lists);
            *lists != before
        });
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<Arc<str>, watch::Sender<Lists>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_hears_of_its_tenant_and_only_the_latest() {
        let changes = Changes::default();
        let (acme, other): (Arc<str>, Arc<str>) = ("acme".into(), "other".into());
        let (mut mine, mut theirs) = (changes.of(&acme), changes.of(&other));
        for number in 1..=3 {
            changes.tell(&acme, |lists| lists.tools = number);
        }
        mine.changed().await.unwrap();
        assert_eq!(mine.borrow_and_update().tools, 3);
        changes.tell(&acme, |lists| lists.tools = 3); // nothing new
        changes.tell(&acme, |lists| lists.tools = 4);
        assert!(mine.has_changed().unwrap() && !theirs.has_changed().unwrap());
        changes.tell(&other, |lists| lists.resources += 1);
        theirs.changed().await.unwrap();
    }
}
