//! The limits of one holder (a tool, a service, a caller, a tenant, the host) and the way through several
//! of them at once. A gate never lets a call wait: it says when to come again.

use std::{
    fmt,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use governor::{
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::quota::{Charge, Quota};

/// What one holder may do. The default is no limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallLimits {
    /// Calls started in a second.
    pub rate: Option<Rate>,
    /// Calls running at once.
    pub concurrent_calls: Option<NonZeroU32>,
    /// Calls started in a UTC day.
    pub calls_per_day: Option<NonZeroU32>,
}

/// A rate with its burst (GCRA, the leaky bucket as a meter).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls a second, in the long run.
    pub per_second: NonZeroU32,
    /// Calls at one moment, after a rest.
    pub burst: NonZeroU32,
}

/// The limits of one holder. Clones share them. Without limits it is one null pointer.
#[derive(Clone, Debug, Default)]
pub struct Gate(Option<Arc<Bars>>);

#[derive(Debug)]
struct Bars {
    /// Where the limits stand in the file, such as `tenants.acme.limits`.
    key: Box<str>,
    rate: Option<(Rate, Limiter)>,
    places: Option<(NonZeroU32, Arc<Semaphore>)>,
    quota: Option<Quota>,
}

type Limiter = governor::RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Instant>>;

/// Tokio's clock, which a test can pause.
#[derive(Clone, Debug)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

/// Leave to run one call. Holds its places until it is dropped.
#[derive(Debug, Default)]
pub struct Pass {
    _places: Vec<OwnedSemaphorePermit>,
}

/// Why a call is not run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which limit.
    pub limit: Limit,
    /// Its key as the operator writes it, such as `tenants.acme.limits.calls_per_second`.
    pub key: String,
    /// Its value.
    pub allowed: NonZeroU32,
    /// When to try again: exact for a rate and for a quota, a guess where a running call has to end first.
    pub retry_after: Duration,
}

/// The kinds of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Calls in a second.
    Rate,
    /// Calls at once.
    Places,
    /// Calls in a day.
    Quota,
}

/// Nobody knows when a running call ends; most take less than a second.
const A_CALL_ENDS: Duration = Duration::from_secs(1);

impl Gate {
    /// A gate without limits.
    #[must_use]
    pub const fn open() -> Self {
        Self(None)
    }

    /// A gate with the limits that stand at `key` in the file.
    #[must_use]
    pub fn new(key: &str, limits: CallLimits) -> Self {
        if limits == CallLimits::default() {
            return Self::default();
        }
        let limiter = |rate: Rate| {
            let quota = governor::Quota::per_second(rate.per_second).allow_burst(rate.burst);
            (rate, Limiter::direct_with_clock(quota, TokioClock))
        };
        let places = |calls: NonZeroU32| {
            let permits = usize::try_from(calls.get()).unwrap_or(Semaphore::MAX_PERMITS);
            (calls, Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS))))
        };
        Self(Some(Arc::new(Bars {
            key: key.into(),
            rate: limits.rate.map(limiter),
            places: limits.concurrent_calls.map(places),
            quota: limits.calls_per_day.map(Quota::new),
        })))
    }

    /// A gate with the limits that stand at `key` now. The `former` one if they are the same; otherwise a new one, that
    /// knows how much of the day was used.
    #[must_use]
    pub fn renewed(former: Option<&Self>, key: &str, limits: CallLimits) -> Self {
        match former {
            Some(former) if former.limits() == limits => former.clone(),
            Some(former) => {
                let (now, gate) = (SystemTime::now(), Self::new(key, limits));
                gate.restore(former.used_today(now).unwrap_or_default(), now);
                gate
            }
            None => Self::new(key, limits),
        }
    }

    /// What it lets through.
    fn limits(&self) -> CallLimits {
        let Some(bars) = &self.0 else { return CallLimits::default() };
        CallLimits {
            rate: bars.rate.as_ref().map(|(rate, _)| *rate),
            concurrent_calls: bars.places.as_ref().map(|(calls, _)| *calls),
            calls_per_day: bars.quota.as_ref().map(Quota::per_day),
        }
    }

    /// Takes leave for one call from this gate alone.
    ///
    /// # Errors
    /// When one of its limits is reached; nothing is used up then.
    pub fn enter(&self) -> Result<Pass, Refused> {
        enter_all(&[self])
    }

    /// Says how many calls today had at least, before a restart or a reload. Nothing happens without a quota.
    pub fn restore(&self, used_today: u32, now: SystemTime) {
        if let Some(quota) = self.quota() {
            quota.restore(used_today, now);
        }
    }

    /// How much of the day's quota is used; none without a quota.
    #[must_use]
    pub fn used_today(&self, now: SystemTime) -> Option<u32> {
        Some(self.quota()?.used(now))
    }

    /// Calls at once, if that is limited.
    #[must_use]
    pub fn concurrent_calls(&self) -> Option<u32> {
        Some(self.0.as_ref()?.places.as_ref()?.0.get())
    }

    fn quota(&self) -> Option<&Quota> {
        self.0.as_ref()?.quota.as_ref()
    }
}

