//! How many calls run at once, of a service and of the host. What a hostile guest gets is in `hostile`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Server, one_service};

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
    let text = "too many calls at once: 1 are allowed (`tenants.test.services.hostile.limits.concurrent_calls`) (try again after 1000 ms)";
    assert_eq!(second_is_refused(&server).await, text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenant_takes_no_more_calls_than_it_may() {
    let config =
        one_service("hostile", "").replacen("services:", "limits: { concurrent_calls: 1 }, services:", 1);
    let text = "too many calls at once: 1 are allowed (`tenants.test.limits.concurrent_calls`) (try again after 1000 ms)";
    assert_eq!(second_is_refused(&Server::start(&config)).await, text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_takes_no_more_calls_than_it_may() {
    let config = format!("server: {{ concurrent_calls: 1 }}\n{}", one_service("hostile", ""));
    let text = "too many calls at once: 1 are allowed (`server.concurrent_calls`) (try again after 1000 ms)";
    assert_eq!(second_is_refused(&Server::start(&config)).await, text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_of_the_hostile_guest_has_a_test() {
    let server = Server::start(&one_service("hostile", ""));
    let listed = server.client().rpc("tools/list", json!({})).await;
    let names = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool: &Value| tool["name"].as_str().unwrap().to_owned());
    let names: BTreeSet<String> =
        names.filter_map(|name| name.strip_prefix("hostile_").map(str::to_owned)).collect();
    let tests = concat!(include_str!("sandbox.rs"), include_str!("egress.rs"), include_str!("protocol.rs"));
    assert_eq!(names.len(), 4);
    for name in names {
        assert!(tests.contains(&format!("_{name}\"")), "{name} has no test");
    }
}
