//! Appending from many threads, files that fill up, disks that do, and what an earlier host left.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use bytesize::ByteSize;

use super::*;
use crate::audit::{Report, Tail, entry::tests::entry, segment::Sink, verify};

fn config(dir: &Path) -> Audit {
    Audit::at(dir.join("audit"))
}

/// The calls in the log, in order.
#[track_caller]
fn calls(dir: &Path) -> Vec<String> {
    let mut tail = Tail::after(dir, 0);
    let (mut line, mut calls) = (Vec::new(), Vec::new());
    while tail.read(&mut line).unwrap() {
        calls.push(Entry::decode(&line).unwrap().call);
    }
    calls
}

#[track_caller]
fn sound(dir: &Path) -> Report {
    let report = verify(dir).unwrap();
    assert_eq!((&report.fault, report.torn), (&None, false));
    report
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn ten_thousand_lines_of_many_threads_are_one_sound_chain() {
    let dir = tempfile::tempdir().unwrap();
    let config = Audit { max_bytes: ByteSize::kib(512), keep: 1000, ..config(dir.path()) };
    let log = Log::open(&config).unwrap();
    thread::scope(|scope| {
        for worker in 0..16 {
            let log = &log;
            scope.spawn(move || {
                for n in 0..625 {
                    log.append(&entry(&format!("{worker}-{n}"))).unwrap();
                }
            });
        }
    });
    assert_eq!((log.head(), log.dropped()), (10_000, 0));
    let report = sound(&config.dir);
    assert_eq!((report.first, report.last, report.lines, report.lost), (1, 10_000, 10_000, 0));
    assert!(report.files > 10, "{}", report.files);
    let mut found = calls(&config.dir);
    let of_one: Vec<_> = found.iter().filter(|call| call.starts_with("3-")).cloned().collect();
    assert_eq!(of_one, (0..625).map(|n| format!("3-{n}")).collect::<Vec<_>>());
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 10_000);
}

#[test]
fn a_log_that_is_opened_again_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let config = Audit { sync: true, ..config(dir.path()) };
    for n in 1..=3 {
        let log = Log::open(&config).unwrap();
        log.append(&entry(&n.to_string())).unwrap();
        assert_eq!(log.head(), n);
    }
    assert_eq!(calls(&config.dir), ["1", "2", "3"]);
    assert_eq!(sound(&config.dir).files, 1);
}

#[test]
fn old_files_are_given_up_and_the_chain_stays_sound() {
    let dir = tempfile::tempdir().unwrap();
    let config = Audit { max_bytes: ByteSize::b(1700), keep: 3, ..config(dir.path()) };
    let log = Log::open(&config).unwrap();
    for n in 1..=20 {
        log.append(&entry(&n.to_string())).unwrap();
    }
    assert_eq!(segment::list(&config.dir).unwrap(), [15, 17, 19]);
    let report = sound(&config.dir);
    assert_eq!((report.files, report.first, report.last), (3, 15, 20));
    for first in [15, 17, 19] {
        assert!(fs::metadata(segment::path(&config.dir, first)).unwrap().len() <= 1700);
    }
}

#[test]
fn only_this_user_can_read_it_and_one_host_at_a_time_write_it() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let log = Log::open(&config).unwrap();
    log.append(&entry("1")).unwrap();
    assert_eq!((mode(&config.dir), mode(&segment::path(&config.dir, 1))), (0o700, 0o600));
    let second = Log::open(&config).unwrap_err().to_string();
    assert!(
        second.ends_with("is the audit log of another host that is running; give each its own `audit.dir`")
    );
    drop(log);
    Log::open(&config).unwrap();
    fs::set_permissions(&config.dir, fs::Permissions::from_mode(0o770)).unwrap();
    let open = Log::open(&config).unwrap_err().to_string();
    assert!(open.ends_with("others may write to it (mode 770); `chmod 700` it"), "{open}");
}

