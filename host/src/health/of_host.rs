//! The services of a host as the prober sees them.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::{Prober, Pulse, prober::Subject};
use crate::{breaker::Phase, call::Host, catalog::service::Service, error::CallError};

/// A component's own words are cut to this many characters.
const WORDS: usize = 200;

/// A service of a host.
struct Served {
    host: Arc<Host>,
    service: Arc<Service>,
}

impl Prober {
    /// Starts probing the services of a host.
    #[must_use]
    pub fn of(host: &Arc<Host>) -> Self {
        let host = host.clone();
        let served = |host: &Arc<Host>, service: &Arc<Service>| {
            let (host, service) = (host.clone(), service.clone());
            Served { host, service }
        };
        Self::start(move || host.catalog().all().map(|service| served(&host, service)).collect())
    }
}

impl Subject for Served {
    fn name(&self) -> &str {
        &self.service.name
    }

    fn pulse(&self) -> &Pulse {
        &self.service.compartment.pulse
    }

    fn suspected(&self) -> bool {
        self.service.compartment.policy.upstreams.any_down()
    }

    fn ask(&self) -> BoxFuture<'_, Option<Result<(), String>>> {
        Box::pin(async {
            let compartment = &self.service.compartment;
            if self.service.conduct.phase() != Phase::Closed {
                return None; // its guests misbehave; only a call may try whether they still do
            }
            // Otherwise the answer would come from the circuit breaker, for as long as that rests.
            compartment.policy.upstreams.hasten();
            match self.host.sandbox().health(compartment).await {
                Ok(_) => Some(Ok(())),
                Err(CallError::Internal(_)) => None, // the host's own fault says nothing about the upstream
                Err(CallError::Failed(words)) => Some(Err(one_line(&words))),
                Err(stopped) => Some(Err(format!("its health check was stopped: {stopped}"))),
            }
        })
    }
}

/// A component's words as a line of a log or a page.
fn one_line(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect()
}
