//! How the services are: for `/healthz` in words, for `/metrics` in numbers (Prometheus text format). Both
//! read the state the services keep anyway; nothing is counted twice.

use std::{fmt, sync::Arc, sync::atomic::Ordering};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text::encode},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use serde::Serialize;

use crate::{breaker::Phase, call::Host, catalog::service::Service};

/// The health of a host.
#[derive(Debug, Serialize)]
pub struct Health {
    /// `ok`, or `degraded` if a service is not as it should be.
    pub status: &'static str,
    /// Each service.
    pub services: Vec<ServiceHealth>,
}

/// The health of a service.
#[derive(Debug, Serialize)]
pub struct ServiceHealth {
    /// Its name.
    pub name: String,
    /// `serving`, `quarantined`, `probing` (the next call decides), or `left_out` (it could not be loaded).
    pub state: &'static str,
    /// Upstreams whose circuit is not closed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<UpstreamHealth>,
}

/// An upstream that is left alone.
#[derive(Debug, Serialize)]
pub struct UpstreamHealth {
    /// Scheme, host and port.
    pub url: String,
    /// `open` or `half_open`.
    pub circuit: &'static str,
}

impl Health {
    /// The health of a host now.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        let mut services: Vec<_> = host.catalog().all().map(|service| health(service)).collect();
        let left_out = host.catalog().left_out().iter();
        services.extend(left_out.map(|left| ServiceHealth {
            name: left.service.clone(),
            state: "left_out",
            upstreams: Vec::new(),
        }));
        let well = |service: &ServiceHealth| service.state == "serving" && service.upstreams.is_empty();
        Self { status: if services.iter().all(well) { "ok" } else { "degraded" }, services }
    }
}

fn health(service: &Service) -> ServiceHealth {
    let state = match service.conduct.phase() {
        Phase::Closed => "serving",
        Phase::Open(_) => "quarantined",
        Phase::HalfOpen => "probing",
    };
    let upstreams = service.compartment.policy.upstreams.phases().into_iter();
    let ill = upstreams.filter(|(_, phase, _)| *phase != Phase::Closed);
    let upstreams = ill.map(|(url, phase, _)| UpstreamHealth { url, circuit: phase.as_str() }).collect();
    ServiceHealth { name: service.name.to_string(), state, upstreams }
}

/// The numbers, in the OpenMetrics text format. Labels are names of services and words of the host's own: no
/// host name that a guest chose.
#[must_use]
pub fn metrics(host: &Arc<Host>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Services(host.clone())));
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => text,
        Err(error) => format!("# {error}\n# EOF\n"), // a String takes everything; this does not happen
    }
}

struct Services(Arc<Host>);

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services")
    }
}

impl Collector for Services {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let all: Vec<&Arc<Service>> = self.0.catalog().all().collect();
        let mut up = encoder.encode_descriptor(
            "bulkhead_service_up",
            "Whether the service is served: 0 if it could not be loaded or is quarantined",
            None,
            MetricType::Gauge,
        )?;
        for service in &all {
            let closed = i64::from(service.conduct.phase() == Phase::Closed);
            ConstGauge::new(closed).encode(up.encode_family(&[("service", &*service.name)])?)?;
        }
        for left in self.0.catalog().left_out() {
            let labels = [("service", left.service.as_str())];
            ConstGauge::new(0_i64).encode(up.encode_family(&labels)?)?;
        }
        counters(
            &mut encoder,
            &all,
            "bulkhead_service_quarantines",
            "How often the service was quarantined",
            |service| vec![("", service.conduct.trips())],
        )?;
        counters(
            &mut encoder,
            &all,
            "bulkhead_upstream_circuit_trips",
            "How often the circuit of one of the service's upstreams opened",
            |service| {
                let trips =
                    service.compartment.policy.upstreams.phases().into_iter().map(|(_, _, trips)| trips);
                vec![("", trips.sum())]
            },
        )?;
        counters(
            &mut encoder,
            &all,
            "bulkhead_egress_requests",
            "Requests the service's guests made, by what became of them",
            |service| {
                let counts = &service.compartment.policy.counts;
                vec![
                    ("answered", counts.answered.load(Ordering::Relaxed)),
                    ("denied", counts.denied.load(Ordering::Relaxed)),
                    ("failed", counts.failed.load(Ordering::Relaxed)),
                ]
            },
        )?;
        let mut open = encoder.encode_descriptor(
            "bulkhead_upstream_circuits_open",
            "Upstreams of the service that are left alone for a while",
            None,
            MetricType::Gauge,
        )?;
        for service in &all {
            let phases = service.compartment.policy.upstreams.phases();
            let count = phases.iter().filter(|(_, phase, _)| *phase != Phase::Closed).count();
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            ConstGauge::new(count).encode(open.encode_family(&[("service", &*service.name)])?)?;
        }
        Ok(())
    }
}

/// One counter family over all services; an empty outcome is no label.
fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    services: &[&Arc<Service>],
    name: &str,
    help: &str,
    counts: impl Fn(&Service) -> Vec<(&'static str, u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for service in services {
        for (outcome, count) in counts(service) {
            let mut labels = vec![("service", &*service.name)];
            if !outcome.is_empty() {
                labels.push(("outcome", outcome));
            }
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}
