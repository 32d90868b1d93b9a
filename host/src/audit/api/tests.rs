//! Parameters, tenants, and both forms of an answer.

use serde_json::Value;

use super::*;
use crate::{
    audit::{Entry, Log, entry::tests::entry},
    config::audit::Audit,
};

async fn text(answer: Answer) -> String {
    let pieces: Vec<_> = answer.body.collect().await;
    pieces.into_iter().map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap()).collect()
}

fn log(dir: &std::path::Path) -> (Log, Index) {
    let log = Log::open(&Audit::at(dir.join("audit"))).unwrap();
    let index = Index::start(&log).unwrap();
    for n in 1..=200 {
        log.append(&entry(&n.to_string())).unwrap();
    }
    log.append(&Entry { tenant: "other".into(), ..entry("201") }).unwrap();
    (log, index)
}

#[tokio::test]
async fn a_list_has_a_cursor_to_its_next_page() {
    let dir = tempfile::tempdir().unwrap();
    let (_log, index) = log(dir.path());
    let ask = async |query: &str| -> (Vec<u64>, Value) {
        let answer = answer(&index, query, None).await.unwrap();
        assert_eq!(answer.content_type, "application/json");
        let body: Value = serde_json::from_str(&text(answer).await).unwrap();
        let entries = body["entries"].as_array().unwrap();
        (entries.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect(), body["next"].clone())
    };
    assert_eq!(ask("limit=2").await, (vec![201, 200], 200.into()));
    assert_eq!(ask("limit=2&before=3").await, (vec![2, 1], 1.into()));
    assert_eq!(ask("limit=2&before=1").await, (vec![], Value::Null));
    assert_eq!(ask("tenant=other&since=2026-09-01T00%3A00%3A00Z").await, (vec![201], Value::Null));
}

#[tokio::test]
async fn lines_are_streamed_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let (_log, index) = log(dir.path());
    let answer = answer(&index, "format=ndjson&limit=10000", None).await.unwrap();
    assert_eq!(answer.content_type, "application/x-ndjson");
    let text = text(answer).await;
    let calls: Vec<_> = text.lines().map(|line| serde_json::from_str::<Entry>(line).unwrap().call).collect();
    assert_eq!(calls, (1..=201).rev().map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_reading() {
    let dir = tempfile::tempdir().unwrap();
    let (_log, index) = log(dir.path());
    let mut answer = answer(&index, "format=ndjson&limit=10000", None).await.unwrap();
    assert!(answer.body.next().await.is_some());
    drop(answer); // the runtime would not end if the reader still waited
}

#[tokio::test]
async fn a_caller_of_one_tenant_sees_that_tenant_only() {
    let dir = tempfile::tempdir().unwrap();
    let (_log, index) = log(dir.path());
    for query in ["format=ndjson", "format=ndjson&tenant=other"] {
        let lines = text(answer(&index, query, Some("other")).await.unwrap()).await;
        assert_eq!(lines.lines().count(), 1);
        assert!(lines.contains(r#""tenant":"other""#));
    }
    let refused = answer(&index, "tenant=acme", Some("other")).await.unwrap_err();
    assert_eq!(refused.to_string(), "tenant: you may ask for `other` only");
}

#[test]
fn a_parameter_that_is_not_understood_is_named() {
    let refused = |query: &str, expected: &str| {
        assert_eq!(parse(query, None, SystemTime::now()).unwrap_err(), expected);
    };
    refused("tennant=a", "`tennant` is not a parameter. Did you mean `tenant`?");
    refused("tool=a&tool=b", "`tool` is given twice");
    refused("limit=0", "limit: `0` is not a number between 1 and 10000");
    refused("before=x", "before: `x` is not a line's number");
    refused("format=csv", "format: `csv` is neither `json` nor `ndjson`");
    refused(
        "since=soon",
        "since: `soon` is not a time; write it like 2026-05-01T12:00:00Z, or 1h for an hour ago",
    );
}
