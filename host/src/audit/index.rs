//! The index: a SQLite database beside the log that says which line is where, for questions.
//!
//! It holds names, outcomes and places, not the lines. A thread of its own, of a lower priority, follows the
//! log and gathers what comes in a tenth of a second; an idle host does not wake it. Whoever asks waits for it
//! to have seen all that was acknowledged before, for a second at most.

mod ingest;
mod query;

use std::{
    fs::{self, File, TryLockError},
    ops::ControlFlow,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use tokio::sync::watch;

pub(super) use self::query::{Known, known};
use self::{ingest::Ingest, query::Lines};
use super::{AuditError, Filter, Log, Used, progress::Progress, segment};

/// Until an index that fails is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long a question waits for the index to catch up.
const PATIENCE: Duration = Duration::from_secs(1);
/// Priority of the thread; 0 is the usual one, 19 the lowest.
const NICE: i32 = 10;

/// Answers questions about the log.
#[derive(Debug)]
pub struct Index {
    dir: PathBuf,
    progress: Arc<Progress>,
    indexed: watch::Receiver<Seen>,
    thread: Option<JoinHandle<()>>,
}

/// How far the index is.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The last line it has; none until there is an index to ask.
    last: Option<u64>,
    /// Why it gets no further, until it does.
    fault: Option<AuditError>,
}

impl Index {
    /// Follows a log that this process writes, on a thread of its own, until it is dropped; one at a time. Begins with what the
    /// index does not know yet; an index that is damaged or gone is made anew.
    ///
    /// # Errors
    /// When the thread cannot be started. An index that fails later is tried again every second; questions then
    /// see what it has.
    pub fn start(log: &Log) -> Result<Self, AuditError> {
        let (dir, progress) = (log.dir().to_owned(), log.progress());
        let (sender, indexed) = watch::channel(Seen::default());
        progress.begin();
        let follow = {
            let (dir, progress) = (dir.clone(), progress.clone());
            move || follow(&dir, &progress, &sender)
        };
        let thread = thread::Builder::new().name("audit-index".to_owned()).spawn(follow);
        let thread = thread.map_err(AuditError::unreadable(&dir))?;
        Ok(Self { dir, progress, indexed, thread: Some(thread) })
    }

    /// Reads the log of another process, or of none. If no host follows it, the index is brought up to date
    /// here, provided that the folder is this user's; otherwise this waits for the host to do so, for a second at
    /// most.
    ///
    /// # Errors
    /// When there is no log, or it cannot be read.
    pub async fn read(dir: &Path) -> Result<Self, AuditError> {
        let head = end(dir)?;
        let mut seen = blocking(dir.to_owned(), catch_up_unless_followed).await?;
        let give_up = tokio::time::Instant::now() + PATIENCE;
        while seen < head && tokio::time::Instant::now() < give_up {
            tokio::time::sleep(Duration::from_millis(20)).await; // nothing tells one process of another's
            seen = known(dir)?.map_or(0, |known| known.seq);
        }
        if seen < head {
            tracing::warn!(
                seen,
                head,
                "the index does not have all of the log yet; the newest lines are missing"
            );
        }
        let (_, indexed) = watch::channel(Seen { last: Some(seen), fault: None });
        Ok(Self { dir: dir.to_owned(), progress: Arc::new(Progress::at(seen)), indexed, thread: None })
    }

    /// The number of the last line it has seen.
    #[must_use]
    pub fn indexed(&self) -> u64 {
        self.indexed.borrow().last.unwrap_or_default()
    }

    /// Returns once there is an index that has all lines up to this one, or there will never be one.
    ///
    /// # Errors
    /// Why the index gets no further. It is tried again, but what is wrong with it is seldom mended by waiting.
    pub async fn caught_up_to(&self, seq: u64) -> Result<(), AuditError> {
        self.progress.want();
        let mut indexed = self.indexed.clone();
        let short = |seen: &Seen| seen.last.is_none_or(|last| last < seq);
        match indexed.wait_for(|seen| !short(seen) || seen.fault.is_some()).await {
            Ok(seen) if short(&seen) => seen.fault.clone().map_or(Ok(()), Err),
            _ => Ok(()),
        }
    }

    /// Waits for what was acknowledged until now, for a moment.
    async fn settle(&self) {
        let head = self.progress.head();
        let _ = tokio::time::timeout(PATIENCE, self.caught_up_to(head)).await;
    }

    /// Hands the lines that are asked for to `each`, newest first, until it breaks. Returns the cursor of the
    /// next page, if there may be one.
    ///
    /// # Errors
    /// When the index or the log cannot be read.
    pub async fn query<F>(&self, filter: Filter, each: F) -> Result<Option<u64>, AuditError>
    where
        F: FnMut(&str) -> ControlFlow<()> + Send + 'static,
    {
        self.detached(filter, each).await.await
    }

