//! Tells when files change, through the system's own notifications. Folders are watched, not files: editors and
//! Kubernetes replace files, and the latter by swapping a symbolic link to their folder.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, DataChange, ModifyKind},
};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::config::files::Named;

/// What is written in several steps (a file and then its name, say) counts as one change.
const TOGETHER: Duration = Duration::from_millis(10);
/// A file that was written to and not closed is waited for this long: it may be half written.
const WRITING: Duration = Duration::from_millis(500);
/// However much changes, what has changed so far is looked at after this long.
const AT_LAST: Duration = Duration::from_secs(2);
/// A granted folder with more folders in it is watched in part: each takes one of the system's watches.
const MOST_FOLDERS: usize = 1024;
/// Links that lead on from one path; more are a circle (Linux allows as many).
const LINKS: usize = 40;

/// Watches files.
#[derive(Debug)]
pub struct Watch {
    watcher: RecommendedWatcher,
    /// The folders that are watched, and which folder that was when it began.
    folders: BTreeMap<PathBuf, Option<(u64, u64)>>,
    seen: Arc<Mutex<Seen>>,
    events: watch::Receiver<u64>,
}

/// What is looked for, and what was seen of it.
#[derive(Debug, Default)]
struct Seen {
    paths: HashSet<PathBuf>,
    folder: Option<PathBuf>,
    /// The folders whose every file counts, by the name they were given.
    trees: BTreeMap<PathBuf, Tree>,
    /// Those of them in which something has changed.
    touched: BTreeSet<PathBuf>,
    /// Files that were written to and not closed since.
    open: HashSet<PathBuf>,
}

/// A folder with all that is in it.
#[derive(Debug, Default, PartialEq)]
struct Tree {
    /// The links on the way to it, and where they lead.
    trail: Vec<PathBuf>,
    /// The folder itself and those in it. Links are not followed: guests cannot follow them out of it either.
    folders: HashSet<PathBuf>,
}

impl Tree {
    /// The tree at a path, without what is in `apart`.
    fn new(path: &Path, apart: &HashSet<PathBuf>) -> Self {
        let trail = trail(path);
        let (mut folders, mut left) = (HashSet::new(), Vec::from_iter(trail.last().cloned()));
        while let Some(folder) = left.pop() {
            if folders.len() == MOST_FOLDERS {
                tracing::warn!(
                    folder = %path.display(),
                    "it has more than {MOST_FOLDERS} folders in it; changes in some are not noticed, SIGHUP reloads"
                );
                break;
            }
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            let inside = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            left.extend(inside.map(|entry| entry.path()).filter(|inside| !apart.contains(inside)));
            folders.insert(folder);
        }
        Self { trail, folders }
    }

    fn concerns(&self, path: &PathBuf) -> bool {
        self.trail.contains(path)
            || self.folders.contains(path)
            || path.parent().is_some_and(|parent| self.folders.contains(parent))
    }
}

