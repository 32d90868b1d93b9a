//! Guests that look for files beside those they were given, or write more than they may.

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt, symlink},
    path::PathBuf,
};

use serde_json::json;

use super::{outgoing::strings, trial::Trial};

/// As Linux has them.
const O_NONBLOCK: i32 = 0o4000;
const ENXIO: i32 = 6;

/// A directory for a guest, and what is beside it.
struct Disk {
    root: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("data/sub")).unwrap();
        fs::write(root.path().join("data/own.txt"), "own").unwrap();
        fs::write(root.path().join("outside.txt"), "outside").unwrap();
        Self { root }
    }

    /// One whose directory for the guest has nothing in it.
    fn empty() -> Self {
        let disk = Self::new();
        fs::remove_dir_all(disk.data()).unwrap();
        fs::create_dir(disk.data()).unwrap();
        disk
    }

    fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    fn outside(&self) -> PathBuf {
        self.root.path().join("outside.txt")
    }

    /// A guest that is given the directory; `how` is what else the grant says.
    fn tried_by(&self, guest: &str, how: &str) -> Trial {
        let config = format!("guest: {guest}, outside: '{}'", self.outside().display());
        let rest = format!("files: [{{ path: '{}', at: /data, {how} }}]", self.data().display());
        Trial::with(&config, &rest)
    }

    /// What is there, with the lengths of files.
    fn listed(&self) -> Vec<(String, u64)> {
        let mut listed = Vec::new();
        for dir in [self.root.path().to_owned(), self.data()] {
            for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
                let length = entry.metadata().unwrap();
                let length = if length.is_file() { length.len() } else { 0 };
                listed.push((entry.file_name().into_string().unwrap(), length));
            }
        }
        listed.sort();
        listed
    }
}

/// The words of WASI for "this is not yours".
#[track_caller]
fn all_shut(outcomes: &[String]) {
    for outcome in outcomes {
        let shut = ["not-permitted", "access", "read-only", "bad-descriptor"];
        assert!(shut.contains(&outcome.as_str()), "{outcomes:?}");
    }
}

/// Nothing `guest` tries is let through, and the disk is afterwards as it was.
async fn shut_out(disk: &Disk, guest: &str, how: &str, count: usize) {
    let before = disk.listed();
    let outcomes = disk.tried_by(guest, how).outcomes(json!({})).await;
    assert_eq!(outcomes.len(), count);
    all_shut(&outcomes);
    assert_eq!(disk.listed(), before);
    assert_eq!(fs::read_to_string(disk.outside()).unwrap(), "outside");
}

pub(super) async fn read_without_grant() {
    let trial = Trial::of("read_without_grant", "");
    let seen = trial.structured(json!({})).await;
    assert_eq!(seen, json!({ "directories": 0, "found": [], "written": false }));
}

pub(super) async fn dot_dot() {
    shut_out(&Disk::new(), "dot_dot", "write: false", 6).await;
    shut_out(&Disk::new(), "dot_dot", "write: true", 6).await;
}

pub(super) async fn absolute_path() {
    shut_out(&Disk::new(), "absolute_path", "write: false", 6).await;
}

pub(super) async fn symlink_out() {
    let disk = Disk::new();
    let data = disk.data();
    symlink(disk.outside(), data.join("file-link")).unwrap();
    symlink(disk.root.path(), data.join("directory-link")).unwrap();
    symlink("file-link", data.join("link-to-link")).unwrap();
    symlink("../../outside.txt", data.join("sub/relative-link")).unwrap();
    shut_out(&disk, "symlink_out", "write: false", 4).await;
}

pub(super) async fn make_symlink_out() {
    let disk = Disk::new();
    let trial = disk.tried_by("make_symlink_out", "write: true, quota: 1MiB");
    let seen = trial.structured(json!({})).await;
    // A link that could not be made is not there; one that could is not followed.
    for outcome in [strings(&seen["read"]), strings(&seen["made"])].concat() {
        assert!(["not-permitted", "access", "no-entry"].contains(&outcome.as_str()), "{seen}");
    }
    assert_eq!(fs::read_to_string(disk.outside()).unwrap(), "outside");
    assert!(!disk.root.path().join("attack").exists());
}

pub(super) async fn write_read_only() {
    let disk = Disk::new();
    let before = disk.listed();
    let mut outcomes = disk.tried_by("write_read_only", "write: false").outcomes(json!({})).await;
    assert_eq!(outcomes.remove(0), "own", "reading is what it may");
    assert_eq!(outcomes.len(), 15);
    all_shut(&outcomes);
    assert_eq!(disk.listed(), before);
    assert_eq!(fs::read_to_string(disk.data().join("own.txt")).unwrap(), "own");
}

pub(super) async fn hard_link_out() {
    let disk = Disk::new();
    symlink(disk.root.path(), disk.data().join("directory-link")).unwrap();
    shut_out(&disk, "hard_link_out", "write: true, quota: 1MiB", 6).await;
}

pub(super) async fn fill_the_disk() {
    let disk = Disk::empty();
    let trial = disk.tried_by("fill_the_disk", "write: true, quota: 256KiB");
    let seen = trial.structured(json!({})).await;
    assert_eq!([&seen["full"], &seen["resized"], &seen["far"]], ["quota"; 3].map(|q| json!(q)).each_ref());
    assert!(seen["streamed"].is_string(), "{seen}");
    let written = seen["written"].as_u64().unwrap();
    assert!((128 << 10..=256 << 10).contains(&written), "{seen}");
    let total: u64 = disk.listed().iter().map(|(_, length)| length).sum();
    assert!(total <= (256 << 10) + "outside".len() as u64, "{:?}", disk.listed());
}

pub(super) async fn many_files() {
    let disk = Disk::empty();
    let trial = disk.tried_by("many_files", "write: true, quota: 64KiB");
    // Each counts as a block of 4 KiB.
    let expected = json!({ "files": 16, "full": "quota", "directory": "quota" });
    assert_eq!(trial.structured(json!({})).await, expected);
    assert_eq!(fs::read_dir(disk.data()).unwrap().count(), 16);
}

/// What is open and has no name any more takes as much room as what has one.
pub(super) async fn unlink_and_write() {
    let disk = Disk::empty();
    let trial = disk.tried_by("unlink_and_write", "write: true, quota: 256KiB");
    let seen = trial.structured(json!({})).await;
    assert!(seen["held"].as_u64().unwrap() <= 256 << 10, "{seen}");
    assert_eq!(fs::read_dir(disk.data()).unwrap().count(), 0);
}

/// Whether or not it gets an answer: nothing of the host goes on waiting for the pipe when the call is over.
pub(super) async fn read_fifo() {
    let disk = Disk::new();
    let pipe = disk.data().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let grant = format!("files: [{{ path: '{}', at: /data, write: false }}]", disk.data().display());
    let trial = Trial::with("guest: read_fifo", &format!("{grant}, limits: {{ deadline: 500ms }}"));
    let ended = trial.beside(trial.client.call("attack_run", json!({}))).await;
    trial.honest("attack", 1).await;
    // Opening it for writing without waiting works only while somebody reads.
    let reader = fs::OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(&pipe);
    assert_eq!(reader.map_err(|error| error.raw_os_error()).err(), Some(Some(ENXIO)), "{ended}");
}
