//! A service that is served: a component, configured, with its tools read.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::tool::Tool;
use crate::{
    breaker::Breaker,
    sandbox::{Compartment, Manifest},
};

/// A service of a tenant.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: Arc<str>,
    /// The tenant it belongs to.
    pub tenant: Arc<Tenant>,
    /// What its component says of itself.
    pub manifest: Arc<Manifest>,
    /// What its guests run with.
    pub compartment: Compartment,
    /// Its tools, in the component's order.
    pub tools: Arc<[Arc<Tool>]>,
    /// Whether its guests behave; open while it is quarantined.
    pub conduct: Arc<Breaker>,
    /// Places for calls at once.
    pub(super) places: Arc<Semaphore>,
}

/// A tenant, as its services know it.
#[derive(Debug)]
pub struct Tenant {
    /// Its name.
    pub name: Arc<str>,
    /// Places for calls of all its services at once.
    pub(super) places: Arc<Semaphore>,
}

impl Tenant {
    /// A tenant with room for this many calls at once.
    #[must_use]
    pub fn new(name: Arc<str>, concurrent_calls: u32) -> Self {
        Self { name, places: places(concurrent_calls) }
    }
}

pub(super) fn places(calls: u32) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(usize::try_from(calls).unwrap_or(usize::MAX)))
}
