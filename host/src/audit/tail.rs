//! A reader that follows the log across its files. It sees only whole lines.

use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use super::{AuditError, chain, segment};

/// Reads the lines of a log one after the other.
#[derive(Debug)]
pub struct Tail {
    dir: PathBuf,
    next: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    first: u64,
    file: BufReader<File>,
    at: u64,
    /// A newer file was there before the last look at this one: nothing more comes.
    complete: bool,
}

/// Where a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) seq: u64,
    /// The first line of its file.
    pub(super) file: u64,
    /// In bytes.
    pub(super) at: u64,
    pub(super) len: usize,
}

impl Tail {
    /// Begins with the line after number `seq`, or the first one that is kept.
    #[must_use]
    pub fn after(dir: &Path, seq: u64) -> Self {
        Self { dir: dir.to_owned(), next: seq.saturating_add(1), open: None }
    }

    /// The next line into `line`, without its newline; `false` if there is none yet.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn read(&mut self, line: &mut Vec<u8>) -> Result<bool, AuditError> {
        self.read_place(line).map(|place| place.is_some())
    }

    /// The number of the line that comes next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn read_place(&mut self, line: &mut Vec<u8>) -> Result<Option<Place>, AuditError> {
        let dir = self.dir.clone();
        self.try_read(line).map_err(AuditError::unreadable(dir))
    }

    fn try_read(&mut self, line: &mut Vec<u8>) -> io::Result<Option<Place>> {
        loop {
            let Some(open) = &mut self.open else {
                let files = segment::list(&self.dir)?;
                let file = files.iter().rev().find(|first| **first <= self.next).or(files.first());
                let Some(first) = file.copied() else { return Ok(None) };
                if !self.turn(first)? {
                    return Ok(None);
                }
                continue;
            };
            if segment::read_line(&mut open.file, line)? {
                let place = Place {
                    seq: chain::seq(line).unwrap_or(self.next),
                    file: open.first,
                    at: open.at,
                    len: line.len(),
                };
                open.at += line.len() as u64 + 1;
                if place.seq >= self.next {
                    self.next = place.seq.saturating_add(1);
                    return Ok(Some(place));
                }
                continue;
            }
            segment::rewind(&mut open.file, open.at)?;
            let newer = segment::list(&self.dir)?.into_iter().find(|first| *first > open.first);
            match newer {
                None => return Ok(None),
                Some(newer) if open.complete => _ = self.turn(newer)?,
                Some(_) => open.complete = true,
            }
        }
    }

    /// Goes to another file; `false` if it was given up between two looks.
    fn turn(&mut self, first: u64) -> io::Result<bool> {
        self.open = match File::open(segment::path(&self.dir, first)) {
            Ok(file) => Some(Open { first, file: BufReader::new(file), at: 0, complete: false }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(self.open.is_some())
    }

    /// Forgets what was read ahead: lines that are not acknowledged may still be cut off and written anew.
    pub(super) fn pause(&mut self) -> Result<(), AuditError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        segment::rewind(&mut open.file, open.at).map_err(AuditError::unreadable(&self.dir))
    }
}
