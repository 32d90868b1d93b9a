//! Walks the whole chain and says where it is broken first.

use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    AuditError,
    chain::{self, Hash, Seal},
    index::{Known, known},
    segment,
};

/// What a walk through the log found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Files.
    pub files: usize,
    /// Lines that are sound, up to the fault.
    pub lines: u64,
    /// The number of the first of them.
    pub first: u64,
    /// The number of the last of them.
    pub last: u64,
    /// Lines that the log itself says could not be written.
    pub lost: u64,
    /// Whether the last line is torn: it is being written, or a crash left it. It was never acknowledged.
    pub torn: bool,
    /// Whether there was an index to compare the end with; without one a log that was cut off is not found out.
    pub compared: bool,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
}

/// Something that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// In which file.
    pub file: PathBuf,
    /// In which line of it, from 1; 0 if it is about the file.
    pub line: u64,
    /// What.
    pub what: String,
}

/// Walks all files of the log in `dir`. It may be written meanwhile.
///
/// # Errors
/// When it cannot be read, or there is none.
pub fn verify(dir: &Path) -> Result<Report, AuditError> {
    // First, so that the log is not behind it. An index that cannot be read is like none.
    let known = known(dir).ok().flatten();
    let files = segment::list(dir).map_err(AuditError::unreadable(dir))?;
    let mut walk = Walk { report: Report::default(), prev: chain::genesis(), kept_from: 0, known };
    walk.report.files = files.len();
    walk.report.compared = walk.known.is_some();
    for (at, first) in files.iter().enumerate() {
        let path = segment::path(dir, *first);
        let newest = at + 1 == files.len();
        let fault = walk.file(&path, *first, newest).map_err(AuditError::unreadable(&path))?;
        if let Some((line, what)) = fault {
            walk.report.fault = Some(Fault { file: path, line, what });
            return Ok(walk.report);
        }
    }
    let Walk { mut report, kept_from, known, .. } = walk;
    let fault = |first: u64, what: String| Some(Fault { file: segment::path(dir, first), line: 0, what });
    let oldest = files.first().copied().unwrap_or(0);
    if report.lines > 0 && kept_from < oldest {
        let what = format!("the files before it, with lines {kept_from} to {}, are missing", oldest - 1);
        report.fault = fault(oldest, what);
    } else if let Some(end) =
        known.and_then(|known| known.cut.into_iter().chain([known.seq]).find(|seq| *seq > report.last))
    {
        let what = format!(
            "the end was cut off: the log ends with line {}, and the index has seen {end}",
            report.last
        );
        report.fault = fault(files.last().copied().unwrap_or(1), what);
    }
    Ok(report)
}

/// Walks only the newest file of the log in `dir`: what can be said in a moment, however large the log is.
///
/// # Errors
/// When it cannot be read.
pub fn verify_newest(dir: &Path) -> Result<Report, AuditError> {
    let known = known(dir).ok().flatten();
    let files = segment::list(dir).map_err(AuditError::unreadable(dir))?;
    let mut walk = Walk { report: Report::default(), prev: chain::genesis(), kept_from: 0, known };
    walk.report.files = files.len().min(1);
    walk.report.compared = walk.known.is_some();
    if let Some(first) = files.last() {
        let path = segment::path(dir, *first);
        let fault = walk.file(&path, *first, true).map_err(AuditError::unreadable(&path))?;
        walk.report.fault = fault.map(|(line, what)| Fault { file: path, line, what });
    }
    Ok(walk.report)
}

struct Walk {
    report: Report,
    prev: Hash,
    /// What the newest file says is kept.
    kept_from: u64,
    known: Option<Known>,
}

impl Walk {
    fn file(&mut self, path: &Path, first: u64, newest: bool) -> io::Result<Option<(u64, String)>> {
        let mut file = BufReader::new(File::open(path)?);
        let mut line = Vec::new();
        let mut number = 0;
        while segment::read_line(&mut file, &mut line)? {
            number += 1;
            if let Some(what) = self.line(&line, first, number == 1) {
                return Ok(Some((number, what)));
            }
        }
        match (!line.is_empty(), newest) {
            (true, false) => Ok(Some((number + 1, "the line is not whole, and others follow".to_owned()))),
            (true, true) if line.len() >= super::entry::LINE => {
                Ok(Some((number + 1, "the line is longer than any may be".to_owned())))
            }
            (torn, _) => {
                self.report.torn = torn;
                Ok(None)
            }
        }
    }

    /// What is wrong with a line.
    fn line(&mut self, line: &[u8], first: u64, opens: bool) -> Option<String> {
        let Some((seal, hash)) = Seal::open(line) else { return Some("the line was changed".to_owned()) };
        let begins = self.report.lines == 0;
        let expected = if begins { first } else { self.report.last + 1 };
        if seal.seq > expected {
            return Some(format!("lines {expected} to {} are missing before it", seal.seq - 1));
        }
        if seal.seq < expected {
            return Some(format!("the line has number {} where {expected} is due", seal.seq));
        }
        if opens && seal.seq != first {
            return Some(format!("the file begins with line {} and is named after another", seal.seq));
        }
        // What the oldest file is chained to was given up with its predecessor.
        if seal.prev != self.prev && !(begins && seal.seq > 1) {
            return Some("the line is not chained to the one before".to_owned());
        }
        match (opens, seal.kept_from) {
            (true, Some(from)) => self.kept_from = from,
            (false, None) => {}
            _ => return Some("the line was the first of a file, or is and was not".to_owned()),
        }
        if let Some(known) = self.known.as_ref().filter(|known| known.seq == seal.seq && known.hash != hash) {
            return Some(format!("the log was written anew: the index has seen another line {}", known.seq));
        }
        let report = &mut self.report;
        if begins {
            report.first = seal.seq;
        }
        (report.last, report.lines) = (seal.seq, report.lines + 1);
        report.lost = report.lost.saturating_add(seal.lost);
        self.prev = hash;
        None
    }
}

#[cfg(test)]
mod tests;
