//! Which threads a guest runs on. A call starts on the thread that serves its connection; one that computes
//! for more than a moment moves to the slow lane: threads of a lower priority, so that the kernel puts the
//! serving threads first. The calls of a service whose calls were heavy lately start there, unless nobody else is being
//! served. Short work first: a heavy call hardly notices the way, a light one would notice waiting behind it.

use std::{
    future::Future,
    num::NonZero,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// What a guest may compute in one go before it has to let others run, give or take an epoch tick. A whole call of a
/// CPython guest fits.
pub(super) const SLICE: Duration = Duration::from_millis(2);
/// A call that computes for longer than this in all is heavy: several times what a Rust guest's usual call takes. A
/// neighbour waits behind one such call of each connection of its thread.
const HEAVY: Duration = Duration::from_micros(150);
/// Where it is alone, a call of a service whose calls take no longer than this stays: the way there and back, which wakes two
/// threads, would cost it a good part of that again. Nobody who comes meanwhile waits for longer than for one call.
const BEARABLE: Duration = HEAVY.saturating_mul(5);
/// What a call counts at most in the average of a service whose calls are light. One call that the machine held up sends
/// no such service to the slow lane, where it would wait behind the heavy ones; a few heavy calls in a row do.
const MOST: Duration = HEAVY.saturating_mul(4);
/// How many calls the average looks back.
const MEMORY: u64 = 16;
/// The slow lane's threads take what the serving ones leave, and a hundredth of a busy processor (`nice`). A heavy
/// guest changes the memory map; at 10 the serving threads waited for the map's lock often enough to show in a
/// neighbour's p99 (`make bench`, `huge_result`).
const NICE: i32 = 19;

/// What a guest has used of the processor. Counted on the thread's own clock, which stands still while the
/// thread does: on a busy machine a light guest may take long and has done nothing wrong.
#[derive(Debug)]
pub(super) struct Meter {
    used: AtomicU64,
    /// The thread's clock when the guest was last resumed, in nanoseconds; nought while it is not running.
    resumed: AtomicU64,
    gave_way: AtomicBool,
}

impl Meter {
    pub(super) fn new() -> Arc<Self> {
        let (used, resumed) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { used, resumed, gave_way: AtomicBool::new(false) })
    }

    /// How long it has been computing without a pause; none if it is not counted. For the guest's own thread.
    pub(super) fn slice(&self) -> Option<Duration> {
        let resumed = self.resumed.load(Ordering::Relaxed);
        (resumed > 0).then(|| Duration::from_nanos(thread_clock().saturating_sub(resumed)))
    }

    /// How long it has been computing in all. While it runs, for its own thread.
    pub(super) fn used(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed)) + self.slice().unwrap_or_default()
    }

    /// It lets others run.
    pub(super) fn give_way(&self) {
        self.gave_way.store(true, Ordering::Relaxed);
    }

    /// Whether it did, or has used as much in many small pieces.
    fn gave_way(&self) -> bool {
        self.gave_way.load(Ordering::Relaxed)
            || u128::from(self.used.load(Ordering::Relaxed)) > SLICE.as_nanos()
    }

    fn resume(&self) {
        self.resumed.store(thread_clock(), Ordering::Relaxed);
    }

    /// `elapsed` is the time since it was resumed, by the wall: never less than what it used, and good enough for a
    /// light call, since the thread's clock takes half a microsecond to read.
    fn pause(&self, elapsed: Duration) {
        let used = if elapsed < HEAVY { elapsed } else { self.slice().unwrap_or_default() };
        self.used.fetch_add(u64::try_from(used.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.resumed.store(0, Ordering::Relaxed);
    }
}

/// Processor time of this thread, in nanoseconds.
fn thread_clock() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or_default())
}

/// What the calls of a service used lately: a moving average, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Weight(AtomicU64);

impl Weight {
    fn exceeds(&self, time: Duration) -> bool {
        u128::from(self.0.load(Ordering::Relaxed)) > time.as_nanos()
    }

    fn note(&self, used: Duration) {
        // An update that is lost to another thread's is one call of many.
        let average = self.0.load(Ordering::Relaxed);
        let most = MOST.max(Duration::from_nanos(average.saturating_mul(2)));
        let used = u64::try_from(used.min(most).as_nanos()).unwrap_or(u64::MAX);
        self.0.store(average - average / MEMORY + used / MEMORY, Ordering::Relaxed);
    }
}