impl Watch {
    /// A watch of nothing yet.
    ///
    /// # Errors
    /// When the system has no more watches to give.
    pub fn new() -> Result<Self, String> {
        let seen = Arc::<Mutex<Seen>>::default();
        let (sender, events) = watch::channel(0_u64);
        let noting = seen.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let changed = match event {
                Ok(event) => lock(&noting).note(&event),
                Err(error) => {
                    tracing::warn!(%error, "a change of a file may have been missed; SIGHUP reloads");
                    true
                }
            };
            if changed {
                sender.send_modify(|events| *events += 1);
            }
        });
        let watcher = watcher.map_err(|error| error.to_string())?;
        Ok(Self { watcher, folders: BTreeMap::new(), seen, events })
    }

    /// Watches these, and nothing else any more. Whether there was something among them that was not watched: it may
    /// have changed before.
    pub fn look_at(&mut self, named: &Named) -> bool {
        let mut paths: HashSet<PathBuf> = named.files.iter().flat_map(|file| trail(file)).collect();
        let folder = named.folder.as_ref().map(|folder| {
            let trail = trail(folder);
            let folder = trail.last().cloned().unwrap_or_default();
            paths.extend(trail);
            folder
        });
        let real = |path: &PathBuf| trail(path).last().cloned();
        let apart: HashSet<PathBuf> = named.written.iter().filter_map(real).collect();
        let tree = |path: &PathBuf| (path.clone(), Tree::new(path, &apart));
        let trees: BTreeMap<PathBuf, Tree> = named.read.iter().map(tree).collect();
        paths.extend(trees.values().flat_map(|tree| tree.trail.iter().cloned()));
        let mut folders: BTreeSet<PathBuf> = paths.iter().filter_map(|path| parent(path)).collect();
        // A folder that is replaced is seen from the one above it.
        let above: Vec<PathBuf> = folders.iter().filter_map(|folder| parent(folder)).collect();
        paths.extend(folders.iter().cloned());
        folders.extend(above);
        folders.extend(folder.clone());
        folders.extend(trees.values().flat_map(|tree| tree.folders.iter().cloned()));
        let new = {
            let mut seen = lock(&self.seen);
            let new = seen.folder != folder || !paths.is_subset(&seen.paths);
            // In what was not watched something may have changed before.
            let known = |(path, tree): &(&PathBuf, &Tree)| seen.trees.get(*path) != Some(*tree);
            let other: Vec<PathBuf> = trees.iter().filter(known).map(|(path, _)| path.clone()).collect();
            seen.touched.extend(other);
            (seen.paths, seen.folder, seen.trees) = (paths, folder, trees);
            new
        };
        self.watch(folders) || new
    }

    /// Watches these folders, each as it is now. Whether one of them is new.
    fn watch(&mut self, folders: BTreeSet<PathBuf>) -> bool {
        let mut new = false;
        for gone in self.folders.keys().filter(|known| !folders.contains(*known)) {
            // It fails for a folder that is not there any more.
            let _ = self.watcher.unwatch(gone);
        }
        self.folders.retain(|known, _| folders.contains(known));
        for folder in folders {
            let now = fs::metadata(&folder).ok().map(|folder| (folder.dev(), folder.ino()));
            if self.folders.get(&folder) == Some(&now) {
                continue;
            }
            if self.folders.contains_key(&folder) {
                let _ = self.watcher.unwatch(&folder);
            }
            if now.is_some() {
                new = true;
                if let Err(error) = self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                    tracing::warn!(
                        folder = %folder.display(), %error,
                        "changes in this folder cannot be noticed; SIGHUP reloads"
                    );
                }
            }
            self.folders.insert(folder, now);
        }
        new
    }

    /// The folders in which something has changed since this was asked.
    pub fn touched(&self) -> BTreeSet<PathBuf> {
        std::mem::take(&mut lock(&self.seen).touched)
    }

    /// Waits for a change, and for what belongs to it.
    pub async fn changed(&mut self) {
        // The sender lives as long as the watcher.
        let _ = self.events.changed().await;
        let at_last = Instant::now() + AT_LAST;
        loop {
            let quiet = if lock(&self.seen).open.is_empty() { TOGETHER } else { WRITING };
            let until = (Instant::now() + quiet).min(at_last);
            if timeout_at(until, self.events.changed()).await.is_err() {
                lock(&self.seen).open.clear();
                return;
            }
        }
    }
}

impl Seen {
    /// Whether an event is about what is looked for.
    fn note(&mut self, event: &Event) -> bool {
        let (writing, closed) = match event.kind {
            // Reading changes nothing, and the host reads these files itself.
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => (false, true),
            EventKind::Access(_) => return false,
            EventKind::Modify(ModifyKind::Data(DataChange::Any | DataChange::Content)) => (true, false),
            EventKind::Create(_) => (event.paths.iter().any(|path| begins(path)), false),
            EventKind::Any | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => (false, false),
        };
        let about: Vec<&PathBuf> = event.paths.iter().filter(|path| self.concerns(path)).collect();
        let any = !about.is_empty() || event.need_rescan();
        let in_tree = |tree: &Tree| event.need_rescan() || event.paths.iter().any(|path| tree.concerns(path));
        let touched = self.trees.iter().filter(|(_, tree)| in_tree(tree)).map(|(path, _)| path.clone());
        self.touched.extend(touched);
        for path in about.into_iter().cloned().collect::<Vec<_>>() {
            if writing {
                self.open.insert(path);
            } else if closed {
                self.open.remove(&path);
            }
        }
        any
    }

    fn concerns(&self, path: &PathBuf) -> bool {
        let dropped = || {
            let folder = path.parent().is_some_and(|parent| Some(parent) == self.folder.as_deref());
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            folder && (name.ends_with(".wasm") || name.ends_with(".wasm.sig.json"))
        };
        self.paths.contains(path)
            || self.folder.as_ref() == Some(path)
            || dropped()
            || self.trees.values().any(|tree| tree.concerns(path))
    }
}

