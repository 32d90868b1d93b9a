//! What a component is made from: the files of its project, and when each was written. What building leaves in the
//! project is none of them, so that a build is never the reason for the next.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Folders that tools make. Those whose name begins with a dot are passed over as well.
const MADE: [&str; 5] = ["__pycache__", "build", "dist", "node_modules", "target"];
/// Files that a build may write, or the host that serves it.
const WRITTEN: [&str; 2] = ["Cargo.lock", "bulkhead.lock"];

/// The files of a project at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    files: BTreeMap<PathBuf, (Option<SystemTime>, u64)>,
    /// Folders of the project that were passed over.
    pub(super) passed_over: BTreeSet<PathBuf>,
}

impl Sources {
    /// Those in `dir` but for its configuration, and those `elsewhere` that it was built from.
    pub(super) fn of(dir: &Path, config: &Path, elsewhere: &BTreeSet<PathBuf>) -> Self {
        let mut sources = Self::default();
        sources.gather(dir);
        sources.files.remove(config);
        elsewhere.iter().for_each(|file| sources.add(file.clone()));
        sources
    }

    fn gather(&mut self, dir: &Path) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let hidden = name.starts_with('.');
            // Links to folders are not followed: what is behind one is somebody else's.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if hidden || MADE.contains(&&*name) {
                    self.passed_over.insert(path);
                } else {
                    self.gather(&path);
                }
                continue;
            }
            // What editors keep beside a file, what this program says if that is kept here, and the component itself.
            let other = hidden || ["~", ".log", ".wasm"].iter().any(|end| name.ends_with(*end));
            if !other && !WRITTEN.contains(&&*name) {
                self.add(path);
            }
        }
    }

    fn add(&mut self, file: PathBuf) {
        let about = fs::metadata(&file).ok();
        let written = about.as_ref().and_then(|about| about.modified().ok());
        self.files.insert(file, (written, about.map_or(0, |about| about.len())));
    }

    /// The files that were not there before or not as they are, and those that are gone.
    pub(super) fn changed_since<'a>(&'a self, before: &'a Self) -> Vec<&'a Path> {
        let new = self.files.iter().filter(|(file, about)| before.files.get(*file) != Some(*about));
        let gone = before.files.keys().filter(|file| !self.files.contains_key(*file));
        new.map(|(file, _)| file).chain(gone).map(PathBuf::as_path).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_somebody_writes_counts() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let write = |file: &str, text: &str| {
            let file = dir.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("src/lib.rs", "1");
        write("dev.yaml", "1");
        let (config, none) = (dir.join("dev.yaml"), BTreeSet::new());
        let before = Sources::of(dir, &config, &none);
        let left = [
            "target/x",
            "a.wasm",
            "Cargo.lock",
            "bulkhead.lock",
            "dev.log",
            "src/lib.rs~",
            "src/.lib.rs.swp",
            ".venv/x",
            "dev.yaml",
        ];
        left.iter().for_each(|file| write(file, "made"));
        let after = Sources::of(dir, &config, &none);
        assert_eq!(after.changed_since(&before), Vec::<&Path>::new());
        assert_eq!(after.passed_over, [dir.join("target"), dir.join(".venv")].into());

        write("src/lib.rs", "12");
        write("src/new.rs", "");
        let after = Sources::of(dir, &config, &none);
        assert_eq!(after.changed_since(&before), [dir.join("src/lib.rs"), dir.join("src/new.rs")]);
        fs::remove_file(dir.join("src/new.rs")).unwrap();
        let gone = Sources::of(dir, &config, &none);
        assert_eq!(gone.changed_since(&after), [dir.join("src/new.rs")]);
    }

    #[test]
    fn a_file_elsewhere_counts_when_the_component_is_made_from_it() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let elsewhere = BTreeSet::from([other.path().join("lib.rs")]);
        let of = || Sources::of(dir.path(), Path::new(""), &elsewhere);
        let before = of();
        fs::write(other.path().join("lib.rs"), "1").unwrap();
        assert_eq!(of().changed_since(&before), [other.path().join("lib.rs")]);
    }
}
