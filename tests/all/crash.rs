//! A host that is killed under load, again and again: what it answered is in its audit log, once, and the log is
//! whole.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use hyper::Request;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    command_line::bulkhead,
    support::{Client, Server, one_service},
};

const ROUNDS: usize = 50;
const CONNECTIONS: usize = 6;

/// What a client knows of a call that was answered.
#[derive(Debug)]
struct Answered {
    /// Its own number, which it sent as an argument that the audit log lists.
    number: u64,
    outcome: &'static str,
    /// The call's id, if the answer tells it: it does when the call failed.
    call: Option<String>,
}

/// One connection: calls until the host is gone, each with a number of its own.
async fn calls(client: Client, first: u64, answered: mpsc::UnboundedSender<Answered>) {
    for number in first.. {
        // Every third has an argument of the wrong type.
        let other = if number.is_multiple_of(3) { json!("one") } else { json!(1) };
        let Ok(message) = client.try_call("hostile_add", json!({ "a": number, "b": other })).await else {
            return;
        };
        let result = &message["result"];
        let outcome = if number.is_multiple_of(3) { "invalid_arguments" } else { "ok" };
        let call = result["_meta"]["bulkhead/error"]["callId"].as_str().map(str::to_owned);
        match outcome {
            "ok" => assert_eq!(result["structuredContent"], json!({ "sum": number + 1 }), "{message}"),
            _ => assert_eq!(result["_meta"]["bulkhead/error"]["reason"], outcome, "{message}"),
        }
        answered.send(Answered { number, outcome, call }).unwrap();
    }
}

/// Calls over several connections, kills the host when `enough` calls are answered and others under way, and
/// returns all that were answered.
async fn killed_after(enough: usize, server: Server, round: usize) -> Vec<Answered> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut connections = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let first = (round * CONNECTIONS + connection) as u64 * 1_000_000;
        connections.spawn(calls(server.client(), first, sender.clone()));
    }
    drop(sender);
    // One that never gets an answer, and so no line.
    let sleeper = server.client();
    connections.spawn(async move {
        sleeper.try_call("hostile_nap", json!({ "ms": 60_000 })).await.unwrap_err();
    });
    let mut answered = Vec::new();
    while answered.len() < enough {
        answered.push(receiver.recv().await.expect("the host is up"));
    }
    drop(server); // SIGKILL
    while let Some(more) = receiver.recv().await {
        answered.push(more);
    }
    while let Some(ended) = connections.join_next().await {
        ended.unwrap();
    }
    answered
}

/// All lines of the log, oldest first, as they are in its files.
fn in_files(dir: &Path) -> Vec<Value> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let text: String = files.into_iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn told(args: &[&str], dir: &Path) -> String {
    let output = bulkhead(&[args, &["--json", "--dir", dir.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// All lines, oldest first, as the command tells them.
fn by_command(dir: &Path) -> Vec<Value> {
    let text = told(&["audit", "--limit", "1000000"], dir);
    text.lines().rev().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The same as the host tells them, page by page.
async fn by_host(server: &Server) -> Vec<Value> {
    let (mut lines, mut before) = (Vec::new(), String::new());
    loop {
        let url = format!("http://{}/api/v1/audit?limit=500{before}", server.address);
        let page = server.client().send(Request::get(url).body(String::new()).unwrap()).await;
        let mut page: Value = serde_json::from_slice(page.body()).unwrap();
        lines.append(page["entries"].as_array_mut().unwrap());
        if page["next"].is_null() {
            lines.reverse();
            return lines;
        }
        before = format!("&before={}", page["next"]);
    }
}

/// Number, tool and outcome of each line, as the index has them.
fn in_index(dir: &Path) -> Vec<(i64, String, String)> {
    let db = rusqlite::Connection::open(dir.join("index.sqlite")).unwrap();
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let mut rows = db.prepare("SELECT seq, tool, outcome FROM calls ORDER BY seq").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

/// Whether each call that was answered has one line, which says the same of it, and nothing else has.
fn holds(lines: &[Value], answered: &[Answered], kills: usize) {
    let mut of_number = HashMap::new();
    let mut ids = HashSet::new();
    for line in lines {
        assert_eq!(line["tool"], "hostile_add", "{line}");
        assert!(ids.insert(line["call"].as_str().unwrap()), "two lines of one call: {line}");
        let listed = line["arguments"]["a"].as_str().unwrap();
        let number: u64 = listed.strip_prefix("number: ").unwrap().parse().unwrap();
        assert!(of_number.insert(number, line).is_none(), "two lines of one call: {line}");
    }
    for Answered { number, outcome, call } in answered {
        let line =
            of_number.get(number).unwrap_or_else(|| panic!("call {number} was answered and has no line"));
        assert_eq!(line["outcome"], *outcome, "{line}");
        assert_eq!(call.is_some(), *outcome != "ok");
        assert!(call.as_ref().is_none_or(|call| line["call"] == **call), "{call:?}: {line}");
    }
    // A line without an answer is that of a call that was under way: one for each connection at most.
    let more = lines.len() - answered.len();
    assert!(more <= CONNECTIONS * kills, "{more}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answered_call_is_audited_once_however_often_the_host_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("audit");
    let config = format!(
        "audit: {{ dir: '{}', max_bytes: 64KiB, keep: 10000, fields: [hostile_add.a] }}\n{}",
        dir.display(),
        one_service("hostile", "limits: { calls_per_day: 1000000 }")
    );
    let mut answered = Vec::new();
    for round in 0..=ROUNDS {
        // The index is brought up to date by the host or, every other time, by the command before it.
        if round % 2 == 1 {
            holds(&by_command(&dir), &answered, round);
        }
        let server = Server::start(&config);
        let lines = in_files(&dir);
        holds(&lines, &answered, round);
        assert_eq!(by_host(&server).await, lines);
        if round > 0 {
            assert_eq!(by_command(&dir), lines);
            let report: Value = serde_json::from_str(&told(&["audit", "verify"], &dir)).unwrap();
            let sound = ["fault", "torn", "lost", "compared", "lines"].map(|key| report[key].clone());
            assert_eq!(sound, [json!(null), json!(false), json!(0), json!(true), json!(lines.len())]);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let rows = lines
                .iter()
                .map(|line| (line["seq"].as_i64().unwrap(), text(&line["tool"]), text(&line["outcome"])));
            assert_eq!(in_index(&dir), rows.collect::<Vec<_>>());
        }
        if round < ROUNDS {
            answered.extend(killed_after(1 + round * 37 % 150, server, round).await);
        }
    }
    assert!(answered.len() >= ROUNDS * 50, "{}", answered.len());
    let files = fs::read_dir(&dir).unwrap().filter(|file| {
        file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "jsonl")
    });
    assert!(files.count() > 10);
}
