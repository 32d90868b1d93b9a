//! The limits on calls, each at its level: who is refused, what it is told, and what a refused call costs.

use std::{path::Path, time::Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    Client, Server,
    tenancy::{audit, callers, shop},
};

/// The levels, narrowest first, with the keys their messages name. Each is tried in a tenant of its own.
const LEVELS: [(&str, &str); 4] = [
    ("tool", "tenants.tool.services.shop.tools.limits.shop_who"),
    ("service", "tenants.service.services.shop.limits"),
    ("caller", "limits of caller agent-of-caller"),
    ("tenant", "tenants.tenant.limits"),
];

/// A host where each level has these limits, in its own tenant; and a key for each tenant.
fn levels(limits: &str, dir: &Path) -> (String, [String; 4]) {
    let of_caller = format!("tools: ['*'], limits: {{ {limits} }}");
    let (auth, keys) = callers(LEVELS.map(|(level, _)| match level {
        "caller" => ("agent-of-caller", "caller", of_caller.as_str()),
        "tool" => ("agent-of-tool", "tool", "tools: ['*']"),
        "service" => ("agent-of-service", "service", "tools: ['*']"),
        _ => ("agent-of-tenant", "tenant", "tools: ['*']"),
    }));
    let tenants = LEVELS.map(|(level, _)| {
        let (of_tenant, of_service) = match level {
            "tenant" => (limits, String::new()),
            "service" => ("", format!("limits: {{ {limits} }}")),
            "tool" => ("", format!("tools: {{ limits: {{ shop_who: {{ {limits} }} }} }}")),
            _ => ("", String::new()),
        };
        format!(
            "{level}: {{ limits: {{ {of_tenant} }}, services: {{ {} }} }}",
            shop("shop", level, None, &of_service)
        )
    });
    (format!("{auth}{}tenants: {{ {} }}\n", audit(dir), tenants.join(", ")), keys)
}

