//! Whether a service is in use and whether its upstream answers: kept with the service, so that a call only
//! touches its own.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// A service that a call used within this time is in use.
const IN_USE: Duration = Duration::from_secs(300);
/// How long after a probe a service that is well is probed again, give or take a fifth.
const USUAL: Duration = Duration::from_secs(30);
/// The same for one that is ill, or suspected to be.
const RETRY: Duration = Duration::from_secs(2);

/// The pulse of one service.
#[derive(Debug)]
pub struct Pulse {
    born: Instant,
    /// Milliseconds from birth to the latest call, and one; nought if there was none.
    used: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Why it is ill; none if it is well.
    ill: Option<String>,
    /// When the latest probe of it began.
    probed: Option<Instant>,
    /// How long after that the next is due, if all is well.
    usual: Duration,
    probing: bool,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { born: Instant::now(), used: AtomicU64::new(0), state: Mutex::default() }
    }
}

impl Pulse {
    /// A call uses the service.
    pub fn touch(&self) {
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1;
        // Most calls find it written: the line of memory stays shared.
        if self.used.load(Ordering::Relaxed) != now {
            self.used.store(now, Ordering::Relaxed);
        }
    }

    /// Why its upstream does not answer, if a probe said so.
    #[must_use]
    pub fn ill(&self) -> Option<String> {
        self.state().ill.clone()
    }

    /// Whether a call used it within this time.
    fn used_within(&self, time: Duration) -> bool {
        let used = self.used.load(Ordering::Relaxed).checked_sub(1).map(Duration::from_millis);
        used.is_some_and(|used| self.born.elapsed() <= used.saturating_add(time))
    }

    /// Since when a probe of it is due, if one is. `suspected`: something speaks for it being ill.
    pub(super) fn due(&self, now: Instant, suspected: bool) -> Option<Due> {
        let used = self.used_within(IN_USE);
        let state = self.state();
        let ill = state.ill.is_some();
        if state.probing || !(used || ill) {
            return None;
        }
        let urgent = used && (ill || suspected);
        let wait = if urgent { RETRY } else { state.usual };
        let since = state.probed.map_or(now, |at| at + wait);
        (since <= now).then_some(Due { since, urgent })
    }

    /// A probe begins.
    pub(super) fn begin(&self, now: Instant) {
        let mut state = self.state();
        (state.probing, state.probed, state.usual) = (true, Some(now), jittered(USUAL));
    }

    /// A probe has ended; `found` is what it says, if it says anything. True if that changes what is known.
    pub(super) fn end(&self, found: Option<Result<(), String>>) -> bool {
        let mut state = self.state();
        state.probing = false;
        let was = state.ill.is_some();
        if let Some(found) = found {
            state.ill = found.err();
        }
        was != state.ill.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic or wait.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So that services that were loaded together are not probed together for ever.
fn jittered(time: Duration) -> Duration {
    let random = getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX));
    time.mul_f64(0.8 + 0.4 * random)
}

/// A probe is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) since: Instant,
    pub(super) urgent: bool,
}
