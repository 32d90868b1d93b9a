//! The digests of component files, so that a reload reads only those that have changed.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::sandbox::digest;

/// Times of files advance in steps of some milliseconds; what was written within one looks unchanged. A file that was
/// touched this lately is read.
const STEP: Duration = Duration::from_secs(2);

/// The digests of files that were read.
#[derive(Debug, Default)]
pub struct Files(HashMap<PathBuf, (Stamp, Arc<str>)>);

/// What changes with every write to a file; links are followed, so a file that is swapped counts too. The time of the
/// last change cannot be set by programs, unlike that of the last modification.
type Stamp = (u64, u64, u64, i64, i64);

impl Files {
    /// The digest of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn digest(&mut self, path: &Path) -> Result<Arc<str>, String> {
        self.read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    }

    fn read(&mut self, path: &Path) -> io::Result<Arc<str>> {
        let before = stamp(&fs::metadata(path)?);
        if let Some((known, digest)) = self.0.get(path)
            && *known == before
        {
            return Ok(digest.clone());
        }
        let digest: Arc<str> = digest(&fs::read(path)?).into();
        if is_settled(before) && stamp(&fs::metadata(path)?) == before {
            self.0.insert(path.to_owned(), (before, digest.clone()));
        } else {
            self.0.remove(path);
        }
        Ok(digest)
    }

    /// Forgets all but these.
    pub fn keep(&mut self, paths: impl Fn(&Path) -> bool) {
        self.0.retain(|path, _| paths(path));
    }
}

fn stamp(file: &fs::Metadata) -> Stamp {
    (file.dev(), file.ino(), file.size(), file.ctime(), file.ctime_nsec())
}

fn is_settled((.., seconds, _): Stamp) -> bool {
    let changed = UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    SystemTime::now().duration_since(changed).is_ok_and(|age| age > STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_same_size_and_time_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.wasm");
        let mut files = Files::default();
        let digest_of = |text: &str| digest(text.as_bytes());
        for text in ["one", "two", "one"] {
            fs::write(&file, text).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
            fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
            assert_eq!(*files.digest(&file).unwrap(), *digest_of(text));
        }
        assert!(files.digest(&dir.path().join("b.wasm")).unwrap_err().contains("b.wasm cannot be read"));
    }

    #[test]
    fn a_file_that_was_left_alone_is_not_read_again() {
        let mut files = Files::default();
        let old = Path::new("/proc/self/exe"); // this test, built a while ago
        let (stamp, marked): (_, Arc<str>) = (stamp(&fs::metadata(old).unwrap()), "as before".into());
        files.0.insert(old.to_owned(), (stamp, marked.clone()));
        assert_eq!(files.digest(old).unwrap(), marked);
        files.keep(|path| path != old);
        assert_ne!(files.digest(old).unwrap(), marked);
    }
}
