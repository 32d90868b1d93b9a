//! Tools that are found instead of listed: they show and call what the caller may use, and nothing else.

use serde_json::{Value, json};

use crate::support::{
    Client, Server, run,
    tenancy::{audit, callers, shop},
};

const META: [&str; 3] = ["tool_search", "tool_schema", "tool_invoke"];

/// The tools a client is told.
async fn listed(client: &Client) -> Vec<Value> {
    client.rpc("tools/list", json!({})).await["result"]["tools"].as_array().unwrap().clone()
}

fn names(tools: &[Value]) -> Vec<&str> {
    tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

/// What a search finds.
async fn found(client: &Client, question: Value) -> Vec<String> {
    let found = client.ok("tool_search", question).await;
    names(found["tools"].as_array().unwrap()).into_iter().map(str::to_owned).collect()
}

/// A tenant whose tools are found, with a caller that may use all and one that may use two.
fn searching() -> (Server, Client, Client) {
    let (auth, [all, few]) =
        callers([("all", "acme", "tools: ['*']"), ("few", "acme", "tools: [shop_who, shop_write]")]);
    let tenant = format!("acme: {{ listing: search, services: {{ {} }} }}", shop("shop", "s", None, ""));
    let server = Server::start(&format!("{auth}tenants: {{ {tenant} }}\n"));
    let [all, few] = [all, few].map(|key| server.client_of(&key, "/mcp"));
    (server, all, few)
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_found_described_and_called() {
    let (_server, all, _) = searching();
    assert_eq!(names(&listed(&all).await), META);
    assert_eq!(found(&all, json!({ "query": "what is on the shelf: read an item" })).await[0], "shop_read");
    assert_eq!(found(&all, json!({ "query": "prices" })).await, ["shop_price"]);
    assert_eq!(found(&all, json!({})).await.len(), 6);
    let two = all.ok("tool_search", json!({ "limit": 2 })).await;
    assert_eq!((two["tools"].as_array().unwrap().len(), &two["more"]), (2, &json!(4)));
    let first = json!({ "name": "shop_who", "description": "Tells who calls.", "readOnly": true });
    assert_eq!(two["tools"][0], first);

    // The same description as in a list, the same result as of a call by name.
    let listed = self::listed(&all.at("?listing=all")).await;
    assert_eq!(names(&listed).len(), 6);
    let described = all.ok("tool_schema", json!({ "names": ["shop_price", "shop_who"] })).await;
    let of = |name: &str| listed.iter().find(|tool| tool["name"] == name).unwrap().clone();
    assert_eq!(described["tools"], json!([of("shop_price"), of("shop_who")]));
    let arguments = json!({ "aisle": "fruit", "size": 1 });
    let invoked = all.call("tool_invoke", json!({ "name": "shop_price", "arguments": arguments })).await;
    assert_eq!(invoked, all.call("shop_price", arguments).await);
    assert_eq!(invoked["structuredContent"]["rows"], json!([{ "item": "item-0", "price": 0 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_may_not_use_is_not_found_described_or_called() {
    let (_server, _, few) = searching();
    assert_eq!(found(&few, json!({})).await, ["shop_who", "shop_write"]);
    assert_eq!(found(&few, json!({ "query": "prices" })).await, [""; 0]);
    for name in ["shop_price", "shop_nothing", "tool_search"] {
        let unknown = json!({ "code": -32602, "message": format!("Unknown tool: {name}") });
        assert_eq!(few.call("tool_schema", json!({ "names": ["shop_who", name] })).await, unknown);
        assert_eq!(few.call("tool_invoke", json!({ "name": name })).await, unknown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_told() {
    let (_server, all, _) = searching();
    for (tool, arguments, why) in [
        ("tool_search", json!({ "limit": 0 }), "arguments.limit: must be between 1 and 50"),
        ("tool_search", json!({ "limit": "x" }), "arguments: invalid type: string \"x\", expected usize"),
        ("tool_search", json!({ "q": "x" }), "arguments: unknown field `q`, expected `query` or `limit`"),
        ("tool_schema", json!({}), "arguments: missing field `names`"),
        ("tool_schema", json!({ "names": [] }), "arguments.names: must have between 1 and 20 entries"),
        ("tool_invoke", json!({}), "arguments: missing field `name`"),
        (
            "tool_invoke",
            json!({ "name": "shop_price", "arguments": {} }),
            "arguments: \"aisle\" is a required property",
        ),
    ] {
        assert_eq!(all.refused(tool, arguments).await, ("invalid_arguments".into(), why.into()), "{tool}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_records_are_those_of_a_direct_call() {
    let dir = tempfile::tempdir().unwrap();
    let (auth, [key]) = callers([("ci", "acme", "tools: ['*'], limits: { calls_per_day: 5 }")]);
    let limits = "tools: { limits: { shop_who: { calls_per_day: 1 } } }";
    let tenant = format!("acme: {{ listing: search, services: {{ {} }} }}", shop("shop", "s", None, limits));
    let config = format!("{auth}{}tenants: {{ {tenant} }}\n", audit(dir.path()));
    let server = Server::start(&config);
    let client = server.client_of(&key, "/mcp");
    client.ok("tool_search", json!({ "query": "who" })).await;
    client.ok("tool_schema", json!({ "names": ["shop_who"] })).await;
    client.ok("tool_invoke", json!({ "name": "shop_who" })).await;
    // The tool's own day is over, by whichever way it is called; then the caller's is.
    for (tool, arguments) in [("tool_invoke", json!({ "name": "shop_who" })), ("shop_who", json!({}))] {
        assert_eq!(client.refused(tool, arguments).await.0, "quota_exceeded", "{tool}");
    }
    for _ in 0..2 {
        client.ok("tool_search", json!({})).await;
    }
    let (reason, text) = client.refused("tool_search", json!({})).await;
    assert!(
        reason == "quota_exceeded" && text.contains("limits of caller ci.calls_per_day"),
        "{reason}: {text}"
    );
    drop(server);

    let output = run(&["audit", "--json"], &config);
    let mut lines: Vec<(String, Value, String, String)> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            (text("tool"), line["service"].clone(), text("outcome"), text("rule"))
        })
        .collect();
    lines.reverse();
    let looked = |tool: &str| (tool.to_owned(), Value::Null, "ok".to_owned(), "listing".to_owned());
    assert_eq!(lines[..2], [looked("tool_search"), looked("tool_schema")]);
    assert_eq!((&*lines[2].0, &lines[2].1, &*lines[2].2), ("shop_who", &json!("shop"), "ok"));
    assert_eq!(lines.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_says_how_tools_are_shown() {
    let (auth, [key]) = callers([("ci", "acme", "tools: ['*']")]);
    let tenant = format!("acme: {{ services: {{ {} }} }}", shop("shop", "s", None, ""));
    let server = Server::start(&format!("{auth}tenants: {{ {tenant} }}\n"));
    let at = |path: &str| server.client_of(&key, path);
    assert_eq!(listed(&at("/mcp")).await.len(), 6);
    assert_eq!(listed(&at("/mcp/shop?listing=all")).await.len(), 6);
    let narrow = at("/mcp/shop?listing=search&tools=shop_p*");
    assert_eq!(names(&listed(&narrow).await), META);
    assert_eq!(found(&narrow, json!({})).await, ["shop_price"]);
    // Where they are listed, there are no tools about tools.
    let unknown = json!({ "code": -32602, "message": "Unknown tool: tool_search" });
    assert_eq!(at("/mcp").call("tool_search", json!({})).await, unknown);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let answer = at("/mcp?listing=some").post(&body).await;
    assert_eq!(answer.status(), 400);
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    assert!(text.contains("`listing` in the URL must be `all` or `search`"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_told_how_to_find_tools() {
    let (_server, all, _) = searching();
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let answer = all.rpc("initialize", hello).await;
    let told = answer["result"]["instructions"].as_str().unwrap();
    assert!(told.starts_with("The tools are not listed. Find them with tool_search"), "{told}");
}
