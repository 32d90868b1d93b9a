//! `bulkhead audit`: the log of a host, read from the command line.

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use bulkhead::{
    audit::{Entry, Index, Log},
    config::audit::Audit,
};
use serde_json::{Value, json};

use crate::{
    command_line::{bulkhead, refused},
    support::{run, tenancy},
};

fn log(dir: &Path) -> Log {
    Log::open(&Audit::at(dir.join("audit"))).unwrap()
}

fn call(call: &str, tenant: &str, outcome: &str) -> Entry {
    let entry = json!({
        "time": "2026-09-21T14:13:20.123456Z", "call": call, "caller": "ci", "tenant": tenant, "tool": "svc_get",
        "decision": "allowed", "rule": "api_keys.ci", "outcome": outcome, "took_us": 1500,
    });
    Entry::decode(entry.to_string().as_bytes()).unwrap()
}

/// What it prints, given the folder.
fn audit(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let folder = dir.join("audit").display().to_string();
    let output = bulkhead(&[&["audit"], args, &["--dir", &folder]].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The calls it prints.
#[track_caller]
fn calls(dir: &Path, args: &[&str]) -> Vec<String> {
    let (code, stdout, stderr) = audit(dir, &[&["--json"], args].concat());
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let call = |line: &str| serde_json::from_str::<Value>(line).unwrap()["call"].as_str().unwrap().to_owned();
    stdout.lines().map(call).collect()
}

#[test]
fn calls_are_shown_while_a_host_runs_and_when_none_does() {
    let dir = tempfile::tempdir().unwrap();
    let host = log(dir.path());
    let index = Index::start(&host).unwrap();
    host.append(&call("1", "acme", "ok")).unwrap();
    host.append(&call("2", "other", "denied")).unwrap();
    for running in [Some((host, index)), None] {
        assert_eq!(calls(dir.path(), &[]), ["2", "1"]);
        assert_eq!(calls(dir.path(), &["--tenant", "acme", "--caller", "ci", "--tool", "svc_get"]), ["1"]);
        assert_eq!(calls(dir.path(), &["--outcome", "denied"]), ["2"]);
        assert_eq!(calls(dir.path(), &["--until", "2026-01-01T00:00:00Z"]), [""; 0]);
        assert_eq!(calls(dir.path(), &["--limit", "1"]), ["2"]);
        let (_, table, _) = audit(dir.path(), &["--tenant", "acme"]);
        let table: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        let row = ["2026-09-21T14:13:20.123Z", "acme", "ci", "svc_get", "ok", "1ms", "0"];
        assert_eq!(table[1..], [row.to_vec()]);
        drop(running);
    }
}

#[test]
fn a_log_that_is_followed_shows_what_comes() {
    let dir = tempfile::tempdir().unwrap();
    let host = log(dir.path());
    for n in ["1", "2"] {
        host.append(&call(n, "acme", "ok")).unwrap();
    }
    let mut follow = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
        .args(["audit", "--json", "--follow", "--tenant", "acme", "--dir"])
        .arg(dir.path().join("audit"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let mut next = || Entry::decode(lines.next().unwrap().unwrap().as_bytes()).unwrap().call;
    assert_eq!([next(), next()], ["1", "2"]);
    host.append(&call("3", "other", "ok")).unwrap();
    host.append(&call("4", "acme", "ok")).unwrap();
    assert_eq!(next(), "4");
    follow.kill().unwrap();
    follow.wait().unwrap();
}

#[test]
fn a_log_that_was_changed_is_told_with_the_place_and_exit_code_1() {
    let dir = tempfile::tempdir().unwrap();
    let host = log(dir.path());
    for n in ["1", "2", "3"] {
        host.append(&call(n, "acme", "ok")).unwrap();
    }
    let (code, stdout, _) = audit(dir.path(), &["verify"]);
    let expected =
        "sound: 3 lines in 1 files, from 1 to 3\n  there is no index to tell whether the end was cut off\n";
    assert_eq!((code, stdout.as_str()), (Some(0), expected));

    let file = dir.path().join("audit/audit-00000000000000000001.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(r#""call":"2""#, r#""call":"9""#)).unwrap();
    let (code, stdout, stderr) = audit(dir.path(), &["verify"]);
    let expected = format!("error: {}:2: the line was changed\n", file.display());
    assert_eq!((code, stdout.as_str(), stderr), (Some(1), "", expected));
    let (code, stdout, stderr) = audit(dir.path(), &["verify", "--json"]);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, stderr.as_str()), (Some(1), ""));
    assert_eq!((&report["lines"], &report["fault"]["line"]), (&json!(1), &json!(2)));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, stderr) = audit(dir.path(), &[]);
    assert_eq!(code, Some(64));
    assert!(stderr.starts_with("error: there is no audit log in "), "{stderr}");
    let _host = log(dir.path());
    let (code, _, stderr) = audit(dir.path(), &["--since", "soon"]);
    let expected =
        "error: --since: `soon` is not a time; write it like 2026-05-01T12:00:00Z, or 1h for an hour ago\n";
    assert_eq!((code, stderr.as_str()), (Some(64), expected));
}

#[test]
fn a_host_whose_index_cannot_be_opened_does_not_start_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let index = dir.path().join("audit/index.sqlite");
    std::fs::create_dir_all(&index).unwrap();
    std::fs::set_permissions(dir.path().join("audit"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let config = tenancy::audit(dir.path()) + "tenants: { a: { services: { utilities: {} } } }";
    let place = format!("the index of the audit log cannot be opened ({}): Is a directory", index.display());
    refused(
        &config,
        &["serve", "--listen", "127.0.0.1:0"],
        1,
        &[&place, "move that away, and it is made anew"],
    );
}

#[test]
fn a_host_that_runs_can_be_checked_and_explained_and_no_other_may_call() {
    let dir = tempfile::tempdir().unwrap();
    let running = log(dir.path());
    let config = tenancy::audit(dir.path()) + "tenants: { a: { services: { utilities: {} } } }";
    for command in [
        &["check", "--offline"][..],
        &["tools"],
        &["explain", "--tool", "utilities_semver"],
        &["explain", "--service", "utilities", "--url", "https://example.com"],
    ] {
        let output = run(command, &config);
        let stderr = String::from_utf8(output.stderr).unwrap();
        // What cannot be sent is an answer too.
        assert!(!stderr.contains("audit") && !output.stdout.is_empty(), "{command:?}: {stderr}");
    }
    let in_use = "is the audit log of another host that is running; give each its own `audit.dir`";
    for command in [&["call", "utilities_semver", "{}"][..], &["stdio"]] {
        refused(&config, command, 1, &[in_use]);
    }
    std::fs::set_permissions(dir.path().join("audit"), std::fs::Permissions::from_mode(0o777)).unwrap();
    drop(running);
    refused(&config, &["check", "--offline"], 1, &["others may write to it (mode 777); `chmod 700` it"]);
}
