//! How far the log is, between the threads that write it and the one that indexes it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

/// What comes within this time is indexed together.
const GATHER: Duration = Duration::from_millis(100);

/// How long a breath is. With it, several ten thousand lines a second can be indexed.
const BREATH: Duration = Duration::from_millis(1);

/// How far the log is, and who wants to know.
#[derive(Debug)]
pub(super) struct Progress {
    head: AtomicU64,
    /// The thread sleeps until the next line.
    idle: AtomicBool,
    /// Somebody waits for the index.
    wanted: AtomicBool,
    stopped: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

impl Progress {
    pub(super) fn at(head: u64) -> Self {
        Self {
            head: AtomicU64::new(head),
            idle: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            thread: Mutex::new(None),
        }
    }

    pub(super) fn head(&self) -> u64 {
        self.head.load(Ordering::SeqCst)
    }

    /// All lines up to this one are acknowledged.
    pub(super) fn publish(&self, head: u64) {
        self.head.store(head, Ordering::SeqCst);
        if self.idle.load(Ordering::SeqCst) && self.idle.swap(false, Ordering::SeqCst) {
            self.wake();
        }
    }

    pub(super) fn want(&self) {
        self.wanted.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = &*self.thread.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.unpark();
        }
    }

    /// This thread is the one to wake.
    pub(super) fn attend(&self) {
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
    }

    /// Sleeps until there is more than `seen`, and then a little, so that more comes together.
    pub(super) fn rest(&self, seen: u64) {
        self.idle.store(true, Ordering::SeqCst);
        while self.head() <= seen && !self.hurried() {
            thread::park();
        }
        self.idle.store(false, Ordering::SeqCst);
        if !self.hurried() {
            thread::park_timeout(GATHER);
        }
        self.wanted.store(false, Ordering::SeqCst);
    }

    /// Leaves the processor to others for a moment, unless somebody waits.
    pub(super) fn breathe(&self) {
        if !self.hurried() {
            thread::park_timeout(BREATH);
        }
    }

    fn hurried(&self) -> bool {
        self.wanted.load(Ordering::SeqCst) || self.is_stopped()
    }

    /// Another thread will follow.
    pub(super) fn begin(&self) {
        self.stopped.store(false, Ordering::SeqCst);
    }

    /// The thread is to end.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}