/// The slow lane. Its threads start when they are first needed.
#[derive(Debug, Default)]
pub(super) struct SlowLane {
    threads: OnceLock<Option<Runtime>>,
    /// Calls under way, wherever they run.
    calls: AtomicUsize,
}

/// A call that is under way.
struct UnderWay<'a> {
    calls: &'a AtomicUsize,
    /// Whether there was no other when it began.
    alone: bool,
}

impl<'a> UnderWay<'a> {
    fn begin(calls: &'a AtomicUsize) -> Self {
        Self { calls, alone: calls.fetch_add(1, Ordering::Relaxed) == 0 }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

impl SlowLane {
    /// Runs host work of milliseconds that a guest causes, where it delays nobody.
    ///
    /// # Errors
    /// When it panicked, which is a fault of the host.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        match self.runtime() {
            Some(slow) => slow.spawn_blocking(work).await,
            None => tokio::task::spawn_blocking(work).await,
        }
    }

    /// Runs a guest, here or in the slow lane. Dropping the future drops the guest, at the latest at its next
    /// epoch tick.
    ///
    /// # Errors
    /// When the guest's task ended without a result, which is a fault of the host.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        weight: &Weight,
        meter: Arc<Meter>,
        guest: Pin<Box<impl Future<Output = T> + Send + 'static>>,
    ) -> Result<T, tokio::task::JoinError> {
        let mut guest = Metered { guest, meter: meter.clone() };
        let Some(slow) = self.runtime() else { return Ok(guest.await) };
        let under_way = UnderWay::begin(&self.calls);
        let heavy = weight.exceeds(if under_way.alone { BEARABLE } else { HEAVY });
        let here = if heavy { None } else { Briefly { guest: &mut guest }.await };
        let done = match here {
            Some(done) => Ok(done),
            None => {
                weight.note(meter.used()); // now, not only when it is done: it may never be
                AbortOnDropHandle::new(slow.spawn(guest)).await
            }
        };
        weight.note(meter.used());
        done
    }

    /// None if the machine gives no threads; then guests stay where they are.
    fn runtime(&self) -> Option<&Runtime> {
        let start = || {
            // Half of the processors: heavy guests hold the memory map's lock for long, and serving threads that wait
            // for it should find the holder running.
            let threads = thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2);
            let built = Builder::new_multi_thread()
                .worker_threads(threads)
                .thread_name("slow")
                .enable_all()
                .on_thread_start(|| step_back(NICE))
                .build();
            built.map_err(|error| tracing::error!(%error, "the slow lane cannot be started")).ok()
        };
        self.threads.get_or_init(start).as_ref()
    }
}

impl Drop for SlowLane {
    fn drop(&mut self) {
        // Waiting for its threads is not allowed in an async context, where a host may be dropped.
        if let Some(Some(runtime)) = self.threads.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of this thread (on Linux, `nice` is a thread's own).
pub(super) fn step_back(nice: i32) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, nice) {
        tracing::warn!(%error, "a thread that should step back runs at the usual priority");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = nice;
}

/// A guest that stays where it is, with its time counted.
pub(super) fn metered<F: Future>(meter: Arc<Meter>, guest: F) -> impl Future<Output = F::Output> {
    Metered { guest: Box::pin(guest), meter }
}

/// A guest whose time is counted.
struct Metered<F> {
    guest: Pin<Box<F>>,
    meter: Arc<Meter>,
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let started = Instant::now();
        self.meter.resume();
        let polled = self.guest.as_mut().poll(context);
        self.meter.pause(started.elapsed());
        polled
    }
}

/// A guest until it is done, or has to give way: then nothing.
struct Briefly<'a, F> {
    guest: &'a mut Metered<F>,
}

impl<F: Future> Future for Briefly<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        match Pin::new(&mut *self.guest).poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.guest.meter.gave_way() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_is_alone_stays_unless_it_is_unbearable() {
        let lane = SlowLane::default();
        let weighing = |time: Duration| {
            let weight = Weight::default();
            (0..200).for_each(|_| weight.note(time));
            weight
        };
        let stays = async |time| {
            let guest = Box::pin(async { thread::current().id() });
            let ran = lane.run(&weighing(time), Meter::new(), guest).await.unwrap();
            ran == thread::current().id()
        };
        let (light, heavy, unbearable) = (HEAVY / 2, HEAVY * 2, BEARABLE * 2);
        assert!(stays(light).await && stays(heavy).await && !stays(unbearable).await);
        let _another = UnderWay::begin(&lane.calls);
        assert!(stays(light).await && !stays(heavy).await && !stays(unbearable).await);
    }
}