/// Calls a tool so many times at once: how many passed, the results of the others, and for how many whole seconds
/// it went on.
async fn flood(client: &Client, tool: &'static str, times: usize) -> (usize, Vec<Value>, usize) {
    let started = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..times {
        let client = client.clone();
        calls.spawn(async move { client.call(tool, json!({})).await });
    }
    let results = calls.join_all().await;
    let (refused, passed): (Vec<_>, Vec<_>) =
        results.into_iter().partition(|result| result["isError"] == json!(true));
    (passed.len(), refused, usize::try_from(started.elapsed().as_secs()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_level_has_its_rate_and_says_whose_it_was_and_when_to_come_again() {
    let dir = tempfile::tempdir().unwrap();
    let (config, keys) = levels("calls_per_second: 1, burst: 2", dir.path());
    let server = Server::start(&config);
    for ((level, limit), key) in LEVELS.into_iter().zip(&keys) {
        let (passed, refused, seconds) = flood(&server.client_of(key, "/mcp"), "shop_who", 12).await;
        // One call, one token: two are there, and one comes each second.
        assert!((2..=2 + seconds).contains(&passed), "{level}: {passed} in {seconds} s");
        assert_eq!(passed + refused.len(), 12);
        for result in refused {
            let detail = &result["_meta"]["bulkhead/error"];
            let wait = detail["retryAfterMs"].as_u64().unwrap();
            assert!((1..=1000).contains(&wait), "{level}: {wait}");
            assert_eq!(detail["reason"], "throttled");
            let text = format!(
                "too fast: 1 calls a second are allowed (`{limit}.calls_per_second`) (try again after {wait} ms)"
            );
            assert_eq!(result["content"][0]["text"], text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_level_has_its_day_which_survives_the_end_of_the_host() {
    let dir = tempfile::tempdir().unwrap();
    let (config, keys) = levels("calls_per_day: 3", dir.path());
    let server = Server::start(&config);
    for key in &keys {
        let client = server.client_of(key, "/mcp");
        for _ in 0..2 {
            client.ok("shop_who", json!({})).await;
        }
    }
    drop(server); // killed: nothing is said to the log at the end
    let server = Server::start(&config);
    for ((level, limit), key) in LEVELS.into_iter().zip(&keys) {
        let client = server.client_of(key, "/mcp");
        client.ok("shop_who", json!({})).await;
        let result = client.call("shop_who", json!({})).await;
        let detail = &result["_meta"]["bulkhead/error"];
        assert_eq!(detail["reason"], "quota_exceeded", "{level}: {result}");
        let wait = detail["retryAfterMs"].as_u64().unwrap();
        assert!((1..=24 * 60 * 60 * 1000).contains(&wait), "{wait}");
        let text = result["content"][0]["text"].as_str().unwrap();
        let expected = format!("3 calls a day (UTC) are used up (`{limit}.calls_per_day`)");
        assert!(text.starts_with(&expected), "{text}");
    }
    // A tool's limit is for that tool.
    let rested = server.client_of(&keys[0], "/mcp").call("shop_nap", json!({ "ms": 0 })).await;
    assert_eq!(rested["content"][0]["text"], "rested");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_narrow_limit_refuses_costs_the_wider_ones_nothing() {
    let (auth, [key]) = callers([("agent", "acme", "tools: ['*'], limits: { calls_per_day: 11 }")]);
    let narrow = "tools: { rename: { shop_price: prices }, \
                  limits: { shop_who: { calls_per_day: 1 }, prices: { calls_per_second: 1, burst: 2 } } }";
    let config = format!(
        "{auth}tenants: {{ acme: {{ limits: {{ calls_per_day: 12 }}, services: {{ {} }} }} }}\n",
        shop("shop", "s", None, &format!("{narrow}, limits: {{ calls_per_day: 10 }}"))
    );
    let server = Server::start(&config);
    let client = server.client_of(&key, "/mcp");
    client.ok("shop_who", json!({})).await;
    let (passed, refused, _) = flood(&client, "shop_who", 30).await;
    assert_eq!(passed, 0);
    for result in refused {
        assert_eq!(result["_meta"]["bulkhead/error"]["reason"], "quota_exceeded");
        assert!(
            result["content"][0]["text"].as_str().unwrap().contains("tools.limits.shop_who.calls_per_day")
        );
    }
    // A tool's rate, at its new name, neither.
    let mut paid = 1;
    for _ in 0..8 {
        let result = client.call("prices", json!({ "aisle": "fruit" })).await;
        paid += usize::from(result["isError"] != json!(true));
    }
    for _ in paid..10 {
        let said = client.call("shop_say", json!({ "words": "w" })).await;
        assert_eq!(said["content"][0]["text"], "w");
    }
    let (reason, text) = client.refused("shop_say", json!({ "words": "w" })).await;
    assert_eq!(reason, "quota_exceeded");
    assert!(text.contains("`tenants.acme.services.shop.limits.calls_per_day`"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_rate_is_charged_once_for_each_call_that_passes() {
    let (auth, [key]) = callers([("agent", "acme", "tools: ['*']")]);
    let narrow = "tools: { limits: { shop_who: { calls_per_second: 1, burst: 2 } } }";
    let config = format!(
        "{auth}tenants: {{ acme: {{ limits: {{ calls_per_second: 1, burst: 20 }}, services: {{ {} }} }} }}\n",
        shop("shop", "s", None, narrow)
    );
    let server = Server::start(&config);
    let client = server.client_of(&key, "/mcp");
    let started = Instant::now();
    let (narrow, refused, _) = flood(&client, "shop_who", 15).await;
    for result in refused {
        assert!(result["content"][0]["text"].as_str().unwrap().contains(".tools.limits.shop_who."));
    }
    let mut wide = 0;
    for _ in 0..25 {
        let result = client.call("shop_say", json!({ "words": "w" })).await;
        wide += usize::from(result["isError"] != json!(true));
    }
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap();
    assert!((20..=20 + seconds).contains(&(narrow + wide)), "{narrow} and {wide} in {seconds} s");
}
