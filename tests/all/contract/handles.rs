//! Handles that come back to another host with the same key, and from those they were not made for.

use serde_json::json;

use super::{
    Modern,
    asking::{NAME, UNKNOWN, accepted, back, text},
    error, fixture,
    listing::{OUTDATED, page},
    without_data,
};
use crate::support::{Server, secrets, tenancy::callers};

fn modern(server: &Server, key: &str) -> Modern {
    Modern {
        client: server.client_of(key, "/mcp"),
        url: format!("http://{}/mcp", server.address),
        capabilities: json!({ "elicitation": {} }),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_the_same_key_goes_on_and_each_takes_a_state_once() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = ("1".repeat(32), "2".repeat(32));
    let keys = secrets(&dir, &[("one", &one), ("other", &other)]);
    let (auth, [alice]) = callers([("alice", "acme", "tools: ['*']")]);
    let tenants = format!("tenants: {{ acme: {{ services: {{ {} }} }} }}\n", fixture(""));
    let host = |key: &str| {
        let server = format!("server: {{ handle_keys: ['${{secret:{key}}}'] }}\n");
        Server::start(&format!("{keys}{server}{auth}{tenants}"))
    };
    let servers = [host("one"), host("one"), host("other")];
    let [first, second, stranger] = servers.each_ref().map(|server| modern(server, &alice));
    let cursor = page(&first, None).await["nextCursor"].clone();
    let next = page(&second, Some(&cursor)).await;
    assert_eq!(
        (&next, next["resources"].as_array().map(Vec::len)),
        (&page(&first, Some(&cursor)).await, Some(60))
    );
    assert_eq!(page(&stranger, Some(&cursor)).await, error(-32602, OUTDATED));

    let answer = back(&first.call(NAME, json!({})).await, accepted(json!({ "name": "Ann" })));
    let unknown = error(-32602, UNKNOWN);
    assert_eq!(without_data(stranger.call(NAME, answer.clone()).await), unknown);
    // What one host has used up another cannot know; each refuses it from the second time on.
    for host in [&second, &first] {
        assert_eq!(text(&host.call(NAME, answer.clone()).await), "Hello, Ann!");
        assert_eq!(without_data(host.call(NAME, answer.clone()).await), unknown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_are_nothing_in_another_tenant() {
    let (auth, [here, there]) =
        callers([("here", "acme", "tools: ['*']"), ("there", "globex", "tools: ['*']")]);
    let fixture = fixture("");
    let tenants = format!(
        "tenants: {{ acme: {{ services: {{ {fixture} }} }}, globex: {{ services: {{ {fixture} }} }} }}\n"
    );
    let server = Server::start(&(auth + &tenants));
    let (here, there) = (modern(&server, &here), modern(&server, &there));
    let cursor = page(&here, None).await["nextCursor"].clone();
    assert_eq!(page(&there, Some(&cursor)).await, error(-32602, OUTDATED));
    let answer = back(&here.call(NAME, json!({})).await, accepted(json!({ "name": "Ann" })));
    assert_eq!(without_data(there.call(NAME, answer.clone()).await), error(-32602, UNKNOWN));
    assert_eq!(text(&here.call(NAME, answer).await), "Hello, Ann!");
}
