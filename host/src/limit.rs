//! Whether there is room for a call: a full host says so at once, and never queues without bound.
//!
//! A [`gate`] has the limits of one holder, and [`gate::enter_all`] takes a call through those of all it
//! concerns; [`peers`] bounds connections, [`streams`] those who listen.

pub mod gate;
pub mod peers;
mod quota;
pub mod streams;

use std::time::SystemTime;

use crate::{
    auth::Caller,
    catalog::{Found, Route},
    error::CallError,
};
use gate::{CallLimits, Gate, Pass, enter_all};

/// Proof that there is room for a call. Holds the room until it is dropped.
#[derive(Debug)]
pub struct Admitted {
    route: Route,
    places: Pass,
}

impl Admitted {
    /// Its parts, for the permit.
    pub(crate) fn into_parts(self) -> (Route, Pass) {
        (self.route, self.places)
    }
}

/// When the day of `now` began, for daily quotas (UTC).
#[must_use]
pub fn midnight(now: SystemTime) -> SystemTime {
    quota::midnight(now)
}

/// The limits of the host itself, and the way past everybody's.
#[derive(Debug)]
pub struct Admission {
    host: Gate,
}

impl Admission {
    /// Room for this many calls at once.
    #[must_use]
    pub fn new(concurrent_calls: u32) -> Self {
        let limits = CallLimits {
            concurrent_calls: std::num::NonZeroU32::new(concurrent_calls),
            ..CallLimits::default()
        };
        Self { host: Gate::new("server", limits) }
    }

    /// Room for a look at the catalogue, which concerns its caller and the host.
    ///
    /// # Errors
    /// Says whose limit it was and when to come again.
    pub fn look(&self, caller: &Caller) -> Result<Pass, CallError> {
        enter_all(&[&caller.principal.gate, &self.host]).map_err(CallError::Limited)
    }

    /// Takes a call past every limit it concerns: its tool's, its service's, its caller's, its tenant's, the
    /// host's. A call that is refused has used up nothing of the limit that refused it, nor of a wider one.
    ///
    /// # Errors
    /// Says whose limit it was and when to come again.
    pub fn admit(&self, route: Route) -> Result<Admitted, CallError> {
        let own = &route.caller().principal.gate;
        let places = match route.found() {
            Some(Found { service, member, tenant, .. }) => {
                enter_all(&[service.gate_of(member), &service.gate, own, &tenant.gate, &self.host])
            }
            // Guessing names is not free.
            None => enter_all(&[own, &self.host]),
        };
        Ok(Admitted { route, places: places.map_err(CallError::Limited)? })
    }
}
