//! The families of series with names in their labels.

use std::sync::Arc;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeMetric},
    metrics::{TypedMetric, counter::Counter, family::Family},
    registry::Registry,
};

use super::{Histogram, SECONDS};

/// `bulkhead_calls_total`.
pub(super) type Calls = Family<CallLabels, Counter>;
/// One series for each service.
pub(super) type PerService<M> = Family<ServiceLabel, M, fn() -> M>;
/// `bulkhead_upstream_requests_total`.
pub(super) type PerUpstream = Family<UpstreamLabels, Counter>;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct CallLabels {
    pub(super) tenant: Arc<str>,
    pub(super) service: Arc<str>,
    pub(super) tool: Arc<str>,
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct ServiceLabel {
    pub(super) service: Arc<str>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct UpstreamLabels {
    pub(super) service: Arc<str>,
    pub(super) class: &'static str,
}

pub(super) fn per_service<M>(registry: &mut Registry, name: &str, help: &str) -> PerService<M>
where
    M: Default + Clone + TypedMetric + EncodeMetric + std::fmt::Debug + Send + Sync + 'static,
{
    let family: PerService<M> = Family::new_with_constructor(M::default as fn() -> M);
    registry.register(name, help, family.clone());
    family
}

/// The same for times.
pub(super) fn timed(registry: &mut Registry, name: &str, help: &str) -> PerService<Histogram> {
    let new: fn() -> Histogram = || Histogram::new(&SECONDS, 1e9);
    let family = Family::new_with_constructor(new);
    registry.register(name, help, family.clone());
    family
}

pub(super) fn per_upstream(registry: &mut Registry) -> PerUpstream {
    let family = PerUpstream::default();
    registry.register(
        "bulkhead_upstream_requests",
        "Requests of guests, by the class of the status they were answered with",
        family.clone(),
    );
    family
}
