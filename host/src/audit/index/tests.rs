//! Questions, and an index that is behind, gone, damaged, or another's.

use std::{fs, sync::Mutex};

use bytesize::ByteSize;

use super::*;
use crate::{
    audit::{Decision, Entry, Whose, entry::tests::entry},
    config::audit::Audit,
};

fn config(dir: &Path) -> Audit {
    Audit::at(dir.join("audit"))
}

fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

/// The calls that are found, and the cursor.
async fn ask(index: &Index, filter: Filter) -> (Vec<String>, Option<u64>) {
    let found = Arc::new(Mutex::new(Vec::new()));
    let seen = found.clone();
    let each = move |line: &str| {
        seen.lock().unwrap().push(Entry::decode(line.as_bytes()).unwrap().call);
        ControlFlow::Continue(())
    };
    let next = index.query(filter, each).await.unwrap();
    (std::mem::take(&mut found.lock().unwrap()), next)
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// As a host does that starts for the first time.
#[tokio::test]
async fn a_log_without_a_line_can_be_asked_at_once() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::open(&config(dir.path())).unwrap();
        let index = Index::start(&log).unwrap();
        index.caught_up_to(log.head()).await.unwrap();
        assert!(index.calls_since(at(0)).await.is_ok());
    }
}

#[tokio::test]
async fn lines_are_found_by_all_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(&config(dir.path())).unwrap();
    let index = Index::start(&log).unwrap();
    let call = |n: u64| Entry { time: at(n), ..entry(&n.to_string()) };
    log.append(&call(1)).unwrap();
    log.append(&Entry { caller: "bob".into(), ..call(2) }).unwrap();
    log.append(&Entry { tenant: "other".into(), service: None, ..call(3) }).unwrap();
    log.append(&Entry { tool: "t".into(), outcome: "denied".into(), decision: Decision::Denied, ..call(4) })
        .unwrap();
    let none = Filter::default;
    for (filter, expected) in [
        (none(), &["4", "3", "2", "1"][..]),
        (Filter { caller: text("bob"), ..none() }, &["2"]),
        (Filter { tenant: text("other"), ..none() }, &["3"]),
        (Filter { service: text("prometheus"), ..none() }, &["4", "2", "1"]),
        (Filter { tool: text("t"), ..none() }, &["4"]),
        (Filter { outcome: text("ok"), tenant: text("acme"), ..none() }, &["2", "1"]),
        (Filter { since: Some(at(2)), until: Some(at(4)), ..none() }, &["3", "2"]),
        (Filter { before: Some(2), ..none() }, &["1"]),
        (Filter { tenant: text("' OR 1=1"), ..none() }, &[]),
    ] {
        assert_eq!(ask(&index, filter).await, (expected.iter().map(|&s| s.to_owned()).collect(), None));
    }
    let (page, next) = ask(&index, Filter { limit: 3, ..none() }).await;
    assert_eq!((page.len(), next), (3, Some(2)));
    assert_eq!(ask(&index, Filter { limit: 3, before: next, ..none() }).await, (vec!["1".to_owned()], None));

    let acme = || Whose::Tenant("acme".to_owned());
    let of = |service: &str| Whose::Service { tenant: "acme".to_owned(), service: service.to_owned() };
    let tool = |tenant: &str| Whose::Tool { tenant: tenant.to_owned(), tool: "t".to_owned() };
    let ci = |tenant: &str| Whose::Caller { tenant: tenant.to_owned(), caller: "ci".to_owned() };
    // What was denied used up no quota.
    assert_eq!(index.calls_since(at(0)).await.unwrap().of(&acme()), 2);
    assert_eq!(index.calls_since(at(2)).await.unwrap().of(&acme()), 1);
    assert_eq!(index.calls_since(at(0)).await.unwrap().of(&ci("acme")), 1);
    let used = index.calls_since(at(0)).await.unwrap();
    assert_eq!((used.of(&ci("other")), used.of(&ci("nobody"))), (1, 0));
    assert_eq!((used.of(&of("prometheus")), used.of(&of("loki"))), (2, 0));
    assert_eq!((used.of(&tool("acme")), used.of(&tool("nobody"))), (0, 0));
    let mut callers: Vec<_> = used.callers().collect();
    callers.sort_unstable();
    assert_eq!(callers, [("acme", "bob", 1), ("acme", "ci", 1), ("other", "ci", 1)]);
}