    /// Like [`query`](Self::query), with a future of the end that is not bound to this.
    pub(super) async fn detached<F>(
        &self,
        filter: Filter,
        mut each: F,
    ) -> impl Future<Output = Result<Option<u64>, AuditError>> + Send + use<F>
    where
        F: FnMut(&str) -> ControlFlow<()> + Send + 'static,
    {
        self.settle().await;
        blocking(self.dir.clone(), move |dir| Lines::open(dir)?.query(&filter, &mut each))
    }

    /// The calls that were let through since a moment, for quotas. A host that starts awaits
    /// [`caught_up_to`](Self::caught_up_to) first, because an index that is far behind needs more than a second.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn calls_since(&self, since: SystemTime) -> Result<Used, AuditError> {
        self.settle().await;
        blocking(self.dir.clone(), move |dir| query::calls_since(dir, since)).await
    }
}

/// Asks on a thread that may wait. It begins at once.
fn blocking<T: Send + 'static, F>(
    dir: PathBuf,
    ask: F,
) -> impl Future<Output = Result<T, AuditError>> + use<T, F>
where
    F: FnOnce(&Path) -> Result<T, AuditError> + Send + 'static,
{
    let own = dir.clone();
    let asked = tokio::task::spawn_blocking(move || ask(&own));
    async move { asked.await.map_err(|e| AuditError::unreadable(dir)(e.into()))? }
}

impl Drop for Index {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.progress.stop();
            let _ = thread.join(); // a batch at most
        }
    }
}

/// The thread.
fn follow(dir: &Path, progress: &Progress, indexed: &watch::Sender<Seen>) {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "the audit index runs at the usual priority");
    }
    progress.attend();
    let mut ingest = None;
    let mut failing = false;
    while !progress.is_stopped() {
        match step(dir, progress, &mut ingest) {
            Ok((seen, done)) => {
                failing = false;
                indexed.send_replace(Seen { last: Some(seen), fault: None });
                if done {
                    progress.rest(seen);
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "the audit index fails and is tried again; the log itself is not affected");
                }
                indexed.send_modify(|seen| seen.fault = Some(error));
                ingest = None;
                thread::park_timeout(RETRY);
            }
        }
    }
}

/// A batch. Says how far the index is, and whether that is all.
fn step(
    dir: &Path,
    progress: &Progress,
    ingest: &mut Option<(Ingest, File)>,
) -> Result<(u64, bool), AuditError> {
    let (ingest, _lock) = match ingest {
        Some(open) => open,
        None => {
            let lock = lock_file(dir)?;
            lock.lock().map_err(AuditError::unreadable(dir))?; // a command that catches up is soon done
            ingest.insert((Ingest::open(dir)?, lock))
        }
    };
    ingest.batch(progress.head(), || progress.breathe())
}

/// For a reader: indexes what is missing, unless somebody else does that.
fn catch_up_unless_followed(dir: &Path) -> Result<u64, AuditError> {
    // A file that an administrator made here would be one that the host cannot write.
    let owner = fs::metadata(dir).map_err(AuditError::unreadable(dir))?.uid();
    if owner != rustix::process::geteuid().as_raw() {
        let why = || "it has no index yet, and only its owner can make one: run this as that user".to_owned();
        let known = known(dir)?.ok_or_else(|| AuditError::Folder { dir: dir.to_owned(), why: why() });
        return known.map(|known| known.seq);
    }
    let lock = lock_file(dir)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(known(dir)?.map_or(0, |known| known.seq)),
        Err(TryLockError::Error(error)) => return Err(AuditError::unreadable(dir)(error)),
    }
    let mut ingest = Ingest::open(dir)?;
    loop {
        if let (seen, true) = ingest.batch(u64::MAX, || {})? {
            return Ok(seen);
        }
    }
}

/// Whoever holds it writes the index.
fn lock_file(dir: &Path) -> Result<File, AuditError> {
    let path = dir.join("index.lock");
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path);
    file.map_err(AuditError::unopened(path))
}

fn database(dir: &Path) -> PathBuf {
    dir.join("index.sqlite")
}

/// The number of the last whole line of the log.
fn end(dir: &Path) -> Result<u64, AuditError> {
    for first in segment::list(dir).map_err(AuditError::unreadable(dir))?.into_iter().rev() {
        let path = segment::path(dir, first);
        if let Some((line, _)) = segment::last_line(&path).map_err(AuditError::unreadable(&path))? {
            return super::chain::seq(&line).ok_or(AuditError::Broken(path));
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests;