/// Takes leave for one call from several gates, which stand narrowest first: tool, service, caller, tenant,
/// host. Places and quotas come first, then one token of each rate, so that a call that is refused leaves
/// places and quotas as they were, and takes no token of the gate that refused it or of a wider one.
///
/// # Errors
/// When a limit of one of them is reached.
pub fn enter_all(gates: &[&Gate]) -> Result<Pass, Refused> {
    if gates.iter().all(|gate| gate.0.is_none()) {
        return Ok(Pass::default());
    }
    enter_all_at(gates, SystemTime::now())
}

/// [`enter_all`] on a day of the caller's choice.
///
/// # Errors
/// As there.
pub fn enter_all_at(gates: &[&Gate], now: SystemTime) -> Result<Pass, Refused> {
    let bars = || gates.iter().filter_map(|gate| gate.0.as_deref());
    let (mut places, mut charges) = (Vec::new(), Vec::new());
    for bars in bars() {
        places.extend(bars.place()?);
        charges.extend(bars.charge(now)?);
    }
    for bars in bars() {
        bars.token()?;
    }
    charges.into_iter().for_each(Charge::keep);
    Ok(Pass { _places: places })
}

impl Bars {
    fn place(&self) -> Result<Option<OwnedSemaphorePermit>, Refused> {
        let Some((allowed, places)) = &self.places else { return Ok(None) };
        let place = places.clone().try_acquire_owned();
        place.map(Some).map_err(|_| self.refused(Limit::Places, *allowed, A_CALL_ENDS))
    }

    fn charge(&self, now: SystemTime) -> Result<Option<Charge<'_>>, Refused> {
        let Some(quota) = &self.quota else { return Ok(None) };
        quota.charge(now).map(Some).map_err(|wait| self.refused(Limit::Quota, quota.per_day(), wait))
    }

    fn token(&self) -> Result<(), Refused> {
        let Some((rate, limiter)) = &self.rate else { return Ok(()) };
        limiter.check().map_err(|not_until| {
            self.refused(Limit::Rate, rate.per_second, not_until.wait_time_from(TokioClock.now()))
        })
    }

    fn refused(&self, limit: Limit, allowed: NonZeroU32, retry_after: Duration) -> Refused {
        Refused { limit, key: format!("{}.{}", self.key, limit.key()), allowed, retry_after }
    }
}

impl Limit {
    /// Its key in a `limits` block.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Rate => "calls_per_second",
            Self::Places => "concurrent_calls",
            Self::Quota => "calls_per_day",
        }
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, key, allowed, .. } = self;
        match limit {
            Limit::Rate => write!(f, "too fast: {allowed} calls a second are allowed (`{key}`)"),
            Limit::Places => write!(f, "too many calls at once: {allowed} are allowed (`{key}`)"),
            Limit::Quota => write!(f, "{allowed} calls a day (UTC) are used up (`{key}`)"),
        }
    }
}

impl Refused {
    /// Whose limit it is, in a bounded word.
    #[must_use]
    pub fn scope(&self) -> &'static str {
        // `tenants.T.services.S.tools.limits.NAME.…`; the names have no dots in them.
        let mut parts = self.key.split('.');
        match (parts.next(), parts.nth(1), parts.nth(1)) {
            (Some("tenants"), Some("services"), Some("tools")) => "tool",
            (Some("tenants"), Some("services"), _) => "service",
            (Some("tenants"), ..) => "tenant",
            (Some("server"), ..) => "host",
            _ => "caller",
        }
    }
}

#[cfg(test)]
mod tests;
