//! How the services are, in words: for `/healthz` and `/readyz`. It reads the state the services keep anyway;
//! a [`Prober`] keeps up to date whether their upstreams answer.

mod of_host;
pub mod prober;
pub mod pulse;

pub use prober::Prober;
pub use pulse::Pulse;

use serde::Serialize;

use crate::{breaker::Phase, call::Host, catalog::service::Service, live::reload::LastReload};

/// The states a service can be in.
pub const STATES: [&str; 5] = ["serving", "degraded", "probing", "quarantined", "left_out"];

/// The health of a host.
#[derive(Debug, Serialize)]
pub struct Health {
    /// `ok`, or `degraded` if a service is not as it should be.
    pub status: &'static str,
    /// Each service.
    pub services: Vec<ServiceHealth>,
    /// How the configuration was read again the last time, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reload: Option<Reload>,
}

/// A reload of the configuration.
#[derive(Debug, Serialize)]
pub struct Reload {
    /// When, as RFC 3339.
    pub at: String,
    /// Whether all that is written is in force.
    pub successful: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

impl Reload {
    /// As it is told to `tenant`; to nobody's, all of it.
    fn seen_by(last: &LastReload, tenant: Option<&str>) -> Self {
        // The file is everybody's, and an error in it may name anybody.
        let whole = last.error.as_ref().map(|error| match tenant {
            None => error.clone(),
            Some(_) => "the configuration cannot be used; the host's log says why".to_owned(),
        });
        let seen = last.faults.iter().filter(|fault| tenant.is_none_or(|tenant| tenant == fault.tenant));
        let faults = seen.map(|fault| format!("service `{}`: {}", fault.service, fault.why));
        Self {
            at: humantime::format_rfc3339_seconds(last.at).to_string(),
            successful: last.successful(),
            errors: whole.into_iter().chain(faults).collect(),
        }
    }
}

/// The health of a service.
#[derive(Debug, Serialize)]
pub struct ServiceHealth {
    /// Its name.
    pub name: String,
    /// `serving`; `degraded` (it is served, and an upstream of it is down); `quarantined` (its guests misbehave);
    /// `probing` (the next call decides whether the quarantine ends); or `left_out` (it could not be loaded).
    pub state: &'static str,
    /// Why it is degraded, in the component's own words or the host's; or why it could not be loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
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
        Self::seen_by(host, None)
    }

    /// The same with the services of one tenant only, if there is one to see it. The status is the whole host's.
    #[must_use]
    pub fn seen_by(host: &Host, tenant: Option<&str>) -> Self {
        let catalog = host.catalog();
        let loaded = catalog.all().map(|service| (&*service.tenant, health(service)));
        let left_out = catalog.left_out().iter().map(|left| {
            let (name, state, why) = (left.service.clone(), "left_out", Some(left.why.clone()));
            (&*left.tenant, ServiceHealth { name, state, why, upstreams: Vec::new() })
        });
        let services: Vec<_> = loaded.chain(left_out).collect();
        let well = services.iter().all(|(_, service)| service.state == "serving");
        let seen = services.into_iter().filter(|(owner, _)| tenant.is_none_or(|tenant| tenant == *owner));
        let services = seen.map(|(_, service)| service).collect();
        let reload = host.last_reload().map(|last| Reload::seen_by(&last, tenant));
        Self { status: if well { "ok" } else { "degraded" }, services, reload }
    }

    /// Whether the host can serve, for `/readyz`: one of its services takes calls, or it has none. A service
    /// whose upstream is down takes calls and says so; restarting the host would mend nothing.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let takes_calls = |service: &ServiceHealth| !matches!(service.state, "quarantined" | "left_out");
        self.services.is_empty() || self.services.iter().any(takes_calls)
    }
}

fn health(service: &Service) -> ServiceHealth {
    let upstreams = service.compartment.policy.upstreams.phases().into_iter();
    let down = upstreams.filter(|(_, phase, _)| *phase != Phase::Closed);
    let upstreams: Vec<_> =
        down.map(|(url, phase, _)| UpstreamHealth { url, circuit: phase.as_str() }).collect();
    let left_alone = || (!upstreams.is_empty()).then(|| "an upstream keeps failing".to_owned());
    let (state, why) = match service.conduct.phase() {
        Phase::Open(_) => ("quarantined", None),
        Phase::HalfOpen => ("probing", None),
        Phase::Closed => match service.compartment.pulse.ill().or_else(left_alone) {
            Some(why) => ("degraded", Some(why)),
            None => ("serving", None),
        },
    };
    ServiceHealth { name: service.name.to_string(), state, why, upstreams }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(states: &[&'static str]) -> Health {
        let service = |state: &&'static str| ServiceHealth {
            name: "s".into(),
            state,
            why: None,
            upstreams: Vec::new(),
        };
        Health { status: "ok", services: states.iter().map(service).collect(), reload: None }
    }

    #[test]
    fn a_host_is_ready_while_one_service_takes_calls() {
        assert!(with(&[]).is_ready());
        assert!(
            with(&["left_out", "degraded"]).is_ready(),
            "an upstream that is down is not the host's fault"
        );
        assert!(with(&["quarantined", "probing"]).is_ready());
        assert!(!with(&["quarantined", "left_out"]).is_ready());
    }
}
