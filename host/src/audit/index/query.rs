//! Questions to the index. Each opens the database anew, to read.

use std::{
    fs::File,
    io,
    ops::ControlFlow,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::{database, ingest::micros};
use crate::audit::{AuditError, Filter, Used, chain, entry::LINE, segment};

/// What the index says of the log, for `verify`.
#[derive(Debug)]
pub(in crate::audit) struct Known {
    /// The last line it has seen.
    pub(in crate::audit) seq: u64,
    /// Its hash.
    pub(in crate::audit) hash: String,
    /// The last line that was there when the log was found cut.
    pub(in crate::audit) cut: Option<u64>,
}

/// What the index has seen; none if there is no index, or an empty one.
pub(in crate::audit) fn known(dir: &Path) -> Result<Option<Known>, AuditError> {
    if !database(dir).exists() {
        return Ok(None);
    }
    let db = connect(dir)?;
    let layout: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if layout == 0 {
        return Ok(None);
    }
    let head = db.query_row("SELECT seq, hash FROM head", [], |row| Ok((row.get(0)?, row.get(1)?)));
    let (seq, hash): (i64, String) = head.optional()?.unwrap_or_default();
    let cut: Option<i64> = db.query_row("SELECT max(seq) FROM cuts", [], |row| row.get(0))?;
    Ok(Some(Known { seq: unsigned(seq), hash, cut: cut.map(unsigned) }))
}

pub(super) fn calls_since(dir: &Path, since: SystemTime) -> Result<Used, AuditError> {
    let db = connect(dir)?;
    let mut asked =
        db.prepare("SELECT tenant, caller, service, tool FROM calls WHERE time >= ?1 AND allowed")?;
    let mut rows = asked.query([micros(since)])?;
    let mut used = Used::default();
    while let Some(row) = rows.next()? {
        let name = |at: usize| Ok::<_, rusqlite::Error>(row.get_ref(at)?.as_str_or_null()?);
        used.count(
            name(0)?.unwrap_or_default(),
            name(1)?.unwrap_or_default(),
            name(2)?,
            name(3)?.unwrap_or_default(),
        );
    }
    Ok(used)
}

/// Lines, found by the index and read from the log.
#[derive(Debug)]
pub(super) struct Lines {
    dir: PathBuf,
    db: Connection,
    file: Option<(u64, File)>,
}

impl Lines {
    pub(super) fn open(dir: &Path) -> Result<Self, AuditError> {
        Ok(Self { dir: dir.to_owned(), db: connect(dir)?, file: None })
    }

    pub(super) fn query(
        self,
        filter: &Filter,
        each: &mut impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Option<u64>, AuditError> {
        let Self { dir, db, mut file } = self;
        // Always from the newest on: the first page is there at once, whatever is asked for.
        let mut asked = db.prepare(
            "SELECT seq, file, at, len FROM calls
             WHERE seq < ?1
               AND (?2 IS NULL OR caller = ?2) AND (?3 IS NULL OR tenant = ?3) AND (?4 IS NULL OR service = ?4)
               AND (?5 IS NULL OR tool = ?5) AND (?6 IS NULL OR outcome = ?6)
               AND (?7 IS NULL OR time >= ?7) AND (?8 IS NULL OR time < ?8)
             ORDER BY seq DESC LIMIT ?9",
        )?;
        let mut rows = asked.query(params![
            filter.before.map_or(i64::MAX, signed),
            filter.caller,
            filter.tenant,
            filter.service,
            filter.tool,
            filter.outcome,
            filter.since.map(micros),
            filter.until.map(micros),
            filter.limit,
        ])?;
        let (mut count, mut last) = (0, None);
        while let Some(row) = rows.next()? {
            let (seq, first) = (unsigned(row.get(0)?), unsigned(row.get(1)?));
            let (at, len) = (unsigned(row.get(2)?), row.get::<_, i64>(3)?);
            (count, last) = (count + 1, Some(seq));
            let path = segment::path(&dir, first);
            let line = match read(&dir, &mut file, first, at, len) {
                Ok(line) if chain::seq(line.as_bytes()) == Some(seq) => line,
                Ok(_) => return Err(AuditError::Broken(path)),
                // Given up since the index looked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => return Err(AuditError::unreadable(path)(error)),
            };
            if each(&line).is_break() {
                break;
            }
        }
        Ok(last.filter(|_| count == filter.limit))
    }
}

fn read(dir: &Path, open: &mut Option<(u64, File)>, first: u64, at: u64, len: i64) -> io::Result<String> {
    let file = match open {
        Some((number, file)) if *number == first => file,
        _ => &mut open.insert((first, File::open(segment::path(dir, first))?)).1,
    };
    let mut line = vec![0; usize::try_from(len).unwrap_or(LINE).min(LINE)];
    file.read_exact_at(&mut line, at)?;
    String::from_utf8(line).map_err(io::Error::other)
}

fn connect(dir: &Path) -> Result<Connection, AuditError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(database(dir), flags)?;
    db.busy_timeout(Duration::from_secs(1))?;
    Ok(db)
}

/// SQLite has no other integers. Numbers and offsets never come near the end of them.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
