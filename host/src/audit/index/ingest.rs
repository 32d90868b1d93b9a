//! From the log into the index, in batches.

use std::{
    borrow::Cow,
    fs,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rusqlite::{Connection, OptionalExtension, Statement, params};
use serde::Deserialize;

use super::{super::tail::Place, database, query::signed};
use crate::audit::{AuditError, Tail, chain, segment};

/// Lines of one transaction.
const BATCH: usize = 2048;
/// Lines between two breaths: half a millisecond's work. Without them a thread that has a call to serve may wait
/// for the kernel to take the processor away from this one, for milliseconds, whatever its priority.
const STRETCH: usize = 256;
/// Pages that wait in the write-ahead log before they go to where they belong. That ends with `fsync`, for which the
/// lines that are written to the log meanwhile may have to wait: as seldom as 64 MiB allow.
const CHECKPOINT: i64 = 16_384;
/// An index of another layout is made anew.
const LAYOUT: i64 = 2;

const TABLES: &str = "
    CREATE TABLE calls (
        seq INTEGER PRIMARY KEY, time INTEGER NOT NULL,
        caller TEXT NOT NULL, tenant TEXT NOT NULL, service TEXT, tool TEXT NOT NULL, outcome TEXT NOT NULL,
        allowed INTEGER NOT NULL,
        file INTEGER NOT NULL, at INTEGER NOT NULL, len INTEGER NOT NULL
    );
    CREATE INDEX by_time ON calls (time);
    -- The last line that was seen: what the log has lost when it ends before, or says something else there.
    CREATE TABLE head (only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL);
    CREATE TABLE cuts (seq INTEGER NOT NULL, hash TEXT NOT NULL, found INTEGER NOT NULL);
";

/// The writing end of the index.
#[derive(Debug)]
pub(super) struct Ingest {
    dir: PathBuf,
    db: Connection,
    tail: Tail,
    head: u64,
}

/// What the index wants to know of a line.
#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    caller: Cow<'a, str>,
    #[serde(borrow)]
    tenant: Cow<'a, str>,
    #[serde(borrow)]
    service: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tool: Cow<'a, str>,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    #[serde(borrow)]
    decision: Cow<'a, str>,
}

/// Adds a call.
const CALL: &str = "INSERT OR REPLACE INTO calls VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

impl Ingest {
    /// Opens the index, or makes it anew where it cannot be used.
    pub(super) fn open(dir: &Path) -> Result<Self, AuditError> {
        let db = match connect(dir) {
            Err(AuditError::Index(error)) if is_damaged(&error) => {
                tracing::warn!(%error, "the audit index cannot be used and is made anew");
                for end in ["", "-wal", "-shm"] {
                    let mut file = database(dir).into_os_string();
                    file.push(end);
                    let _ = fs::remove_file(file);
                }
                connect(dir)?
            }
            opened => opened?,
        };
        let mut ingest = Self { dir: dir.to_owned(), db, tail: Tail::after(dir, 0), head: 0 };
        ingest.resume()?;
        Ok(ingest)
    }

    /// Goes on after the last line that is known, if the log still has it.
    fn resume(&mut self) -> Result<(), AuditError> {
        let head: Option<(i64, String)> = self
            .db
            .query_row("SELECT seq, hash FROM head", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((seq, hash)) = head else { return Ok(()) };
        let seq = u64::try_from(seq).unwrap_or(0);
        let mut tail = Tail::after(&self.dir, seq.saturating_sub(1));
        let mut line = Vec::new();
        let found = tail.read_place(&mut line)?;
        let same = match found {
            Some(place) if place.seq == seq => chain::said_hash(&line) == Some(&hash),
            // All up to there was given up meanwhile.
            Some(place) => place.seq == place.file && place.seq > seq,
            None => false,
        };
        if same {
            let after =
                if found.is_some_and(|place| place.seq > seq) { Tail::after(&self.dir, seq) } else { tail };
            (self.tail, self.head) = (after, seq);
            return Ok(());
        }
        tracing::error!(
            seq,
            dir = %self.dir.display(),
            "the audit log does not have the last line that its index has seen: it was cut off or changed"
        );
        let change = self.db.transaction()?;
        let found = micros(SystemTime::now());
        change.execute("INSERT INTO cuts VALUES (?1, ?2, ?3)", params![signed(seq), hash, found])?;
        change.execute_batch("DELETE FROM calls; DELETE FROM head")?;
        change.commit()?;
        Ok(())
    }

    /// Indexes some of the lines up to number `until`, and takes a `breath` now and then. Says how far the index is, and
    /// whether that is all.
    pub(super) fn batch(&mut self, until: u64, breath: impl Fn()) -> Result<(u64, bool), AuditError> {
        let done = self.try_batch(until, breath);
        if done.is_err() {
            self.tail = Tail::after(&self.dir, self.head);
        }
        done
    }

    fn try_batch(&mut self, until: u64, breath: impl Fn()) -> Result<(u64, bool), AuditError> {
        let mut line = Vec::new();
        let mut last = None;
        let mut all = false;
        let change = self.db.transaction()?;
        let mut call = change.prepare(CALL)?;
        for number in 1..=BATCH {
            let place = if self.tail.next() <= until { self.tail.read_place(&mut line)? } else { None };
            let Some(place) = place else {
                all = true;
                break;
            };
            insert(&mut call, place, &line)?;
            last = Some((place.seq, chain::said_hash(&line).unwrap_or_default().to_owned()));
            if number.is_multiple_of(STRETCH) {
                breath();
            }
        }
        drop(call);
        self.tail.pause()?;
        if let Some((seq, hash)) = &last {
            change.execute("INSERT OR REPLACE INTO head VALUES (1, ?1, ?2)", params![signed(*seq), hash])?;
            let files = segment::list(&self.dir).map_err(AuditError::unreadable(&self.dir))?;
            if let Some(oldest) = files.first() {
                change.execute("DELETE FROM calls WHERE seq < ?1", [signed(*oldest)])?;
            }
        }
        change.commit()?;
        self.head = last.map_or(self.head, |(seq, _)| seq);
        Ok((self.head, all))
    }
}

fn insert(call: &mut Statement<'_>, place: Place, line: &[u8]) -> Result<(), AuditError> {
    // A line that is none is left to `verify`.
    let Ok(row) = serde_json::from_slice::<Row<'_>>(line) else { return Ok(()) };
    let Ok(time) = humantime::parse_rfc3339(&row.time) else { return Ok(()) };
    let len = i64::try_from(place.len).unwrap_or(i64::MAX);
    call.execute(params![
        signed(place.seq),
        micros(time),
        row.caller,
        row.tenant,
        row.service,
        row.tool,
        row.outcome,
        row.decision == "allowed",
        signed(place.file),
        signed(place.at),
        len
    ])?;
    Ok(())
}

pub(super) fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn connect(dir: &Path) -> Result<Connection, AuditError> {
    let path = database(dir);
    // SQLite gives its other files the mode of this one.
    let made = fs::File::options().write(true).create(true).truncate(false).mode(0o600).open(&path);
    made.map_err(AuditError::unopened(&path))?;
    let db = Connection::open(&path)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    let layout: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if layout == LAYOUT {
        return Ok(db);
    }
    db.execute_batch(&format!(
        "BEGIN IMMEDIATE; DROP TABLE IF EXISTS calls; DROP TABLE IF EXISTS head; DROP TABLE IF EXISTS cuts;
         {TABLES} PRAGMA user_version = {LAYOUT}; COMMIT"
    ))?;
    Ok(db)
}

fn is_damaged(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}
