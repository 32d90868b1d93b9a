//! A rest for what keeps failing: upstreams that are down, services whose guests crash.
//!
//! Closed, everything passes. Once failures outnumber successes by a threshold it opens, and nothing passes
//! until the backoff is over. Then it is half open: one passes as a probe. A probe that succeeds closes it;
//! one that fails opens it for twice as long, up to a bound.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// By how many failures must outnumber successes.
    pub failures: u32,
    /// The first rest.
    pub backoff: Duration,
    /// The longest rest.
    pub max_backoff: Duration,
}

impl Default for Trip {
    fn default() -> Self {
        Self { failures: 10, backoff: Duration::from_secs(1), max_backoff: Duration::from_secs(60) }
    }
}

/// What a breaker is doing, for health and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Everything passes.
    Closed,
    /// Nothing passes for this long.
    Open(Duration),
    /// One may pass, or is under way, to see whether things are better.
    HalfOpen,
}

impl Phase {
    /// A bounded label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open(_) => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// One breaker.
#[derive(Debug)]
pub struct Breaker {
    trip: Trip,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures less successes, never below nought.
    score: u32,
    rest: Option<Rest>,
    /// How often it opened.
    trips: u64,
}

#[derive(Debug)]
struct Rest {
    until: Instant,
    length: Duration,
    probing: bool,
}

/// Leave to go ahead. Say how it went; a pass that is only dropped says nothing.
#[derive(Debug)]
pub struct Pass {
    breaker: Arc<Breaker>,
    probe: bool,
    settled: bool,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(trip: Trip) -> Arc<Self> {
        Arc::new(Self { trip, state: Mutex::default() })
    }

    /// Asks for leave to go ahead.
    ///
    /// # Errors
    /// With the time to wait, when it is open.
    pub fn admit(self: &Arc<Self>) -> Result<Pass, Duration> {
        let mut state = self.state();
        let probe = match &mut state.rest {
            None => false,
            Some(rest) => {
                let left = rest.until.saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    return Err(left);
                }
                if rest.probing {
                    // How long the probe takes is not known; the first rest is as good a guess as any.
                    return Err(self.trip.backoff);
                }
                rest.probing = true;
                true
            }
        };
        Ok(Pass { breaker: self.clone(), probe, settled: false })
    }

    /// Ends its rest: the next one that asks is let through to see whether things are better.
    pub fn hasten(&self) {
        if let Some(rest) = &mut self.state().rest {
            rest.until = rest.until.min(Instant::now());
        }
    }

    /// What it is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.state().rest {
            None => Phase::Closed,
            Some(rest) => match rest.until.saturating_duration_since(Instant::now()) {
                Duration::ZERO => Phase::HalfOpen,
                left => Phase::Open(left),
            },
        }
    }

    /// How often it opened.
    #[must_use]
    pub fn trips(&self) -> u64 {
        self.state().trips
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic or wait.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, probe: bool) -> bool {
        let mut state = self.state();
        let length = match &state.rest {
            Some(rest) if probe => rest.length.saturating_mul(2).min(self.trip.max_backoff),
            // One that passed before it opened; it is known to fail.
            Some(_) => return false,
            None => {
                state.score = state.score.saturating_add(1);
                if state.score < self.trip.failures {
                    return false;
                }
                self.trip.backoff
            }
        };
        state.trips = state.trips.saturating_add(1);
        state.rest = Some(Rest { until: Instant::now() + length, length, probing: false });
        true
    }

    fn succeeded(&self, probe: bool) -> bool {
        let mut state = self.state();
        if probe {
            (state.score, state.rest) = (0, None);
        } else {
            state.score = state.score.saturating_sub(1);
        }
        probe
    }
}

impl Pass {
    /// It went wrong. True if that opened the breaker.
    pub fn failed(mut self) -> bool {
        self.settled = true;
        self.breaker.failed(self.probe)
    }

    /// It went well. True if that closed the breaker.
    pub fn succeeded(mut self) -> bool {
        self.settled = true;
        self.breaker.succeeded(self.probe)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.probe && !self.settled {
            // A probe that was cancelled showed nothing; the next one may try.
            if let Some(rest) = &mut self.breaker.state().rest {
                rest.probing = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Arc<Breaker> {
        let (backoff, max_backoff) = (Duration::from_secs(1), Duration::from_secs(3));
        Breaker::new(Trip { failures: 3, backoff, max_backoff })
    }

    fn fail(breaker: &Arc<Breaker>) -> bool {
        breaker.admit().unwrap().failed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_when_failures_outnumber_successes() {
        let breaker = breaker();
        assert!(!fail(&breaker) && !fail(&breaker));
        assert!(!breaker.admit().unwrap().succeeded());
        assert!(!fail(&breaker));
        assert_eq!(breaker.phase(), Phase::Closed);
        assert!(fail(&breaker));
        assert_eq!(breaker.admit().unwrap_err(), Duration::from_secs(1));
        assert_eq!((breaker.phase(), breaker.trips()), (Phase::Open(Duration::from_secs(1)), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_passes_and_each_rest_is_twice_as_long() {
        let breaker = breaker();
        for _ in 0..3 {
            fail(&breaker);
        }
        for rest in [1, 2, 3, 3] {
            assert_eq!(breaker.phase(), Phase::Open(Duration::from_secs(rest)));
            tokio::time::advance(Duration::from_secs(rest)).await;
            assert_eq!(breaker.phase(), Phase::HalfOpen);
            let probe = breaker.admit().unwrap();
            assert!(breaker.admit().is_err(), "one probe at a time");
            assert!(probe.failed());
        }
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(breaker.admit().unwrap().succeeded());
        assert_eq!(breaker.phase(), Phase::Closed);
        assert!(!fail(&breaker), "it starts anew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_that_is_ended_lets_one_try_and_goes_on_if_it_fails() {
        let breaker = breaker();
        breaker.hasten(); // nothing to end
        for _ in 0..3 {
            fail(&breaker);
        }
        breaker.hasten();
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_err(), "one probe at a time");
        assert!(probe.failed());
        assert_eq!(breaker.phase(), Phase::Open(Duration::from_secs(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_dropped_lets_the_next_one_try() {
        let breaker = breaker();
        for _ in 0..3 {
            fail(&breaker);
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(breaker.admit().unwrap());
        assert!(breaker.admit().unwrap().succeeded());
    }

    #[tokio::test(start_paused = true)]
    async fn what_passed_before_it_opened_changes_nothing() {
        let breaker = breaker();
        let late = [breaker.admit().unwrap(), breaker.admit().unwrap()];
        for _ in 0..3 {
            fail(&breaker);
        }
        let [failed, succeeded] = late;
        assert!(!failed.failed() && !succeeded.succeeded());
        assert_eq!(breaker.phase(), Phase::Open(Duration::from_secs(1)));
    }
}
