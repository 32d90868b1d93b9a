//! Guests that break the contract, or are awkward within it.

use std::time::Duration;

use http_body_util::Full;
use hyper::Response;
use serde_json::json;

use super::{
    processor::ill,
    trial::{Trial, attack, host, is, left_out, stopped},
};
use crate::support::{Upstream, component, run};

pub(super) const CRASHED: &str =
    "the integration crashed: it panicked or aborted; the log has its last words";

pub(super) async fn panic_in_call() {
    stopped("panic_in_call", "", "trapped", CRASHED).await;
}

pub(super) async fn exit_zero() {
    stopped("exit_zero", "", "trapped", "the integration crashed: it exited with status 0").await;
}

pub(super) async fn trap_in_initialize() {
    left_out("trap_in_initialize", "", CRASHED).await;
}

pub(super) async fn exit_in_initialize() {
    // `exit` of WASI 0.2 knows only success and failure.
    left_out("exit_in_initialize", "", "the integration crashed: it exited with status 1").await;
}

pub(super) async fn refuse_config() {
    left_out("refuse_config", "", "config: url: must be the address of a moon base").await;
}

pub(super) async fn trap_in_list_tools() {
    left_out("trap_in_list_tools", "", CRASHED).await;
}

pub(super) async fn fail_list_tools() {
    left_out("fail_list_tools", "", "the list is lost").await;
}

pub(super) async fn trap_in_health_check() {
    ill("trap_in_health_check", CRASHED).await;
}

pub(super) async fn schema_not_json() {
    let why = "tool `run`: input schema: is not JSON: EOF while parsing a value at line 1 column 8";
    left_out("schema_not_json", "", why).await;
}

pub(super) async fn schema_too_deep() {
    let why = "tool `run`: input schema: is not JSON: recursion limit exceeded at line 1 column ";
    left_out("schema_too_deep", "", why).await;
}

pub(super) async fn schema_doubles() {
    let why = "tool `run`: input schema: its references and alternatives multiply without end";
    left_out("schema_doubles", "", why).await;
}

pub(super) async fn schema_doubles_by_level() {
    let trial = Trial::of("schema_doubles_by_level", "");
    let deep = (0..60).fold(json!({}), |below, _| json!({ "a": below }));
    let (reason, text) = trial.beside(trial.client.refused("attack_run", deep)).await;
    let expected = ("invalid_arguments", "arguments: too much to check; pass less at once");
    assert_eq!((reason.as_str(), text.as_str()), expected);
    trial.honest("neighbour", 1).await;
}

pub(super) async fn schema_refers_out() {
    let upstream = Upstream::start(|_| Response::new(Full::from("{}"))).await;
    let guest = format!("schema_refers_out, elsewhere: '{}/schema.json'", upstream.url());
    left_out(&guest, "", "tool `run`: input schema: ").await;
    assert_eq!(upstream.received().len(), 0);
}

pub(super) async fn pattern_too_large() {
    left_out("pattern_too_large", "", "tool `run`: input schema: ").await;
}

pub(super) async fn pattern_bomb() {
    let trial = Trial::of("pattern_bomb", "");
    let bomb = format!("{}c", "a".repeat(40));
    let plain = format!("arguments.plain: \"{bomb}\" does not match \"^(a+)+$\"");
    is(&trial.stopped(json!({ "plain": bomb })).await, "invalid_arguments", &plain);
    // Going back and forth is given up after a fixed number of steps.
    let fancy = "arguments.fancy: Error executing regex: Max limit for backtracking count exceeded";
    is(&trial.stopped(json!({ "fancy": bomb })).await, "invalid_arguments", fancy);
    trial.answered(json!({ "plain": "aaa", "fancy": "aab" })).await;
}

pub(super) async fn ten_thousand_tools() {
    left_out("ten_thousand_tools", "", "4096").await;
}

pub(super) async fn duplicate_tool_names() {
    left_out("duplicate_tool_names", "", "it has two tools called `attack_run`").await;
}

pub(super) async fn bad_tool_names() {
    let why = "the name must be lower-case letters, digits and `_`, a letter first, at most 48";
    left_out("bad_tool_names, name: Run", "", &format!("tool `Run`: {why}")).await;
    let long = "x".repeat(49);
    for name in ["", "_run", "1run", "run-it", "run it", "../run", "run\\n", "r\\u00fcn", "\\u0440un", &long]
    {
        let config = format!("guest: bad_tool_names, name: \"{name}\"");
        let output = run(&["check"], &host(&attack(&component("attacks"), &config, "")));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && text.contains(why), "{name}: {text}");
    }
}

pub(super) async fn fickle_listing() {
    let trial = Trial::of("fickle_listing", "");
    let first = trial.client.rpc("tools/list", json!({})).await;
    let names = first["result"]["tools"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    assert_eq!(trial.client.rpc("tools/list", json!({})).await, first);
    // What was listed is served, and goes on being served, although the guest would list something else now.
    for name in names.iter().filter(|name| name.starts_with("attack_run")) {
        assert_eq!(trial.client.call(name, json!({})).await["content"][0]["text"], json!("nothing happened"));
    }
    assert_eq!(trial.client.rpc("tools/list", json!({})).await, first);
    trial.honest("attack", 1).await;
}

pub(super) async fn huge_plan() {
    left_out("huge_plan, bytes: 65537", "", "tool `run`: its plan is larger than 64 KiB").await;
    let trial = Trial::of("huge_plan, bytes: 65536", "");
    let answer = trial.answered(json!({})).await;
    assert_eq!(answer["content"][0]["text"], json!("65536 bytes came back"));
}

pub(super) async fn remember() {
    let trial = Trial::of("remember", "");
    for _ in 0..3 {
        assert_eq!(trial.structured(json!({})).await, json!({ "calls": 1 }));
    }
}

pub(super) async fn peek() {
    let nothing = json!({ "environment": 0, "arguments": 0, "input": 0, "read": 0, "listed": 0 });
    assert_eq!(Trial::of("peek", "").structured(json!({})).await, nothing);
}

pub(super) async fn input_required_for_ever() {
    let text = "the integration asks the user something, which takes a client that declares `elicitation`; clients \
                of versions before 2026-07-28 also need a connection that stays open: stdio, or HTTP with a session";
    stopped("input_required_for_ever", "", "input_unavailable", text).await;
}

pub(super) async fn traps_always() {
    let trial = Trial::of("traps_always", "quarantine: { failures: 3, backoff: 1s }");
    for _ in 0..3 {
        is(&trial.stopped(json!({})).await, "trapped", CRASHED);
    }
    // Now nothing of the service runs, not even what is honest, and the neighbour works.
    let refused = trial.beside(trial.client.call("attack_add", json!({ "a": 1, "b": 1 }))).await;
    let detail = &refused["_meta"]["bulkhead/error"];
    assert_eq!(detail["reason"], json!("quarantined"));
    let wait = detail["retryAfterMs"].as_u64().unwrap();
    assert!(wait <= 1000, "{wait}");
    let text =
        "service `attack` is quarantined after repeated crashes or timeouts; it will be tried again shortly";
    assert_eq!(refused["content"][0]["text"], json!(format!("{text} (try again after {wait} ms)")));
    // After that time one call is let through; it behaves, and the service is served again.
    tokio::time::sleep(Duration::from_millis(wait)).await;
    trial.honest("attack", 1).await;
    trial.honest("attack", 2).await;
    is(&trial.stopped(json!({})).await, "trapped", CRASHED);
    trial.honest("attack", 3).await;
}
