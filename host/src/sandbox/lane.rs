//! Which threads a guest runs on. A call starts on the thread that serves its connection; one that computes
//! for more than a moment moves to the slow lane: threads of a lower priority, so that the kernel puts the
//! serving threads first. A service whose guests did that lately starts there.

use std::{
    future::Future,
    num::NonZero,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// What a guest may compute in one go before it has to let others run, give or take an epoch tick. A whole call of a
/// CPython guest fits.
pub(super) const SLICE: Duration = Duration::from_millis(2);
/// Calls that start in the slow lane after one that had to move there.
const SUSPECT: u8 = 16;
/// The slow lane's threads yield to the serving ones and still get a tenth of a busy processor (`nice`).
const NICE: i32 = 10;

/// What a guest has used of the processor.
#[derive(Debug)]
pub(super) struct Meter {
    start: Instant,
    used: AtomicU64,
    /// When it was last resumed, in nanoseconds after `start`, plus one; nought while it is not running.
    resumed: AtomicU64,
    gave_way: AtomicBool,
}

impl Meter {
    pub(super) fn new() -> Arc<Self> {
        let (used, resumed) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { start: Instant::now(), used, resumed, gave_way: AtomicBool::new(false) })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// How long it has been computing without a pause; none if that is not known.
    pub(super) fn slice(&self) -> Option<Duration> {
        let resumed = self.resumed.load(Ordering::Relaxed);
        (resumed > 0).then(|| Duration::from_nanos(self.now().saturating_sub(resumed)))
    }

    /// How long it has been computing in all.
    pub(super) fn used(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed)) + self.slice().unwrap_or_default()
    }

    /// It lets others run.
    pub(super) fn give_way(&self) {
        self.gave_way.store(true, Ordering::Relaxed);
    }

    fn resume(&self) {
        self.resumed.store(self.now(), Ordering::Relaxed);
    }

    fn pause(&self) {
        if let Some(slice) = self.slice() {
            let nanos = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
            self.used.fetch_add(nanos, Ordering::Relaxed);
        }
        self.resumed.store(0, Ordering::Relaxed);
    }
}

/// Whether the guests of a service computed for long lately.
#[derive(Debug, Default)]
pub(super) struct Suspicion(AtomicU8);

impl Suspicion {
    fn confirm(&self) {
        self.0.store(SUSPECT, Ordering::Relaxed);
    }

    fn allay(&self) {
        // A lost update only delays the way back.
        self.0.store(self.0.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
    }

    fn is_suspect(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// The slow lane. Its threads start when they are first needed.
#[derive(Debug, Default)]
pub(super) struct SlowLane(OnceLock<Option<Runtime>>);

impl SlowLane {
    /// Runs a guest, here or in the slow lane. Dropping the future drops the guest, at the latest at its next
    /// epoch tick.
    ///
    /// # Errors
    /// When the guest's task ended without a result, which is a fault of the host.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        suspicion: &Suspicion,
        meter: Arc<Meter>,
        guest: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        let mut guest = Metered { guest: Box::pin(guest), meter: meter.clone() };
        let Some(slow) = self.runtime() else { return Ok(guest.await) };
        if suspicion.is_suspect() {
            let done = AbortOnDropHandle::new(slow.spawn(guest)).await;
            if meter.used() < SLICE {
                suspicion.allay();
            }
            return done;
        }
        match (Briefly { guest: &mut guest }).await {
            Some(done) => Ok(done),
            None => {
                suspicion.confirm();
                AbortOnDropHandle::new(slow.spawn(guest)).await
            }
        }
    }

    /// None if the machine gives no threads; then guests stay where they are.
    fn runtime(&self) -> Option<&Runtime> {
        let start = || {
            let built = Builder::new_multi_thread()
                .worker_threads(thread::available_parallelism().map_or(1, NonZero::get))
                .thread_name("slow")
                .enable_all()
                .on_thread_start(step_back)
                .build();
            built.map_err(|error| tracing::error!(%error, "the slow lane cannot be started")).ok()
        };
        self.0.get_or_init(start).as_ref()
    }
}

impl Drop for SlowLane {
    fn drop(&mut self) {
        // Waiting for its threads is not allowed in an async context, where a host may be dropped.
        if let Some(Some(runtime)) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of this thread (on Linux, `nice` is a thread's own).
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "the slow lane runs at the usual priority");
    }
}

/// A guest whose time is counted.
struct Metered<F> {
    guest: Pin<Box<F>>,
    meter: Arc<Meter>,
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.meter.resume();
        let polled = self.guest.as_mut().poll(context);
        self.meter.pause();
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
            Poll::Pending if self.guest.meter.gave_way.load(Ordering::Relaxed) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
