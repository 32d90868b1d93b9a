//! Results that are used again, for tools whose component says for how long they hold.
//!
//! - A result is only for the tenant, the service as it was, the tool and the arguments it was made for: all of
//!   them are the key. [`Revision`] is the service as it was.
//! - Equal calls at one moment run one guest. If that one fails or is dropped, the next of them runs.
//! - Only results are kept, never errors, and none over an eighth of the memory.
//! - A tenant has at most a quarter of the memory: what is over pushes out its own oldest results, and nobody
//!   else's.

mod flight;
mod ledger;
mod weight;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::{Expiry, policy::EvictionPolicy, sync::Cache};
use serde_json::Value;
use tokio::{sync::watch, time::Instant};

use crate::{config::results::CacheLimits, error::CallError, request::ToolOutput};
use flight::Flights;
use ledger::Ledger;

/// What a service was when a result was made. A number that comes once in the life of the process.
#[derive(Debug)]
pub struct Revision {
    number: AtomicU64,
    told: watch::Sender<u64>,
}

/// A call that may change what the service's tools answer. Once it is dropped, however the call ended, earlier
/// results are not used any more.
#[derive(Debug)]
pub struct Change<'a>(&'a Revision);

impl Revision {
    /// The revision of a service that was just loaded.
    #[must_use]
    pub fn new() -> Self {
        let number = fresh();
        Self { number: AtomicU64::new(number), told: watch::Sender::new(number) }
    }

    /// The number now.
    #[must_use]
    pub fn current(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Tells whenever it is another: what the service has may have changed.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }

    /// Begins a call of a tool that is not read-only.
    #[must_use]
    pub fn change(&self) -> Change<'_> {
        Change(self)
    }
}

impl Default for Revision {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        // Of two at once the later number stays: what was read between them is not used either.
        let number = fresh();
        self.0.number.fetch_max(number, Ordering::AcqRel);
        self.0.told.send_if_modified(|told| std::mem::replace(told, number.max(*told)) < number);
    }
}

fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What a result was made for. Not cheap to copy, so it is shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(Arc<Parts>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Parts {
    tenant: Arc<str>,
    service: String,
    revision: u64,
    tool: String,
    arguments: String,
}

impl Key {
    /// The key of a call. Arguments are the same if they are the same JSON values, in whatever order their
    /// members stand.
    #[must_use]
    pub fn new(tenant: Arc<str>, service: &str, revision: &Revision, tool: &str, arguments: &Value) -> Self {
        Self(Arc::new(Parts {
            tenant,
            service: service.to_owned(),
            revision: revision.current(),
            tool: tool.to_owned(),
            arguments: canonical(arguments),
        }))
    }

    fn tenant(&self) -> &Arc<str> {
        &self.0.tenant
    }

    fn weight(&self) -> usize {
        size_of::<Parts>() + self.0.service.len() + self.0.tool.len() + self.0.arguments.len()
    }
}

/// JSON without blanks, members in order (like RFC 8785, but for numbers: `1` and `1.0` are two).
fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// An earlier result, or one of an equal call at the same time.
    Hit,
    /// This call's own guest, whose result is kept if it may be.
    Miss,
    /// This call's own guest: the cache is off, or not for this tool.
    Bypass,
}

impl Hit {
    /// A bounded label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }
}

/// The cache of all tenants.
pub struct ResultCache(Option<Kept>);

struct Kept {
    results: Cache<Key, Entry>,
    ledger: Arc<Ledger>,
    flights: Flights,
    max_ttl: Duration,
    /// The most a result may weigh.
    heaviest: u32,
}

#[derive(Clone)]
struct Entry {
    output: Arc<ToolOutput>,
    weight: u32,
    /// Which of the ledger's entries it is.
    number: u64,
    ttl: Duration,
    until: Instant,
}

impl fmt::Debug for ResultCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultCache").field("entries", &self.entries()).finish_non_exhaustive()
    }
}

impl ResultCache {
    /// A cache, or with no limits none at all.
    #[must_use]
    pub fn new(limits: Option<CacheLimits>) -> Self {
        Self(limits.map(Kept::new))
    }

    /// Answers a call that passed all checks: from an earlier result, or by `run`. Without a `ttl` it is run, and
    /// the key not even made.
    ///
    /// A call waits for an equal one that is under way, and where those ahead of it fail, for one after the other:
    /// the caller of this bounds it by the call's deadline.
    ///
    /// # Errors
    /// Those of `run`.
    pub async fn run<F>(
        &self,
        key: impl FnOnce() -> Key,
        ttl: Option<Duration>,
        run: impl FnOnce() -> F,
    ) -> Result<(Arc<ToolOutput>, Hit), CallError>
    where
        F: Future<Output = Result<ToolOutput, CallError>>,
    {
        let ttl = ttl.filter(|ttl| !ttl.is_zero());
        let (Some(kept), Some(ttl)) = (&self.0, ttl) else {
            return Ok((Arc::new(run().await?), Hit::Bypass));
        };
        let key = key();
        if let Some(output) = kept.get(&key) {
            return Ok((output, Hit::Hit));
        }
        let flight = kept.flights.join(&key);
        let mut landed = flight.turn().await;
        // By an equal call that ran meanwhile, or one that ended between the two looks.
        if let Some(output) = landed.clone().or_else(|| kept.get(&key)) {
            return Ok((output, Hit::Hit));
        }
        let output = Arc::new(run().await?);
        kept.keep(&key, &output, ttl);
        *landed = Some(output.clone());
        flight.land();
        Ok((output, Hit::Miss))
    }
}

impl ResultCache {
    /// How many results are kept. Near enough: what is over its time counts until it is freed.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.0.as_ref().map_or(0, |kept| kept.results.entry_count())
    }

    /// The memory they take, in bytes; near enough in the same way.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |kept| kept.results.weighted_size())
    }
}

impl Kept {
    fn new(limits: CacheLimits) -> Self {
        let most = limits.max_bytes.as_u64();
        let ledger = Arc::new(Ledger::new(most / 4));
        let told = ledger.clone();
        let results = Cache::builder()
            .max_capacity(most)
            .weigher(|_: &Key, entry: &Entry| entry.weight)
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(Ttl)
            .eviction_listener(move |key: Arc<Key>, entry: Entry, _| told.remove(key.tenant(), entry.number))
            .build();
        let heaviest = u32::try_from(most / 8).unwrap_or(u32::MAX);
        Self { results, ledger, flights: Flights::default(), max_ttl: limits.max_ttl, heaviest }
    }

    fn get(&self, key: &Key) -> Option<Arc<ToolOutput>> {
        let entry = self.results.get(key)?;
        (Instant::now() < entry.until).then_some(entry.output)
    }

    fn keep(&self, key: &Key, output: &Arc<ToolOutput>, ttl: Duration) {
        let weight = u32::try_from(key.weight() + weight::of(output)).unwrap_or(u32::MAX);
        if weight > self.heaviest {
            return;
        }
        let ttl = ttl.min(self.max_ttl);
        let (number, over) = self.ledger.add(key, weight);
        for old in over {
            self.results.invalidate(&old);
        }
        let entry = Entry { output: output.clone(), weight, number, ttl, until: Instant::now() + ttl };
        self.results.insert(key.clone(), entry);
    }
}

/// Frees what is over. That nothing is used after its time is `until`, on a clock that tests can pause.
struct Ttl;

impl Expiry<Key, Entry> for Ttl {
    fn expire_after_create(&self, _: &Key, entry: &Entry, _: std::time::Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _: &Key,
        entry: &Entry,
        _: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}

#[cfg(test)]
mod tests;
