//! A host that is killed under load, several times: whatever it acknowledged is in the log.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use bytesize::ByteSize;

use super::{Entry, Index, Log, Tail, entry::tests::entry, verify};
use crate::config::audit::Audit;

/// Names the folder to the process that is killed.
const FOLDER: &str = "BULKHEAD_TEST_AUDIT_CRASH";

fn config(dir: &Path) -> Audit {
    Audit { max_bytes: ByteSize::kib(256), keep: 10_000, ..Audit::at(dir.to_owned()) }
}

/// What is killed: this test again, in another process. Prints each call that was acknowledged.
fn host(dir: &Path) {
    let log = Log::open(&config(dir)).unwrap();
    let _index = Index::start(&log).unwrap();
    let begin = log.head();
    thread::scope(|scope| {
        for worker in 0..8 {
            let log = &log;
            scope.spawn(move || {
                for n in 0.. {
                    let call = format!("{begin}-{worker}-{n}");
                    log.append(&entry(&call)).unwrap();
                    println!("\nacknowledged {call}");
                }
            });
        }
    });
}

/// Runs a host, kills it after so many calls, and returns those it acknowledged.
fn killed_after(calls: usize, dir: &Path) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "audit::crash::every_acknowledged_line_survives_a_kill", "--nocapture"])
        .env(FOLDER, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || {
        let lines = lines.by_ref().map(Result::unwrap);
        lines.into_iter().find_map(|line| line.strip_prefix("acknowledged ").map(str::to_owned))
    };
    let mut acknowledged: Vec<String> = (0..calls).map(|_| next().unwrap()).collect();
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    acknowledged.extend(std::iter::from_fn(next));
    acknowledged
}

#[test]
fn every_acknowledged_line_survives_a_kill() {
    if let Some(dir) = std::env::var_os(FOLDER) {
        return host(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("audit");
    let mut acknowledged = Vec::new();
    for calls in [1, 100, 1000, 3000, 500] {
        acknowledged.extend(killed_after(calls, &dir));
    }
    drop(Log::open(&config(&dir)).unwrap()); // cuts off what was torn
    let report = verify(&dir).unwrap();
    assert_eq!((report.fault, report.torn, report.lost), (None, false, 0));
    let (mut tail, mut line) = (Tail::after(&dir, 0), Vec::new());
    let mut logged = HashSet::new();
    while tail.read(&mut line).unwrap() {
        logged.insert(Entry::decode(&line).unwrap().call);
    }
    assert!(acknowledged.len() >= 4601);
    let lost: Vec<_> = acknowledged.iter().filter(|call| !logged.contains(*call)).collect();
    assert_eq!(lost, Vec::<&String>::new());
}