#[tokio::test]
async fn an_index_that_is_gone_or_damaged_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let config = Audit { max_bytes: ByteSize::kib(64), keep: 1000, ..config(dir.path()) };
    let log = Log::open(&config).unwrap();
    for n in 1..=3000 {
        log.append(&entry(&n.to_string())).unwrap();
    }
    let last = || Filter { limit: 2, ..Filter::default() };
    let expected = (vec!["3000".to_owned(), "2999".to_owned()], Some(2999));
    let all = || Whose::Tenant("acme".to_owned());
    for damage in [None, Some(""), Some("this is no database, and it is long enough to be asked for one")] {
        if let Some(text) = damage {
            for file in fs::read_dir(&config.dir).unwrap().map(|file| file.unwrap().path()) {
                if file.file_name().unwrap().to_str().unwrap().starts_with("index.sqlite") {
                    fs::remove_file(file).unwrap();
                }
            }
            fs::write(database(&config.dir), text).unwrap();
        }
        let index = Index::start(&log).unwrap();
        index.caught_up_to(3000).await.unwrap();
        assert_eq!(ask(&index, last()).await, expected);
        assert_eq!(index.calls_since(at(0)).await.unwrap().of(&all()), 3000);
    }
    // Only the user can read it, as with the log.
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(database(&config.dir)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn an_index_that_cannot_be_is_told_to_who_waits_for_it_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let log = Log::open(&config).unwrap();
    log.append(&entry("1")).unwrap();
    fs::create_dir(database(&config.dir)).unwrap();
    let index = Index::start(&log).unwrap();
    let why = index.caught_up_to(1).await.unwrap_err().to_string();
    let expected = format!(
        "the index of the audit log cannot be opened ({}): Is a directory (os error 21); move that away, and it is made anew",
        database(&config.dir).display()
    );
    assert_eq!(why, expected);
    log.append(&entry("2")).unwrap(); // the log itself does without
    fs::remove_dir(database(&config.dir)).unwrap();
    index.indexed.clone().wait_for(|seen| seen.last == Some(2)).await.unwrap();
    index.caught_up_to(2).await.unwrap();
    assert_eq!(ask(&index, Filter::default()).await.0, ["2", "1"]);
}

#[tokio::test]
async fn lines_that_are_given_up_leave_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let config = Audit { max_bytes: ByteSize::b(1700), keep: 2, ..config(dir.path()) };
    let log = Log::open(&config).unwrap();
    let index = Index::start(&log).unwrap();
    for n in 1..=10 {
        log.append(&entry(&n.to_string())).unwrap();
    }
    assert_eq!(ask(&index, Filter::default()).await.0, ["10", "9", "8", "7"]);
    let all = Whose::Tenant("acme".to_owned());
    assert_eq!(index.calls_since(at(0)).await.unwrap().of(&all), 4);
}

#[tokio::test]
async fn a_log_can_be_read_while_a_host_writes_it_and_when_none_does() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let log = Log::open(&config).unwrap();
    log.append(&entry("1")).unwrap();
    let alone = Index::read(&config.dir).await.unwrap();
    assert_eq!(ask(&alone, Filter::default()).await.0, ["1"]);

    let index = Index::start(&log).unwrap();
    index.caught_up_to(1).await.unwrap();
    log.append(&entry("2")).unwrap();
    let beside = Index::read(&config.dir).await.unwrap();
    assert_eq!(ask(&beside, Filter::default()).await.0, ["2", "1"]);
    drop((index, log));

    let alone = Index::read(&config.dir).await.unwrap();
    assert_eq!(ask(&alone, Filter::default()).await.0, ["2", "1"]);
    assert!(Index::read(dir.path().join("none").as_path()).await.is_err());
}

#[tokio::test]
async fn the_index_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    for n in 1..=3 {
        let log = Log::open(&config).unwrap();
        let index = Index::start(&log).unwrap();
        log.append(&entry(&n.to_string())).unwrap();
        index.caught_up_to(n).await.unwrap();
        assert_eq!(known(&config.dir).unwrap().unwrap().seq, n);
    }
    assert_eq!(known(&config.dir).unwrap().unwrap().cut, None);
}

#[test]
fn a_long_batch_leaves_the_processor_to_others_now_and_then() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(&config(dir.path())).unwrap();
    for n in 0..600 {
        log.append(&entry(&n.to_string())).unwrap();
    }
    let breaths = std::cell::Cell::new(0);
    let mut ingest = Ingest::open(log.dir()).unwrap();
    let indexed = ingest.batch(u64::MAX, || breaths.set(breaths.get() + 1)).unwrap();
    assert_eq!((indexed, breaths.get()), ((600, true), 2));
}
