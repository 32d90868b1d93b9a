//! The files of the log: `audit-00000000000000000001.jsonl`, named after their first line, so that their order
//! is their names'.

use std::{
    fs::{self, File},
    io::{self, BufRead, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::entry::LINE;

/// The file whose first line has the number `first`.
pub(super) fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("audit-{first:020}.jsonl"))
}

/// The first lines of all files, in order.
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut all = Vec::new();
    for file in fs::read_dir(dir)? {
        let name = file?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix("audit-")?.strip_suffix(".jsonl"));
        all.extend(digits.filter(|digits| digits.len() == 20).and_then(|digits| digits.parse::<u64>().ok()));
    }
    all.sort_unstable();
    Ok(all)
}

/// What lines are written to. A file, but for the tests.
pub(super) trait Sink: Write + Send {
    /// Cuts the file to this length, if it is longer.
    fn cut(&self, len: u64) -> io::Result<()>;
    /// Returns once all of it is on the disk.
    fn sync(&self) -> io::Result<()>;
}

impl Sink for File {
    fn cut(&self, len: u64) -> io::Result<()> {
        // A file that was ever cut to nothing ext4 writes to the disk when it is closed (ext4(5), `auto_da_alloc`), and
        // calls wait for that: 40 ms for a full one. So a new one, which holds nothing, is left alone.
        if self.metadata()?.len() > len { self.set_len(len) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Opens a file to append to, making it if need be, for this user alone.
pub(super) fn append(path: &Path) -> io::Result<Box<dyn Sink>> {
    let file = File::options().append(true).create(true).mode(0o600).open(path)?;
    Ok(Box::new(file))
}

/// Reads one line, without its newline. `false`: there is no whole line (yet), or it is longer than any may be.
pub(super) fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    file.take(LINE as u64).read_until(b'\n', line)?;
    Ok(line.pop_if(|byte| *byte == b'\n').is_some())
}

/// The last whole line of a file, and where it ends: what follows was torn by a crash.
pub(super) fn last_line(path: &Path) -> io::Result<Option<(Vec<u8>, u64)>> {
    let file = File::open(path)?;
    let Some(end) = newline_before(&file, file.metadata()?.len())? else { return Ok(None) };
    let start = newline_before(&file, end)?.map_or(0, |newline| newline + 1);
    let length = usize::try_from(end - start).unwrap_or(usize::MAX);
    if length > LINE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its last line is longer than any may be"));
    }
    let mut line = vec![0; length];
    file.read_exact_at(&mut line, start)?;
    Ok(Some((line, end + 1)))
}

/// Where the last newline before `end` stands.
fn newline_before(file: &File, mut end: u64) -> io::Result<Option<u64>> {
    let mut block = [0; 8192];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let length = usize::try_from(end - start).unwrap_or(block.len());
        let Some(part) = block.get_mut(..length) else { break };
        file.read_exact_at(part, start)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(Some(start + at as u64));
        }
        end = start;
    }
    Ok(None)
}

/// Forgets what was read ahead: it may be cut off and written anew.
pub(super) fn rewind(file: &mut (impl Read + Seek), at: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(at)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_listed_in_order_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        for first in [11, 2, 1] {
            fs::write(path(dir.path(), first), "").unwrap();
        }
        for other in ["audit-1.jsonl", "audit-0000000000000000000x.jsonl", "index.sqlite", "lock"] {
            fs::write(dir.path().join(other), "").unwrap();
        }
        assert_eq!(list(dir.path()).unwrap(), [1, 2, 11]);
    }

    #[test]
    fn a_file_is_cut_and_never_made_longer() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), 1);
        let mut file = append(&path).unwrap();
        file.write_all(b"line\nto").unwrap();
        for (len, left) in [(9, "line\nto"), (5, "line\n"), (5, "line\n"), (0, ""), (1, "")] {
            file.cut(len).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), left, "{len}");
        }
    }

    #[test]
    fn the_last_whole_line_is_found_however_long_what_follows_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), 1);
        let found = |text: &str| {
            fs::write(&path, text).unwrap();
            last_line(&path).unwrap().map(|(line, end)| (String::from_utf8(line).unwrap(), end))
        };
        assert_eq!(found(""), None);
        assert_eq!(found("torn"), None);
        assert_eq!(found("one\n"), Some(("one".into(), 4)));
        assert_eq!(found("one\ntwo\nto"), Some(("two".into(), 8)));
        let long = "x".repeat(20_000);
        assert_eq!(found(&format!("one\n{long}\n{long}")), Some((long.clone(), 20_005)));
    }
}
