//! The end of the chain: one file that grows, the next one when it is full, and no more of them than are kept.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    audit::{
        AuditError,
        chain::{self, Hash, Seal},
        segment::{self, Sink},
    },
    config::audit::Audit,
};

/// What a seal adds to an entry, at most.
const SEAL: usize = 256;
/// Written and cut off again, to see whether there is room: more than a usual line.
const PROBE: [u8; 8192] = [b' '; 8192];

/// How files are opened.
pub(in crate::audit) type Open = Box<dyn Fn(&Path) -> io::Result<Box<dyn Sink>> + Send>;

/// The end of the chain.
pub(super) struct Writer {
    dir: PathBuf,
    max_bytes: u64,
    keep: usize,
    sync: bool,
    open: Open,
    file: Option<Current>,
    /// The first lines of all files, the current one last.
    files: VecDeque<u64>,
    /// The last line's number and hash.
    pub(super) seq: u64,
    hash: Hash,
    /// Lines lost since then.
    lost: u64,
}

/// The file that is written.
struct Current {
    sink: Box<dyn Sink>,
    path: PathBuf,
    len: u64,
    /// Something may follow that was never acknowledged.
    torn: bool,
}

impl Writer {
    /// Finds the end of the chain.
    pub(super) fn open(config: &Audit, open: Open) -> Result<Self, AuditError> {
        let dir = config.dir.clone();
        let mut files: VecDeque<u64> = segment::list(&dir).map_err(AuditError::unreadable(&dir))?.into();
        let (mut seq, mut hash, mut file) = (0, chain::genesis(), None);
        while let Some(first) = files.back() {
            let path = segment::path(&dir, *first);
            let unreadable = || AuditError::unreadable(&path);
            let whole = segment::last_line(&path).map_err(unreadable())?;
            let size = fs::metadata(&path).map_err(unreadable())?.len();
            let len = whole.as_ref().map_or(0, |(_, end)| *end);
            if size > len {
                let bytes = size - len;
                tracing::warn!(file = %path.display(), bytes, "the audit log's last line was torn and is cut off");
            }
            let Some((line, _)) = whole else {
                // Nothing was ever acknowledged in it.
                fs::remove_file(&path).map_err(unreadable())?;
                files.pop_back();
                continue;
            };
            let (seal, last) = Seal::open(&line).ok_or_else(|| AuditError::Broken(path.clone()))?;
            (seq, hash) = (seal.seq, last);
            let sink = open(&path).map_err(unreadable())?;
            file = Some(Current { sink, path, len, torn: size > len });
            break;
        }
        let mut writer = Self {
            dir,
            max_bytes: config.max_bytes.as_u64(),
            keep: usize::try_from(config.keep).unwrap_or(usize::MAX),
            sync: config.sync,
            open,
            file,
            files,
            seq,
            hash,
            lost: 0,
        };
        writer.mend()?;
        Ok(writer)
    }

    /// Chains and writes lines, all or none.
    pub(super) fn write<'a>(
        &mut self,
        entries: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    ) -> Result<(), AuditError> {
        let count = entries.len() as u64;
        let written = self.try_write(entries);
        self.lost = if written.is_ok() { 0 } else { self.lost.saturating_add(count) };
        written
    }

    fn try_write<'a>(&mut self, entries: impl Iterator<Item = &'a [u8]> + Clone) -> Result<(), AuditError> {
        let size = entries.clone().map(|entry| entry.len() + SEAL).sum::<usize>();
        self.turn(size as u64)?;
        let fresh = self.file.as_ref().is_none_or(|file| file.len == 0);
        let oldest = self.files.len().saturating_sub(self.keep);
        let mut kept_from = fresh.then(|| self.files.get(oldest).copied()).flatten();
        let (mut seq, mut prev, mut lost) = (self.seq, self.hash.clone(), self.lost);
        let mut bytes = Vec::with_capacity(size);
        for entry in entries {
            seq += 1;
            let seal = Seal { seq, prev, kept_from: kept_from.take(), lost: std::mem::take(&mut lost) };
            prev = seal.close(entry, &mut bytes);
        }
        self.put(&bytes)?;
        (self.seq, self.hash) = (seq, prev);
        if fresh {
            self.forget();
        }
        Ok(())
    }

    /// Begins the next file if this one has no room for so much more.
    fn turn(&mut self, size: u64) -> Result<(), AuditError> {
        let room = |file: &Current| file.len == 0 || file.len.saturating_add(size) <= self.max_bytes;
        if self.file.as_ref().is_some_and(room) {
            return Ok(());
        }
        let first = self.seq + 1;
        let path = segment::path(&self.dir, first);
        let unwritable = |e| unwritable(&path, e);
        let sink = (self.open)(&path).map_err(unwritable)?;
        if self.sync {
            // The name, too, has to survive a loss of power.
            File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(unwritable)?;
        }
        // Whatever it held was never acknowledged.
        self.file = Some(Current { sink, path, len: 0, torn: true });
        self.files.push_back(first);
        Ok(())
    }

    /// Cuts off what was never acknowledged.
    fn mend(&mut self) -> Result<(), AuditError> {
        let Some(file) = self.file.as_mut().filter(|file| file.torn) else { return Ok(()) };
        file.sink.cut(file.len).map_err(|e| unwritable(&file.path, e))?;
        file.torn = false;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), AuditError> {
        self.mend()?;
        let Some(file) = &mut self.file else { return Ok(()) }; // `turn` has made one
        file.torn = true;
        let mut put = file.sink.write_all(bytes);
        if self.sync {
            put = put.and_then(|()| file.sink.sync());
        }
        let put = put.map_err(|e| unwritable(&file.path, e));
        if put.is_ok() {
            file.len += bytes.len() as u64;
            file.torn = false;
        } else {
            let _ = self.mend(); // or else before the next write
        }
        put
    }

    /// Whether something could be written now.
    pub(super) fn probe(&mut self) -> Result<(), AuditError> {
        self.turn(0)?;
        self.mend()?;
        let Some(file) = &mut self.file else { return Ok(()) };
        file.torn = true;
        let put = file.sink.write_all(&PROBE).map_err(|e| unwritable(&file.path, e));
        put.and(self.mend())
    }

    /// Removes the files that are no longer kept.
    fn forget(&mut self) {
        while self.files.len() > self.keep {
            let Some(first) = self.files.pop_front() else { break };
            let file = segment::path(&self.dir, first);
            if let Err(error) = fs::remove_file(&file) {
                tracing::warn!(file = %file.display(), %error, "an old audit file cannot be removed");
            }
        }
    }
}

fn unwritable(file: &Path, cause: io::Error) -> AuditError {
    AuditError::Unwritable { file: file.to_owned(), cause: Arc::new(cause) }
}
