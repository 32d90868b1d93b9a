//! How much of the cache each tenant has, oldest first, so that one over its share pushes out its own.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Key;

/// The shares of the tenants.
#[derive(Debug)]
pub(super) struct Ledger {
    /// The most one tenant may have.
    share: u64,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    next: u64,
    tenants: HashMap<Arc<str>, Page>,
}

#[derive(Debug, Default)]
struct Page {
    weight: u64,
    /// By number, so the oldest is first.
    entries: BTreeMap<u64, (Key, u32)>,
}

impl Ledger {
    pub(super) fn new(share: u64) -> Self {
        Self { share, pages: Mutex::default() }
    }

    /// Enters a result. Gives its number, and those of its tenant that have to go to make room.
    pub(super) fn add(&self, key: &Key, weight: u32) -> (u64, Vec<Key>) {
        let mut pages = self.pages();
        let number = pages.next;
        pages.next += 1;
        let page = pages.tenants.entry(key.tenant().clone()).or_default();
        let mut over = Vec::new();
        while page.weight + u64::from(weight) > self.share {
            let Some((_, (old, weight))) = page.entries.pop_first() else { break };
            page.weight -= u64::from(weight);
            over.push(old);
        }
        page.weight += u64::from(weight);
        page.entries.insert(number, (key.clone(), weight));
        (number, over)
    }

    /// Strikes out a result that the cache no longer has.
    pub(super) fn remove(&self, tenant: &Arc<str>, number: u64) {
        let mut pages = self.pages();
        let Some(page) = pages.tenants.get_mut(tenant) else { return };
        if let Some((_, weight)) = page.entries.remove(&number) {
            page.weight -= u64::from(weight);
        }
        if page.entries.is_empty() {
            pages.tenants.remove(tenant);
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Ledger {
    /// What a tenant has.
    pub(super) fn weight(&self, tenant: &str) -> u64 {
        self.pages().tenants.get(tenant).map_or(0, |page| page.weight)
    }
}