#[test]
fn a_torn_line_is_cut_off_and_a_changed_one_is_not_built_upon() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let append = |call: &str| Log::open(&config).unwrap().append(&entry(call)).unwrap();
    append("1");
    let first = segment::path(&config.dir, 1);
    let whole = fs::read(&first).unwrap();
    for torn in [&b"{"[..], &whole[..whole.len() - 1], &[0; 10_000]] {
        fs::write(&first, [&whole, torn].concat()).unwrap();
        assert!(verify(&config.dir).unwrap().torn);
        append("2");
        assert_eq!(calls(&config.dir), ["1", "2"]);
        sound(&config.dir);
    }
    // A file that was made and got no whole line.
    fs::write(segment::path(&config.dir, 3), "{").unwrap();
    append("3");
    assert_eq!(sound(&config.dir).files, 1);
    let text = fs::read_to_string(&first).unwrap();
    fs::write(&first, text.replace(r#""call":"3""#, r#""call":"4""#)).unwrap();
    let error = Log::open(&config).unwrap_err().to_string();
    assert!(error.contains("holds a line that was changed: `bulkhead audit verify` says more"), "{error}");
}

/// A file on a disk with room for so many bytes more.
struct Small(fs::File, Arc<AtomicU64>);

impl Write for Small {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.1.load(Ordering::SeqCst);
        let fits = usize::try_from(room).unwrap().min(bytes.len());
        if fits == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let put = self.0.write(&bytes[..fits])?;
        self.1.fetch_sub(put as u64, Ordering::SeqCst);
        Ok(put)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Small {
    fn cut(&self, len: u64) -> io::Result<()> {
        let freed = self.0.metadata()?.len().saturating_sub(len);
        self.0.set_len(len)?;
        self.1.fetch_add(freed, Ordering::SeqCst);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn on_a_small_disk(config: &Audit, room: u64) -> (Log, Arc<AtomicU64>) {
    let room = Arc::new(AtomicU64::new(room));
    let shared = room.clone();
    let open = move |path: &Path| {
        let file = fs::File::options().append(true).create(true).open(path)?;
        Ok(Box::new(Small(file, shared.clone())) as Box<dyn Sink>)
    };
    (Log::open_with(config, Box::new(open)).unwrap(), room)
}

#[test]
fn a_full_disk_refuses_calls_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let (log, room) = on_a_small_disk(&config, 1000);
    log.append(&entry("1")).unwrap();
    assert!(log.ready().is_ok());
    for _ in 0..2 {
        let error = log.append(&entry("lost")).unwrap_err().to_string();
        assert!(error.starts_with("the audit log cannot be written ("), "{error}");
        assert!(error.ends_with("make room, or set `audit.on_failure: drop`"), "{error}");
        assert!(log.ready().is_err());
    }
    // What was half written is gone, and nobody saw it.
    assert_eq!(calls(&config.dir), ["1"]);
    room.store(100_000, Ordering::SeqCst);
    log.ready().unwrap();
    log.append(&entry("2")).unwrap();
    assert_eq!((log.dropped(), log.head()), (2, 2));
    assert_eq!(calls(&config.dir), ["1", "2"]);
    assert_eq!(sound(&config.dir).lost, 2);
}

#[test]
fn a_write_that_succeeds_ends_the_refusal_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let (log, room) = on_a_small_disk(&config(dir.path()), 0);
    log.append(&entry("lost")).unwrap_err();
    room.store(1000, Ordering::SeqCst); // too little for the probe
    assert!(log.ready().is_err());
    log.append(&entry("1")).unwrap();
    assert!(log.ready().is_ok());
}

#[test]
fn a_full_disk_drops_lines_and_counts_them_if_so_configured() {
    let dir = tempfile::tempdir().unwrap();
    let config = Audit { on_failure: OnFailure::Drop, max_bytes: ByteSize::b(1500), ..config(dir.path()) };
    let (log, room) = on_a_small_disk(&config, 1400);
    for n in 1..=5 {
        log.append(&entry(&n.to_string())).unwrap();
        assert!(log.ready().is_ok());
    }
    assert_eq!((log.dropped(), log.head()), (3, 2));
    room.store(100_000, Ordering::SeqCst);
    log.append(&entry("6")).unwrap();
    log.append(&entry("7")).unwrap();
    assert_eq!(calls(&config.dir), ["1", "2", "6", "7"]);
    assert_eq!(sound(&config.dir).lost, 3);
}
