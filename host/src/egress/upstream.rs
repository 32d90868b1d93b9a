//! How one service treats one upstream: not too fast, not while it asks to be left alone, not while it is down.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use governor::{
    Quota,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use http::{HeaderMap, StatusCode, header};
use tokio::time::Instant;

use super::target::Target;
use crate::{
    breaker::{Breaker, Pass, Phase, Trip},
    config::Caps,
};

/// A request that is early by less than this waits for its turn; others are told when to come again.
const TURN: Duration = Duration::from_secs(1);
/// An upstream cannot ask to be left alone for longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Upstreams a service is known to have. A wildcard grant could name any number; the ones that are left
/// alone longest are forgotten first.
const MOST: usize = 256;

/// The upstreams of a service.
#[derive(Debug)]
pub struct Upstreams {
    per_second: NonZeroU32,
    trip: Trip,
    known: Mutex<HashMap<Origin, Arc<Upstream>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Origin {
    scheme: String,
    host: url::Host,
    port: u16,
}

/// One upstream of a service.
#[derive(Debug)]
pub struct Upstream {
    breaker: Arc<Breaker>,
    limiter: Limiter,
    state: Mutex<State>,
}

type Limiter =
    governor::RateLimiter<NotKeyed, InMemoryState, MonotonicClock, NoOpMiddleware<std::time::Instant>>;

#[derive(Debug)]
struct State {
    used: Instant,
    paused: Option<Instant>,
}

/// Why a request is not sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// Its turn comes later, or the upstream asked to wait.
    Rate(Duration),
    /// The upstream is down.
    Circuit(Duration),
}

impl Upstreams {
    /// None known yet.
    #[must_use]
    pub fn new(caps: &Caps, trip: Trip) -> Self {
        let per_second = NonZeroU32::new(caps.requests_per_second).unwrap_or(NonZeroU32::MIN);
        Self { per_second, trip, known: Mutex::default() }
    }

    /// The upstream a request goes to.
    #[must_use]
    pub fn of(&self, target: &Target) -> Arc<Upstream> {
        let origin =
            Origin { scheme: target.scheme().to_owned(), host: target.host().clone(), port: target.port() };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&origin) {
            let oldest = known.iter().min_by_key(|(_, upstream)| upstream.used()).map(|(o, _)| o.clone());
            oldest.and_then(|origin| known.remove(&origin));
        }
        let new = || Upstream::new(self.per_second, self.trip);
        let upstream = known.entry(origin).or_insert_with(|| Arc::new(new())).clone();
        upstream.touch();
        upstream
    }

    /// Lets one request to each upstream that is left alone through, to see whether it is back.
    pub fn hasten(&self) {
        for upstream in self.known.lock().unwrap_or_else(PoisonError::into_inner).values() {
            upstream.breaker.hasten();
        }
    }

    /// Whether one of them is left alone.
    #[must_use]
    pub fn any_down(&self) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().any(|upstream| upstream.breaker.phase() != Phase::Closed)
    }

    /// What each is doing, for health and metrics: URL, phase, how often its circuit opened.
    #[must_use]
    pub fn phases(&self) -> Vec<(String, Phase, u64)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |(o, upstream): (&Origin, &Arc<Upstream>)| {
            let url = format!("{}://{}:{}", o.scheme, o.host, o.port);
            (url, upstream.breaker.phase(), upstream.breaker.trips())
        };
        let mut phases: Vec<_> = known.iter().map(shown).collect();
        phases.sort_by(|a, b| a.0.cmp(&b.0));
        phases
    }
}

impl Upstream {
    fn new(per_second: NonZeroU32, trip: Trip) -> Self {
        Self {
            breaker: Breaker::new(trip),
            limiter: Limiter::direct_with_clock(Quota::per_second(per_second), MonotonicClock),
            state: Mutex::new(State { used: Instant::now(), paused: None }),
        }
    }