/// Whether what was created is a file that somebody is about to write. Links come with what is in them.
fn begins(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.nlink() == 1)
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn parent(path: &Path) -> Option<PathBuf> {
    path.parent().map(Path::to_owned)
}

/// Every path whose change may change what is found at `path`: the links on the way to it, and where they lead. Where
/// the way ends before, the first thing that is missing.
fn trail(path: &Path) -> Vec<PathBuf> {
    let Ok(path) = std::path::absolute(path) else { return Vec::new() };
    let mut left: Vec<PathBuf> = components(&path);
    let (mut here, mut trail, mut links) = (PathBuf::new(), Vec::new(), 0);
    while let Some(next) = left.pop() {
        match next.components().next() {
            Some(Component::ParentDir) => {
                here.pop();
                continue;
            }
            Some(Component::RootDir | Component::Prefix(_)) => {
                here = next;
                continue;
            }
            _ => here.push(next),
        }
        let Ok(found) = fs::symlink_metadata(&here) else { break };
        if found.is_symlink() && links < LINKS {
            let Ok(target) = fs::read_link(&here) else { break };
            links += 1;
            trail.push(here.clone());
            here.pop();
            left.extend(components(&target));
        }
    }
    trail.push(here);
    trail
}

/// The parts of a path, the first one last.
fn components(path: &Path) -> Vec<PathBuf> {
    let parts = path.components().filter(|part| !matches!(part, Component::CurDir));
    parts.rev().map(|part| PathBuf::from(part.as_os_str())).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A temporary folder by its real name.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        (dir, path)
    }

    fn looking_at(files: &[PathBuf], folder: Option<&Path>) -> Watch {
        let mut watch = Watch::new().unwrap();
        let files = files.iter().cloned().collect();
        let named = Named { files, folder: folder.map(Path::to_owned), ..Named::default() };
        assert!(watch.look_at(&named));
        assert!(!watch.look_at(&named), "nothing is new the second time");
        watch
    }

    #[test]
    fn a_trail_names_every_link() {
        let (_dir, dir) = folder();
        fs::create_dir(dir.join("..v1")).unwrap();
        fs::write(dir.join("..v1/config"), "").unwrap();
        symlink("..v1", dir.join("..data")).unwrap();
        symlink("..data/config", dir.join("config")).unwrap();
        let expected = ["config", "..data", "..v1/config"].map(|name| dir.join(name));
        assert_eq!(trail(&dir.join("config")), expected);
        assert_eq!(trail(&dir.join("not/there")), [dir.join("not")]);
        symlink("round", dir.join("round")).unwrap();
        assert!(trail(&dir.join("round")).len() <= LINKS + 1);
    }

    #[tokio::test]
    async fn a_file_that_is_written_or_replaced_or_removed_is_told() {
        let (_dir, dir) = folder();
        let file = dir.join("a.yaml");
        let mut watch = looking_at(std::slice::from_ref(&file), None);
        fs::write(&file, "1").unwrap();
        watch.changed().await;
        fs::write(dir.join("b"), "2").unwrap();
        fs::rename(dir.join("b"), &file).unwrap();
        watch.changed().await;
        fs::remove_file(&file).unwrap();
        watch.changed().await;
    }

    #[tokio::test]
    async fn a_swapped_link_is_told_and_so_is_what_comes_after_it() {
        let (_dir, dir) = folder();
        for version in ["..v1", "..v2"] {
            fs::create_dir(dir.join(version)).unwrap();
            fs::write(dir.join(version).join("config"), version).unwrap();
        }
        symlink("..v1", dir.join("..data")).unwrap();
        symlink("..data/config", dir.join("config")).unwrap();
        let mut watch = looking_at(&[dir.join("config")], None);
        symlink("..v2", dir.join("..new")).unwrap();
        fs::rename(dir.join("..new"), dir.join("..data")).unwrap();
        watch.changed().await;
        let named = Named { files: [dir.join("config")].into(), ..Named::default() };
        assert!(watch.look_at(&named));
        fs::write(dir.join("..v2/config"), "edited in place").unwrap();
        watch.changed().await;
    }

    #[tokio::test]
    async fn a_folder_that_is_made_anew_is_watched_again() {
        let (_dir, dir) = folder();
        let (sub, file) = (dir.join("sub"), dir.join("sub/a"));
        fs::create_dir(&sub).unwrap();
        let mut watch = looking_at(std::slice::from_ref(&file), None);
        fs::remove_dir(&sub).unwrap();
        watch.changed().await;
        let named = Named { files: [file.clone()].into(), ..Named::default() };
        watch.look_at(&named);
        fs::create_dir(&sub).unwrap();
        watch.changed().await;
        assert!(watch.look_at(&named));
        fs::write(&file, "").unwrap();
        watch.changed().await;
    }

    #[tokio::test]
    async fn a_change_anywhere_in_a_folder_that_is_read_is_told_and_where_it_was() {
        let (_dir, dir) = folder();
        for sub in ["read/sub", "read/own", "other"] {
            fs::create_dir_all(dir.join(sub)).unwrap();
        }
        symlink("read", dir.join("link")).unwrap();
        let named = Named {
            read: [dir.join("link"), dir.join("other")].into(),
            written: [dir.join("read/own")].into(),
            ..Named::default()
        };
        let mut watch = Watch::new().unwrap();
        watch.look_at(&named);
        let link: BTreeSet<PathBuf> = [dir.join("link")].into();
        assert_eq!(
            watch.touched(),
            [dir.join("link"), dir.join("other")].into(),
            "who knows what was before"
        );
        for change in [dir.join("read/a"), dir.join("read/sub/a")] {
            fs::write(change, "1").unwrap();
            watch.changed().await;
            assert_eq!(watch.touched(), link);
        }
        // A folder that is new is looked into from now on, and what is in it already counts.
        fs::create_dir(dir.join("read/new")).unwrap();
        watch.changed().await;
        watch.touched();
        watch.look_at(&named);
        assert_eq!(watch.touched(), link);
        watch.look_at(&named);
        assert_eq!(watch.touched(), BTreeSet::new(), "nothing is new the second time");
        fs::write(dir.join("read/new/a"), "1").unwrap();
        watch.changed().await;
        assert_eq!(watch.touched(), link);
        // What a service writes is its own doing; the next change that is told is the one after it.
        fs::write(dir.join("read/own/a"), "1").unwrap();
        fs::write(dir.join("other/a"), "1").unwrap();
        watch.changed().await;
        assert_eq!(watch.touched(), [dir.join("other")].into());
        // The link leads elsewhere.
        fs::remove_file(dir.join("link")).unwrap();
        watch.changed().await;
        assert_eq!(watch.touched(), link);
    }

    #[test]
    fn a_new_file_is_open_until_it_is_closed_and_a_new_link_is_not() {
        let (_dir, dir) = folder();
        let mut seen = Seen { folder: Some(dir.clone()), ..Seen::default() };
        let [file, hard, soft] = ["a.wasm", "b.wasm", "c.wasm"].map(|name| dir.join(name));
        let mut note = |kind, path: &Path| {
            assert!(seen.note(&Event::new(kind).add_path(path.to_owned())));
            seen.open.clone()
        };
        let created = EventKind::Create(notify::event::CreateKind::File);
        fs::write(&file, "").unwrap();
        assert_eq!(note(created, &file), [file.clone()].into());
        assert_eq!(note(EventKind::Access(AccessKind::Close(AccessMode::Write)), &file), [].into());
        fs::hard_link(&file, &hard).unwrap();
        symlink(&file, &soft).unwrap();
        assert_eq!(note(created, &hard), [].into());
        assert_eq!(note(created, &soft), [].into());
    }

    #[test]
    fn what_nobody_asked_for_is_not_told() {
        let path = |name: &str| PathBuf::from("/d").join(name);
        let mut seen =
            Seen { paths: [path("a.yaml")].into(), folder: Some("/d/components".into()), ..Seen::default() };
        let mut note = |kind, name: &str| seen.note(&Event::new(kind).add_path(path(name)));
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert!(note(written, "a.yaml") && note(written, "components/x.wasm"));
        assert!(!note(written, "b.yaml") && !note(written, "components/x.wasm.part"));
        assert!(note(EventKind::Create(notify::event::CreateKind::File), "components/y.wasm.sig.json"));
        assert!(!note(EventKind::Access(AccessKind::Open(AccessMode::Any)), "a.yaml"));
        assert!(note(EventKind::Access(AccessKind::Close(AccessMode::Write)), "a.yaml"));
        assert_eq!(seen.open, [path("components/x.wasm")].into(), "it was not closed");
    }
}
