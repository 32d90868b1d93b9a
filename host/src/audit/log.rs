//! The writer: appends lines, in the order of their numbers, from any thread.
//!
//! A line has been handed to the kernel when [`Log::append`] returns, so it survives the end of this process
//! however sudden. Many callers share one write: each puts its line into a queue, and asks for the file a moment later;
//! whoever gets it writes all that waits, and the others find theirs written.

mod writer;

use std::{
    fmt,
    fs::{self, DirBuilder, File, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use self::writer::{Open, Writer};
use super::{AuditError, Entry, progress::Progress, segment};
use crate::config::audit::{Audit, OnFailure};

/// An open log.
pub struct Log {
    on_failure: OnFailure,
    dir: PathBuf,
    queue: Mutex<Vec<Arc<Line>>>,
    writer: Mutex<Writer>,
    progress: Arc<Progress>,
    failing: AtomicBool,
    lost: AtomicU64,
    /// Held as long as the log is open.
    _lock: File,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("dir", &self.dir).field("head", &self.head()).finish_non_exhaustive()
    }
}

/// A line on its way.
struct Line {
    entry: Vec<u8>,
    written: OnceLock<Result<(), AuditError>>,
}

/// A line that waits to be written.
pub(crate) struct Submitted(Arc<Line>);

impl fmt::Debug for Submitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submitted").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    /// Opens the log, making its folder if need be. What a crash left of a line is cut off, with a warning.
    ///
    /// # Errors
    /// When the folder cannot be used, is open to others, or is the log of another host that is running; when
    /// the last line was changed.
    pub fn open(config: &Audit) -> Result<Self, AuditError> {
        Self::open_with(config, Box::new(segment::append))
    }

    pub(super) fn open_with(config: &Audit, open: Open) -> Result<Self, AuditError> {
        let dir = config.dir.clone();
        let lock = folder(&dir)?;
        let writer = Writer::open(config, open)?;
        Ok(Self {
            on_failure: config.on_failure,
            dir,
            queue: Mutex::default(),
            progress: Arc::new(Progress::at(writer.seq)),
            writer: Mutex::new(writer),
            failing: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            _lock: lock,
        })
    }

    /// Appends a line, and returns once it is written: handed to the kernel, or on the disk with `sync`. Takes a
    /// few microseconds, with `sync` as long as the disk does.
    ///
    /// # Errors
    /// When it could not be written and `on_failure` is `refuse`. With `drop`, it is counted as lost.
    pub fn append(&self, entry: &Entry) -> Result<(), AuditError> {
        self.settle(&self.submit(entry))
    }

    /// Puts a line into the queue. Whoever writes next writes it too.
    pub(crate) fn submit(&self, entry: &Entry) -> Submitted {
        let line = Arc::new(Line { entry: entry.encode(), written: OnceLock::new() });
        lock(&self.queue).push(line.clone());
        Submitted(line)
    }

    /// Sees to it that a line is written, like [`Log::append`].
    ///
    /// # Errors
    /// See there.
    pub(crate) fn settle(&self, Submitted(line): &Submitted) -> Result<(), AuditError> {
        if line.written.get().is_none() {
            let mut writer = lock(&self.writer);
            if line.written.get().is_none() {
                self.write(&mut writer);
            }
        }
        match (self.on_failure, line.written.get()) {
            (OnFailure::Refuse, Some(Err(error))) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Writes all that waits.
    fn write(&self, writer: &mut Writer) {
        let lines = std::mem::take(&mut *lock(&self.queue));
        let written = writer.write(lines.iter().map(|line| line.entry.as_slice()));
        match &written {
            Ok(()) => {
                self.progress.publish(writer.seq);
                self.recovered();
            }
            Err(error) => {
                self.lost.fetch_add(lines.len() as u64, Ordering::Relaxed);
                if !self.failing.swap(true, Ordering::SeqCst) {
                    tracing::error!(%error, "the audit log fails");
                }
            }
        }
        for line in lines {
            let _ = line.written.set(written.clone());
        }
    }

    fn recovered(&self) {
        if self.failing.load(Ordering::Relaxed) && self.failing.swap(false, Ordering::SeqCst) {
            tracing::info!(lost = self.dropped(), "the audit log can be written again");
        }
    }

    /// Whether a call may run: with `on_failure: refuse`, not while the log cannot be written. Costs nothing
    /// while it can; while it cannot, each question tries anew.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn ready(&self) -> Result<(), AuditError> {
        if self.on_failure == OnFailure::Drop || !self.failing.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut writer = lock(&self.writer);
        writer.probe()?;
        self.recovered();
        Ok(())
    }

    /// Lines that could not be written, since the start. The next that is written says how many went before it.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// The number of the last line that is written; 0 in an empty log.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.progress.head()
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }
}

/// Makes the folder if need be, and locks it.
fn folder(dir: &Path) -> Result<File, AuditError> {
    let unusable = |why: String| AuditError::Folder { dir: dir.to_owned(), why };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    let mode =
        made.and_then(|()| fs::metadata(dir)).map_err(|e| unusable(e.to_string()))?.permissions().mode();
    if mode & 0o022 != 0 {
        let why = format!("others may write to it (mode {:o}); `chmod 700` it", mode & 0o777);
        return Err(unusable(why));
    }
    let lock = File::options().write(true).create(true).truncate(false).mode(0o600).open(dir.join("lock"));
    let lock = lock.map_err(|e| unusable(format!("its file `lock` cannot be opened: {e}")))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(AuditError::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(unusable(format!("it cannot be locked: {error}"))),
    }
}

#[cfg(test)]
mod tests;