    /// Waits for a turn if it comes soon, and asks the circuit breaker.
    ///
    /// # Errors
    /// When the request is not to be sent now.
    pub async fn turn(&self) -> Result<Pass, NotNow> {
        let mut waited = Duration::ZERO;
        loop {
            let wait = self.wait();
            if wait.is_zero() {
                return self.breaker.admit().map_err(NotNow::Circuit);
            }
            waited = waited.saturating_add(wait);
            if waited > TURN {
                return Err(NotNow::Rate(wait));
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes a turn, or says how long until there is one.
    fn wait(&self) -> Duration {
        let paused = self.state().paused.map(|until| until.saturating_duration_since(Instant::now()));
        match paused {
            Some(left) if !left.is_zero() => left,
            _ => match self.limiter.check() {
                Ok(()) => Duration::ZERO,
                Err(early) => early.wait_time_from(MonotonicClock.now()).max(Duration::from_millis(1)),
            },
        }
    }

    /// Notes what the upstream asks for in a response: how long it wants to be left alone.
    pub fn heed(&self, status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
        if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            return None;
        }
        let pause = retry_after(headers, SystemTime::now())?.min(LONGEST_PAUSE);
        self.state().paused = Some(Instant::now() + pause);
        Some(pause)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn used(&self) -> Instant {
        self.state().used
    }

    fn touch(&self) {
        self.state().used = Instant::now();
    }
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams(requests_per_second: u32) -> Upstreams {
        Upstreams::new(&Caps { requests_per_second, ..Caps::default() }, Trip::default())
    }

    fn target(url: &str) -> Target {
        Target::parse(url).unwrap()
    }

    fn asks(value: &str) -> HeaderMap {
        [(header::RETRY_AFTER, value.parse().unwrap())].into_iter().collect()
    }

    #[tokio::test]
    async fn a_request_that_is_much_too_early_is_told_when_to_come_again() {
        let upstream = upstreams(1).of(&target("http://h"));
        assert!(upstream.turn().await.is_ok());
        // The second has to wait for nearly a second, and a third for nearly two.
        let (second, third) = tokio::join!(upstream.turn(), upstream.turn());
        let refused = [second, third].into_iter().filter_map(Result::err).collect::<Vec<_>>();
        assert!(matches!(refused[..], [NotNow::Rate(_)]), "{refused:?}");
    }

    #[tokio::test]
    async fn each_upstream_has_its_own_state() {
        let upstreams = upstreams(1);
        for url in ["http://h", "http://h:81", "https://h", "http://i"] {
            assert!(upstreams.of(&target(url)).turn().await.is_ok(), "{url}");
        }
        assert_eq!(upstreams.phases().len(), 4);
    }

    #[tokio::test]
    async fn an_upstream_that_asks_to_wait_is_left_alone() {
        let upstreams = upstreams(100);
        let upstream = upstreams.of(&target("http://h/a"));
        assert_eq!(upstream.heed(StatusCode::OK, &asks("7")), None);
        assert_eq!(upstream.heed(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new()), None);
        assert!(upstream.turn().await.is_ok());
        assert_eq!(upstream.heed(StatusCode::TOO_MANY_REQUESTS, &asks("7")), Some(Duration::from_secs(7)));
        assert!(matches!(upstreams.of(&target("http://h/b")).turn().await, Err(NotNow::Rate(_))));
        // Nobody is asked to wait for ever.
        assert_eq!(upstream.heed(StatusCode::SERVICE_UNAVAILABLE, &asks("999999999")), Some(LONGEST_PAUSE));
    }

    #[test]
    fn a_wildcard_grant_does_not_fill_the_memory() {
        let upstreams = upstreams(1);
        for n in 0..2 * MOST {
            let _ = upstreams.of(&target(&format!("http://h{n}.example")));
        }
        assert_eq!(upstreams.phases().len(), MOST);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let after = |value| retry_after(&asks(value), now);
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:47 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:27 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
        assert_eq!(after("-1"), None);
    }
}
