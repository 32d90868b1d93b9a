//! The state the services are in, read from the services when it is asked for: nothing is counted twice.

use std::{collections::BTreeMap, fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use super::labels::Names;
use crate::{
    breaker::Phase,
    call::Host,
    catalog::service::Service,
    health::{Health, STATES},
};

/// Reads the state of a host's services.
pub(super) struct State {
    host: Arc<Host>,
    names: Names,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

/// What the services with one label come to.
#[derive(Debug)]
struct Sums {
    up: bool,
    degraded: bool,
    quarantines: u64,
    trips: u64,
    open: i64,
}

impl Default for Sums {
    fn default() -> Self {
        Self { up: true, degraded: false, quarantines: 0, trips: 0, open: 0 }
    }
}

/// Name, help, and value of a series for each service.
type Family<N> = (&'static str, &'static str, fn(&Sums) -> N);

impl Sums {
    fn add(&mut self, service: &Service) {
        let policy = &service.compartment.policy;
        let phases = policy.upstreams.phases();
        self.up &= service.conduct.phase() == Phase::Closed;
        self.degraded |= service.compartment.pulse.ill().is_some();
        self.quarantines += service.conduct.trips();
        for (_, phase, trips) in phases {
            self.trips += trips;
            self.open += i64::from(phase != Phase::Closed);
        }
    }
}

impl State {
    pub(super) fn new(host: Arc<Host>, names: Names) -> Self {
        Self { host, names }
    }

    fn sums(&self) -> BTreeMap<Arc<str>, Sums> {
        let mut sums = BTreeMap::<_, Sums>::new();
        let catalog = self.host.catalog();
        for service in catalog.all() {
            let label = self.names.service(&service.tenant, &service.name).service;
            sums.entry(label).or_default().add(service);
        }
        for left in catalog.left_out() {
            sums.entry(left.service.as_str().into()).or_default().up = false;
        }
        sums
    }
}

impl Collector for State {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let sums = self.sums();
        let e = &mut encoder;
        let gauges: [Family<i64>; 3] = [
            (
                "bulkhead_service_up",
                "Whether the service is served: 0 if it could not be loaded or is quarantined",
                |sums| sums.up.into(),
            ),
            ("bulkhead_service_degraded", "Whether its own health check fails", |sums| sums.degraded.into()),
            (
                "bulkhead_upstream_circuits_open",
                "Upstreams of the service that are left alone for a while",
                |sums| sums.open,
            ),
        ];
        for (name, help, value) in gauges {
            let mut family = e.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (label, sums) in &sums {
                let labels = [("service", &**label)];
                ConstGauge::new(value(sums)).encode(family.encode_family(&labels)?)?;
            }
        }
        let counters: [Family<u64>; 2] = [
            ("bulkhead_service_quarantines", "How often the service was quarantined", |sums| {
                sums.quarantines
            }),
            (
                "bulkhead_upstream_circuit_trips",
                "How often the circuit of one of the service's upstreams opened",
                |sums| sums.trips,
            ),
        ];
        for (name, help, value) in counters {
            let mut family = e.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (label, sums) in &sums {
                let labels = [("service", &**label)];
                ConstCounter::new(value(sums)).encode(family.encode_family(&labels)?)?;
            }
        }
        self.overall(e)
    }
}

impl State {
    /// What has no service in its labels.
    fn overall(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let health = Health::of(&self.host);
        let help = "Services, by the state they are in";
        let mut family = encoder.encode_descriptor("bulkhead_services", help, None, MetricType::Gauge)?;
        for state in STATES {
            let count = health.services.iter().filter(|service| service.state == state).count();
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            ConstGauge::new(count).encode(family.encode_family(&[("state", state)])?)?;
        }
        let sandbox = self.host.sandbox();
        let places = [
            ("bulkhead_guests_running", "Guests that are running", sandbox.running()),
            ("bulkhead_guests_places", "Guests that may run at once", i64::from(sandbox.places())),
            (
                "bulkhead_tasks",
                "Calls that outlive their request, running or kept for their clients",
                i64::try_from(self.host.tasks().len()).unwrap_or(i64::MAX),
            ),
        ];
        for (name, help, value) in places {
            let gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(gauge)?;
        }
        Ok(())
    }
}
