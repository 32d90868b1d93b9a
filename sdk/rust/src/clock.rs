//! Owns time and waiting: clocks, [`sleep`], and running a future to its end.
//!
//! On WebAssembly waiting blocks on WASI pollables, all of those a call waits for at once. In
//! tests nothing waits: sleeping moves the test's clock, and nothing else does.

use std::time::{Duration, SystemTime};

pub(crate) use std::time::Instant;

#[cfg(target_family = "wasm")]
mod backend {
    use super::{Duration, Instant, SystemTime};

    pub(super) fn now() -> Instant {
        Instant::now()
    }

    pub(super) fn wall() -> SystemTime {
        SystemTime::now()
    }

    pub(super) async fn sleep(time: Duration) {
        wstd::time::Timer::after(time.into()).wait().await;
    }

    pub(super) fn block_on<F: Future>(future: F) -> F::Output {
        wstd::runtime::block_on(future)
    }
}

#[cfg(not(target_family = "wasm"))]
mod backend {
    use std::pin::pin;
    use std::sync::LazyLock;
    use std::task::{Context, Poll, Waker};

    use super::{Duration, Instant, SystemTime};
    use crate::testing::mock;

    /// One moment for all of a test: however busy the machine, what is left of a deadline is the same.
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(super) fn now() -> Instant {
        START.checked_add(mock::slept()).unwrap_or(*START)
    }

    pub(super) fn wall() -> SystemTime {
        mock::wall()
    }

    /// Pending once, so that others run first; then the clock has moved.
    pub(super) async fn sleep(time: Duration) {
        let until = mock::slept().saturating_add(time);
        let mut yielded = false;
        std::future::poll_fn(move |_| match std::mem::replace(&mut yielded, true) {
            false => Poll::Pending,
            true => {
                mock::sleep_until(until);
                Poll::Ready(())
            }
        })
        .await;
    }

    pub(super) fn block_on<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
        }
    }
}

pub(crate) fn now() -> Instant {
    backend::now()
}

pub(crate) fn wall() -> SystemTime {
    backend::wall()
}

/// Waits. Other futures of the call run meanwhile; the host can end the guest at any time.
pub async fn sleep(time: Duration) {
    backend::sleep(time).await;
}

/// Runs a future to its end.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    backend::block_on(future)
}
