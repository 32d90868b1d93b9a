//! A guest that misbehaves gets a typed error within its limits, and nobody beside it notices.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Client, Server, component, one_service};

const LIMITS: &str = "limits: { deadline: 1s, memory: 16MiB, result_bytes: 64KiB }";

/// The hostile guest under tight limits, and the same guest as an honest neighbour of another service.
fn compartments() -> Server {
    let file = component("hostile");
    let file = file.display();
    Server::start(&format!(
        "tenants: {{ test: {{ services: {{ hostile: {{ component: '{file}', {LIMITS} }}, neighbour: {{ component: '{file}' }} }} }} }}"
    ))
}

/// While `misdeed` runs, calls on the same and on another service are answered.
async fn undisturbed<T>(client: &Client, misdeed: impl Future<Output = T>) -> T {
    let beside = async {
        for n in 0..10 {
            for service in ["hostile", "neighbour"] {
                let sum = client.ok(&format!("{service}_add"), json!({ "a": n, "b": 1 })).await;
                assert_eq!(sum, json!({ "sum": n + 1 }));
            }
        }
    };
    let (ended, ()) = tokio::join!(misdeed, beside);
    ended
}

async fn stopped(tool: &str, arguments: Value) -> (String, String) {
    let server = compartments();
    let client = server.client();
    let ended = undisturbed(&client, client.refused(tool, arguments)).await;
    // and the service still works
    assert_eq!(client.ok("hostile_add", json!({ "a": 1, "b": 2 })).await, json!({ "sum": 3 }));
    ended
}

fn is(ended: &(String, String), reason: &str, text: &str) {
    assert_eq!((ended.0.as_str(), ended.1.as_str()), (reason, text));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_panics_is_a_crash() {
    let ended = stopped("hostile_panic", json!({})).await;
    is(&ended, "trapped", "the integration crashed: it panicked or aborted; the log has its last words");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_exits_is_a_crash() {
    let ended = stopped("hostile_exit", json!({})).await;
    is(&ended, "trapped", "the integration crashed: it exited with status 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_loops_for_ever_meets_its_deadline() {
    let ended = stopped("hostile_spin", json!({})).await;
    is(&ended, "deadline_exceeded", "the call was stopped at its deadline of 1s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_sleeps_too_long_meets_its_deadline() {
    let ended = stopped("hostile_nap", json!({ "ms": 60_000 })).await;
    is(&ended, "deadline_exceeded", "the call was stopped at its deadline of 1s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_recurses_without_end_overflows_its_own_stack() {
    let (reason, text) = stopped("hostile_recurse", json!({})).await;
    assert_eq!(reason, "trapped");
    assert!(text.contains("stack overflowed") || text.contains("out of bounds"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_allocates_without_end_runs_out_of_its_own_memory() {
    let ended = stopped("hostile_allocate", json!({})).await;
    is(
        &ended,
        "out_of_memory",
        "the integration was stopped: it needed more than its memory limit of 16.0 MiB",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_gets_as_much_memory_as_its_service_says() {
    let server = compartments();
    let mib = |result: Value| result["mib"].as_u64().unwrap();
    let tight = mib(server.client().ok("hostile_hoard", json!({})).await);
    let usual = mib(server.client().ok("neighbour_hoard", json!({})).await);
    assert!((10..16).contains(&tight) && (56..64).contains(&usual), "{tight} {usual}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_too_large_is_dropped() {
    // One byte over, and so much that it may not even be copied out of the guest.
    for bytes in [65_537, 8 << 20] {
        let ended = stopped("hostile_huge", json!({ "bytes": bytes })).await;
        is(
            &ended,
            "result_too_large",
            "the result was dropped: it is larger than the limit of 64.0 KiB; ask for less",
        );
    }
    let server = compartments();
    let fits = server.client().call("hostile_huge", json!({ "bytes": 65_536 })).await;
    assert_eq!(fits["content"][0]["text"].as_str().map(str::len), Some(65_536));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_do_not_come_through() {
    let server = Server::start(&one_service("hostile", "limits: { memory: 512MiB }"));
    let client = server.client();
    let ended =
        undisturbed_alone(&client, client.refused("hostile_huge", json!({ "bytes": 100_000_000 }))).await;
    assert_eq!(ended.0, "result_too_large");
}

async fn undisturbed_alone<T>(client: &Client, misdeed: impl Future<Output = T>) -> T {
    let beside = async {
        for n in 0..10 {
            assert_eq!(client.ok("hostile_add", json!({ "a": n, "b": 1 })).await, json!({ "sum": n + 1 }));
        }
    };
    tokio::join!(misdeed, beside).0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_floods_the_log_is_cut_off() {
    let server = compartments();
    let flooded = server.client().call("neighbour_flood", json!({})).await;
    assert_eq!(flooded["content"][0]["text"], json!("flooded"));
    server.logged(|entry| entry["message"] == "(further output of this call is dropped)");
    server.logged(|entry| entry["message"] == "further log messages of this call are dropped");
    let text = server.log_text();
    assert!(text.matches("printed line").count() <= 2500, "{}", text.matches("printed line").count());
    assert!(text.matches("logged line").count() <= 3500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sees_no_environment_and_no_files() {
    let server = compartments();
    let seen = server.client().ok("hostile_peek", json!({})).await;
    assert_eq!(seen, json!({ "env": [], "args": [], "files_read": 0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_a_guest_keeps_outlives_its_call() {
    let server = compartments();
    for _ in 0..3 {
        assert_eq!(server.client().ok("hostile_remember", json!({})).await, json!({ "calls": 1 }));
    }
}

/// Two calls at once where only one may run: the text of the refusal.
async fn second_is_refused(server: &Server) -> String {
    let client = server.client();
    // Both last far longer than the other needs to arrive, so whichever comes second finds the place taken.
    let nap = || client.call("hostile_nap", json!({ "ms": 3000 }));
    let (first, second) = tokio::join!(nap(), nap());
    let (rested, refused) = if first["isError"] == json!(true) { (second, first) } else { (first, second) };
    assert_eq!(rested["content"][0]["text"], json!("rested"));
    let detail = &refused["_meta"]["bulkhead/error"];
    assert_eq!((&detail["reason"], &detail["retryAfterMs"]), (&json!("throttled"), &json!(1000)));
    refused["content"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_takes_no_more_calls_than_it_may() {
    let server = Server::start(&one_service("hostile", "limits: { concurrent_calls: 1 }"));
    let text =
        "service `hostile` is running as many calls as it may; try again shortly (try again after 1000 ms)";
    assert_eq!(second_is_refused(&server).await, text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_takes_no_more_calls_than_it_may() {
    let config = format!("server: {{ concurrent_calls: 1 }}\n{}", one_service("hostile", ""));
    let text = "the host is running as many calls as it may; try again shortly (try again after 1000 ms)";
    assert_eq!(second_is_refused(&Server::start(&config)).await, text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_of_the_hostile_guest_has_a_test() {
    let server = compartments();
    let listed = server.client().rpc("tools/list", json!({})).await;
    let names = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned());
    let names: BTreeSet<String> =
        names.filter_map(|name| name.strip_prefix("hostile_").map(str::to_owned)).collect();
    let tests = concat!(include_str!("sandbox.rs"), include_str!("egress.rs"), include_str!("protocol.rs"));
    assert_eq!(names.len(), 13);
    for name in names {
        assert!(tests.contains(&format!("_{name}\"")), "{name} has no test");
    }
}
