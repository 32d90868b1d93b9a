//! Who may use which tool, how the operator has tools seen, and what becomes of their results.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http_body_util::Full;
use hyper::{Request, Response};
use serde_json::{Value, json};

use crate::support::{
    Client, Server, Upstream,
    tenancy::{audit, callers, shop},
};

/// The tools of the guest, in its order.
const TOOLS: [&str; 6] = ["who", "read", "write", "say", "nap", "price"];

const PRESETS: &str =
    "presets: { reading: { tools: ['shop_r*', 'shop_p*'] }, writing: { tools: ['*'], tags: write } }\n";

/// Arguments that suit each tool.
fn suitable(tool: &str) -> Value {
    match tool {
        "read" | "write" => json!({ "item": "apple" }),
        "say" => json!({ "words": "w" }),
        "nap" => json!({ "ms": 0 }),
        "price" => json!({ "aisle": "fruit" }),
        _ => json!({}),
    }
}

/// The names a client is told, without the service's.
async fn listed(client: &Client) -> Vec<String> {
    let list = client.rpc("tools/list", json!({})).await;
    let tools = list["result"]["tools"].as_array().unwrap_or_else(|| panic!("{list}")).iter();
    tools.map(|tool| tool["name"].as_str().unwrap().trim_start_matches("shop_").to_owned()).collect()
}

/// Whether exactly these tools are listed and can be called, and each other is answered as unknown.
async fn has(client: &Client, what: &str, tools: &[&str]) {
    assert_eq!(listed(client).await, tools, "{what}");
    for tool in TOOLS {
        let name = format!("shop_{tool}");
        let answer = client.call(&name, suitable(tool)).await;
        let unknown = json!({ "code": -32602, "message": format!("Unknown tool: {name}") });
        assert_eq!(answer == unknown, !tools.contains(&tool), "{what}, {tool}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_have_the_tools_they_were_given_and_know_of_no_others() {
    let rights: [(&str, &str, &[&str]); 9] = [
        ("all", "tools: ['*']", &TOOLS),
        ("glob", "tools: ['shop_w*']", &["who", "write"]),
        ("deny", "tools: ['*'], deny_tools: ['shop_w*', shop_nap]", &["read", "say", "price"]),
        ("tags", "tools: ['*'], tags: 'shelf and not write'", &["read", "price"]),
        ("preset", "presets: [reading]", &["read", "price"]),
        ("both", "presets: [reading], tools: [shop_nap]", &["read", "nap", "price"]),
        ("reader", "tools: ['*'], read_only: true", &["who", "read", "say", "nap", "price"]),
        ("none", "tools: []", &[]),
        ("elsewhere", "tools: ['stall_*']", &[]),
    ];
    let (auth, keys) = callers(rights.map(|(id, rest, _)| (id, "acme", rest)));
    let config = format!(
        "{auth}{PRESETS}tenants: {{ acme: {{ services: {{ {} }} }} }}\n",
        shop("shop", "s", None, "")
    );
    let server = Server::start(&config);
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    for ((id, _, tools), key) in rights.iter().zip(&keys) {
        has(&server.client_of(key, "/mcp"), id, tools).await;
        let service = server.client_of(key, "/mcp/shop");
        let none = server.client_of(key, "/mcp/none").post(&list).await;
        assert_eq!(none.status(), 404);
        if tools.is_empty() {
            let answer = service.post(&list).await;
            assert_eq!((answer.status(), answer.body()), (none.status(), none.body()), "{id}");
        } else {
            has(&service, id, tools).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_takes_tools_away_and_gives_none() {
    let (auth, [all, few, none]) = callers([
        ("all", "acme", "tools: ['*']"),
        ("few", "acme", "tools: ['shop_w*', shop_price], read_only: true"),
        ("none", "acme", "tools: []"),
    ]);
    let config = format!(
        "{auth}{PRESETS}tenants: {{ acme: {{ services: {{ {} }} }} }}\n",
        shop("shop", "s", None, "")
    );
    let server = Server::start(&config);
    let queries: [(&str, &[&str], &[&str]); 9] = [
        ("", &TOOLS, &["who", "price"]),
        ("?tools=*", &TOOLS, &["who", "price"]),
        ("?tools=shop_write,shop_who", &["who", "write"], &["who"]),
        ("?tags=shelf", &["read", "write", "price"], &["price"]),
        ("?tags=shelf+and+not+write&tools=shop_r*", &["read"], &[]),
        ("?preset=reading", &["read", "price"], &["price"]),
        ("?preset=writing", &["write"], &[]),
        ("?preset=reading&tools=shop_p*&tags=shelf", &["price"], &["price"]),
        ("?tools=stall_*", &[], &[]),
    ];
    for (query, of_all, of_few) in queries {
        has(&server.client_of(&all, &format!("/mcp{query}")), query, of_all).await;
        has(&server.client_of(&few, &format!("/mcp{query}")), query, of_few).await;
        has(&server.client_of(&none, &format!("/mcp{query}")), query, &[]).await;
        if !of_few.is_empty() {
            has(&server.client_of(&few, &format!("/mcp/shop{query}")), query, of_few).await;
        }
    }
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    for query in
        ["tool=a", "preset=nothing", "tags=(a", "tags=", "tools=", "tools=a&tools=b", "x=%FF", "preset="]
    {
        for path in ["/mcp", "/mcp/", "/mcp/shop", "/mcp/none"] {
            let answer = server.client_of(&all, &format!("{path}?{query}")).post(&list).await;
            let message: Value = serde_json::from_slice(answer.body()).unwrap();
            assert_eq!(
                (answer.status().as_u16(), &message["error"]["code"]),
                (400, &json!(-32600)),
                "{query}"
            );
        }
    }
}

/// The lines of the audit log, the latest last.
async fn audited(server: &Server, admin: &str) -> Vec<Value> {
    let url = format!("http://{}/api/v1/audit?limit=1000", server.address);
    let response = server.client_of(admin, "/mcp").send(Request::get(url).body(String::new()).unwrap()).await;
    let mut body: Value = serde_json::from_slice(response.body()).unwrap();
    let Value::Array(mut lines) = body["entries"].take() else { panic!("{body}") };
    lines.reverse();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_a_condition_forbids_are_refused_and_start_no_guest() {
    let dir = tempfile::tempdir().unwrap();
    let when = "tools: ['*'], admin: true, when: [\
                { tools: [shop_price], allow: 'args.aisle == \"fruit\" && (!has(args.size) || args.size < 10)' }, \
                { tools: ['shop_w*'], allow: 'tool.read_only && caller.id == \"agent\" && caller.tenant == \"acme\"' }]";
    let (auth, [key]) = callers([("agent", "acme", when)]);
    let config = format!(
        "{auth}{}tenants: {{ acme: {{ services: {{ {} }} }} }}\n",
        audit(dir.path()),
        shop("shop", "s", None, "")
    );
    let server = Server::start(&config);
    let client = server.client_of(&key, "/mcp");
    assert_eq!(listed(&client).await, TOOLS);
    for (tool, arguments, reason) in [
        ("shop_price", json!({ "aisle": "fruit" }), None),
        ("shop_price", json!({ "aisle": "fruit", "size": 9 }), None),
        ("shop_who", json!({}), None),
        ("shop_say", json!({ "words": "w" }), None),
        ("shop_price", json!({ "aisle": "fruit", "size": 10 }), Some("forbidden")),
        ("shop_price", json!({ "aisle": "meat" }), Some("forbidden")),
        ("shop_write", json!({ "item": "apple" }), Some("forbidden")),
        ("shop_price", json!({ "size": 1 }), Some("invalid_arguments")),
    ] {
        let result = client.call(tool, arguments).await;
        let detail = &result["_meta"]["bulkhead/error"];
        assert_eq!(detail["reason"].as_str(), reason, "{result}");
        let line = audited(&server, &key).await.pop().unwrap();
        assert_eq!(line["outcome"], reason.unwrap_or("ok"));
        if reason == Some("forbidden") {
            assert_eq!(result["content"][0]["text"], "these arguments are not allowed for this caller");
            assert!(line["rule"].as_str().unwrap().starts_with("when: "), "{line}");
            assert_eq!((&line["decision"], &line["cpu_us"]), (&json!("denied"), &Value::Null));
        } else {
            assert_eq!(line["decision"], "allowed", "{line}");
        }
    }
}

/// Answers each request with how many there were.
async fn counter() -> (Upstream, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let shared = count.clone();
    let upstream = Upstream::start(move |received| {
        let number = shared.fetch_add(1, Ordering::SeqCst) + 1;
        let status = if received.target == "/none" { 404 } else { 200 };
        Response::builder().status(status).body(Full::from(format!("{number} {}", received.target))).unwrap()
    })
    .await;
    (upstream, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_seen_as_the_operator_has_them() {
    let (upstream, _) = counter().await;
    let rest = "tools: { disable: [shop_nap], rename: { shop_who: whoami, shop_write: shop_nap }, \
                describe: { shop_say: 'Speaks.' }, fix: { shop_price: { size: 2 } }, \
                defaults: { shop_read: { item: apple } }, \
                shape: { shop_price: { select: '$.rows[*].item' }, shop_who: { select: '$.caller' } } }";
    let large = "tools: { shape: { large_price: { max_bytes: 1KiB } } }";
    let (auth, [all, named]) = callers([
        ("all", "acme", "tools: ['*'], deny_tools: ['large_r*']"),
        ("named", "acme", "tools: [whoami, shop_who]"),
    ]);
    let config = format!(
        "{auth}tenants: {{ acme: {{ services: {{ {}, {} }} }} }}\n",
        shop("shop", "s", Some(&upstream.url()), rest),
        shop("large", "l", None, large),
    );
    let server = Server::start(&config);
    let client = server.client_of(&all, "/mcp/shop");
    assert_eq!(listed(&client).await, ["whoami", "read", "nap", "say", "price"]);
    assert_eq!(listed(&server.client_of(&named, "/mcp")).await, ["whoami"]);
    let list = client.rpc("tools/list", json!({})).await;
    let tools = list["result"]["tools"].as_array().unwrap();
    assert_eq!(tools[3]["description"], "Speaks.");
    assert_eq!(tools[1]["inputSchema"]["properties"]["item"]["default"], "apple");
    assert!(tools[1]["inputSchema"]["required"].as_array().is_none_or(Vec::is_empty), "{}", tools[1]);
    assert!(!tools[4]["inputSchema"].to_string().contains("size"), "{}", tools[4]);

    // Renamed: the old name is unknown, unless another tool has it now.
    let who = client.call("whoami", json!({})).await;
    assert_eq!(who["content"][0]["text"], "\"all\"");
    for unknown in ["shop_who", "shop_write", "shop_whoami"] {
        let expected = json!({ "code": -32602, "message": format!("Unknown tool: {unknown}") });
        assert_eq!(client.call(unknown, json!({ "item": "a" })).await, expected);
    }
    assert_eq!(client.ok("shop_nap", json!({ "item": "a" })).await["found"], "1 /a");
    assert_eq!(upstream.received()[0].method, "POST");

    // Fixed and filled in.
    let price = client.call("shop_price", json!({ "aisle": "fruit" })).await;
    assert_eq!(price["content"][0]["text"], r#"["item-0","item-1"]"#);
    for size in [json!(2), json!(3), Value::Null] {
        let (reason, text) = client.refused("shop_price", json!({ "aisle": "fruit", "size": size })).await;
        let expected = "arguments.size: is set by the operator; leave it out";
        assert_eq!((reason.as_str(), text.as_str()), ("invalid_arguments", expected));
    }
    assert_eq!(client.ok("shop_read", json!({})).await["found"], "2 /apple");
    assert_eq!(client.ok("shop_read", json!({ "item": "pear" })).await["found"], "3 /pear");

    // Cut, and said so.
    let client = server.client_of(&all, "/mcp/large");
    let whole = client.call("large_price", json!({ "aisle": "fruit", "size": 3 })).await;
    assert_eq!(whole["_meta"], Value::Null);
    let cut = client.call("large_price", json!({ "aisle": "fruit", "size": 1000 })).await;
    let sizes = &cut["_meta"]["bulkhead/truncated"];
    assert!(sizes["shown"].as_u64().unwrap() <= 1024 && sizes["of"].as_u64().unwrap() > 30_000, "{sizes}");
    let rows = cut["structuredContent"]["rows"].as_array().unwrap();
    let mark = &rows.last().unwrap()["bulkhead/truncated"];
    assert_eq!((mark["of"].as_u64(), mark["shown"].as_u64()), (Some(1000), Some(rows.len() as u64 - 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_result_is_its_tenants_own_and_outdated_by_a_write() {
    let (dir, (upstream, count)) = (tempfile::tempdir().unwrap(), counter().await);
    let (auth, [one, two, other]) = callers([
        ("one", "acme", "tools: ['*'], admin: true"),
        ("two", "acme", "tools: ['*'], deny_tools: [stall_read]"),
        ("other", "apex", "tools: ['*']"),
    ]);
    let service = |name| shop(name, "s", Some(&upstream.url()), "");
    let config = format!(
        "{auth}{}tenants: {{ acme: {{ services: {{ {}, {} }} }}, apex: {{ services: {{ {} }} }} }}\n",
        audit(dir.path()),
        service("shop"),
        service("stall"),
        service("shop")
    );
    let server = Server::start(&config);
    let [one, two, other] = [one, two, other].map(|key| (server.client_of(&key, "/mcp"), key));
    let found = async |client: &Client, tool: &str, item: &str| {
        client.ok(tool, json!({ "item": item })).await["found"].as_str().unwrap().to_owned()
    };
    assert_eq!(found(&one.0, "shop_read", "a").await, "1 /a");
    assert_eq!(found(&one.0, "shop_read", "a").await, "1 /a");
    assert_eq!(found(&two.0, "shop_read", "a").await, "1 /a"); // of the same tenant
    assert_eq!(found(&other.0, "shop_read", "a").await, "2 /a");
    assert_eq!(found(&one.0, "stall_read", "a").await, "3 /a"); // another service
    assert_eq!(found(&one.0, "shop_read", "b").await, "4 /b");
    // Only those who may call it are answered from it.
    let unknown = json!({ "code": -32602, "message": "Unknown tool: stall_read" });
    assert_eq!(two.0.call("stall_read", json!({ "item": "a" })).await, unknown);

    assert_eq!(found(&two.0, "shop_write", "z").await, "5 /z");
    assert_eq!(found(&one.0, "shop_read", "a").await, "6 /a");
    assert_eq!(found(&one.0, "shop_read", "a").await, "6 /a");
    assert_eq!(found(&one.0, "stall_read", "a").await, "3 /a"); // the write was not its
    assert_eq!(found(&other.0, "shop_read", "a").await, "2 /a"); // nor this tenant's
    assert_eq!(found(&two.0, "shop_write", "z").await, "7 /z"); // never kept
    assert_eq!(count.load(Ordering::SeqCst), 7);

    let lines = audited(&server, &one.1).await;
    let reads = lines.iter().filter(|line| line["outcome"] == "ok");
    let cached: Vec<_> = reads.map(|line| (line["tool"].as_str().unwrap(), line["cached"] == true)).collect();
    let expected = [
        ("shop_read", false),
        ("shop_read", true),
        ("shop_read", true),
        ("stall_read", false),
        ("shop_read", false),
        ("shop_write", false),
        ("shop_read", false),
        ("shop_read", true),
        ("stall_read", true),
        ("shop_write", false),
    ];
    assert_eq!(cached, expected);
    // One that was kept had no guest, and sent nothing.
    for line in lines.iter().filter(|line| line["cached"] == true) {
        assert_eq!((&line["cpu_us"], &line["egress"]), (&Value::Null, &Value::Null), "{line}");
    }
}
