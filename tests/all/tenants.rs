//! Two tenants of one host, with the same component, under the same names, at the same time: neither learns
//! anything of the other.

use std::{collections::BTreeMap, path::Path};

use http_body_util::Full;
use hyper::{Request, Response, body::Bytes};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    Client, Received, Server, Upstream,
    tenancy::{audit, callers, shop},
};

const TENANTS: [&str; 2] = ["acme", "apex"];
const ITEMS: usize = 8;
const WORKERS: usize = 12;
/// Of each worker; a third of each kind.
const CALLS: usize = 24;
const OF_A_TENANT: usize = WORKERS * CALLS;

fn token(tenant: &str) -> String {
    format!("canary-{tenant}-7/1")
}

fn sent_token(received: &Received) -> &str {
    received.headers.get("x-token").map_or("", |value| value.to_str().unwrap())
}

/// One upstream for both: who asks is told by the token alone.
async fn shelf() -> Upstream {
    Upstream::start(|received| {
        let owner = TENANTS.into_iter().find(|tenant| sent_token(received) == token(tenant));
        let body = owner.map(|owner| format!("{} of {owner}", received.target));
        Response::new(Full::from(body.unwrap_or_default()))
    })
    .await
}

/// A tenant with the service `shop`, and a token of its own under a name both use.
fn tenant(name: &str, dir: &Path, url: &str, limits: &str, others: &str) -> String {
    let file = dir.join(format!("token-of-{name}"));
    std::fs::write(&file, token(name)).unwrap();
    let rest = format!(
        "limits: {{ requests_per_second: 100000 }}, \
         credentials: [{{ for: '{url}', header: X-Token, value: '${{secret:token}}' }}]"
    );
    let shop = shop("shop", &format!("sign of {name}"), Some(url), &rest);
    let secrets = format!("secrets: {{ token: {{ file: '{}' }} }}", file.display());
    format!("{name}: {{ limits: {{ {limits} }}, {secrets}, services: {{ {shop}{others} }} }}")
}

/// The lines of the audit log that a caller is shown.
async fn audited(server: &Server, key: &str, query: &str) -> (u16, Value) {
    let url = format!("http://{}/api/v1/audit{query}", server.address);
    let client = server.client_of(key, "/mcp");
    let response = client.send(Request::get(url).body(String::new()).unwrap()).await;
    let mut body: Value = serde_json::from_slice(response.body()).unwrap();
    let entries = if body["entries"].is_array() { body["entries"].take() } else { body };
    (response.status().as_u16(), entries)
}

/// One call of `nth` kind, with its answer checked to the last word.
async fn one_call(client: &Client, tenant: &str, nth: usize) {
    let item = format!("item-{}", nth % ITEMS);
    let sign = format!("sign of {tenant}");
    match nth % 3 {
        0 => {
            let expected = json!({ "sign": sign, "tenant": tenant, "caller": format!("{tenant}-agent") });
            assert_eq!(client.ok("shop_who", json!({})).await, expected);
        }
        1 => {
            let expected = json!({ "sign": sign, "status": 200, "found": format!("/{item} of {tenant}") });
            assert_eq!(client.ok("shop_read", json!({ "item": item })).await, expected);
        }
        _ => {
            let said = client.call("shop_say", json!({ "words": format!("said by {tenant}") })).await;
            assert_eq!(said["content"][0]["text"], format!("said by {tenant}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_that_call_at_once_share_nothing() {
    let (dir, upstream) = (tempfile::tempdir().unwrap(), shelf().await);
    let (auth, keys) = callers([
        ("acme-agent", "acme", "tools: ['*']"),
        ("apex-agent", "apex", "tools: ['*']"),
        ("acme-admin", "acme", "tools: [], admin: true"),
        ("apex-admin", "apex", "tools: [], admin: true"),
    ]);
    let limits = format!("calls_per_day: {OF_A_TENANT}");
    let tenants = [("acme", limits.as_str()), ("apex", "")]
        .map(|(name, limits)| tenant(name, dir.path(), &upstream.url(), limits, ""));
    let config = format!("{auth}{}tenants: {{ {} }}\n", audit(dir.path()), tenants.join(", "));
    let server = Server::start(&config);

    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        for (tenant, key) in TENANTS.into_iter().zip(&keys) {
            let client = server.client_of(key, "/mcp");
            workers.spawn(async move {
                for n in 0..CALLS {
                    one_call(&client, tenant, worker + n).await;
                }
            });
        }
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
    }

    // One's day is over; the other's is not.
    let (reason, text) = server.client_of(&keys[0], "/mcp").refused("shop_who", json!({})).await;
    assert_eq!(reason, "quota_exceeded");
    assert!(text.contains("`tenants.acme.limits.calls_per_day`"), "{text}");
    server.client_of(&keys[1], "/mcp").ok("shop_who", json!({})).await;

    // Each item was asked for once by each, with its own token.
    let mut asked: BTreeMap<(String, String), usize> = BTreeMap::new();
    for received in upstream.received() {
        let tenant = received.headers["x-tenant"].to_str().unwrap();
        assert_eq!(sent_token(&received), token(tenant));
        *asked.entry((tenant.to_owned(), received.target)).or_default() += 1;
    }
    assert!(asked.len() == 2 * ITEMS && asked.values().all(|times| *times == 1), "{asked:?}");

    // What a guest says is told as its tenant's.
    let log = server.log_until_now_of(&server.client_of(&keys[1], "/mcp")).await;
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for (tenant, other) in [("acme", "apex"), ("apex", "acme")] {
        let own: Vec<_> =
            lines.iter().filter(|line| line["tenant"] == tenant).map(Value::to_string).collect();
        let said = own.iter().filter(|line| line.contains(&format!("printed in sign of {tenant}"))).count();
        assert_eq!(said, OF_A_TENANT / 3);
        assert!(own.iter().all(|line| !line.contains(other)), "{tenant}");
        assert!(!log.contains(&token(tenant)));
    }

    // An admin is shown its tenant's calls, and is told nothing else.
    for (at, tenant) in TENANTS.into_iter().enumerate() {
        let (status, lines) = audited(&server, &keys[2 + at], "?limit=10000").await;
        let lines = lines.as_array().unwrap();
        assert_eq!(status, 200);
        // The last is the one above, and for one of them the name the log was asked for by.
        let calls: Vec<_> = lines.iter().filter(|line| line["service"] == "shop").collect();
        assert_eq!((calls.len(), lines.len()), (OF_A_TENANT + 1, OF_A_TENANT + 1 + at));
        assert!(lines.iter().all(|line| line["tenant"] == tenant), "{lines:?}");
        assert!(!lines.iter().any(|line| line.to_string().contains(TENANTS[1 - at])));
        let cached = calls.iter().filter(|line| line["cached"] == true).count();
        assert_eq!(cached, OF_A_TENANT / 3 - ITEMS);
        let (status, refused) =
            audited(&server, &keys[2 + at], &format!("?tenant={}", TENANTS[1 - at])).await;
        assert_eq!((status, refused["error"]["code"].as_i64()), (400, Some(-32600)));
        assert_eq!(audited(&server, &keys[at], "").await.0, 403);
    }
}

/// A response without what differs from one to the next, and with another name in place of the one asked for.
fn told(response: &Response<Bytes>, name: &str) -> (u16, Vec<String>, String) {
    let headers = response.headers().iter().filter(|(name, _)| *name != "date");
    let headers = headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    let body = String::from_utf8_lossy(response.body()).replace(name, "NAME");
    (response.status().as_u16(), headers, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_tenant_has_is_answered_like_what_nobody_has() {
    let (dir, upstream) = (tempfile::tempdir().unwrap(), shelf().await);
    let (auth, [apex, admin]) =
        callers([("agent", "apex", "tools: ['*']"), ("admin", "apex", "tools: ['*'], admin: true")]);
    let stall = format!(", {}", shop("stall", "stall of acme", None, ""));
    let tenants = [
        tenant("acme", dir.path(), &upstream.url(), "", &stall),
        tenant("apex", dir.path(), &upstream.url(), "", ""),
    ];
    let server =
        Server::start(&format!("{auth}{}tenants: {{ {} }}\n", audit(dir.path()), tenants.join(", ")));
    let call = |name: &str| {
        let params = json!({ "name": name, "arguments": {} });
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string()
    };
    let list = || json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let ask = async |path: &str, name: &str, body: &str| {
        let response = server.client_of(&apex, &path.replace("NAME", name)).post(body).await;
        told(&response, name)
    };
    // `stall` is the other tenant's, `stale` nobody's.
    for path in ["/mcp", "/mcp/NAME", "/mcp/shop", "/mcp?tools=NAME_*"] {
        let theirs = ask(path, "stall", &call("stall_who")).await;
        assert_eq!(theirs, ask(path, "stale", &call("stale_who")).await, "{path}");
        assert_eq!(theirs.0, if path == "/mcp/NAME" { 404 } else { 200 });
        let theirs = ask(path, "stall", &list()).await;
        assert_eq!(theirs, ask(path, "stale", &list()).await, "{path}");
        assert!(!theirs.2.contains("NAME"), "{theirs:?}");
    }
    let client = server.client_of(&apex, "/mcp");
    let unknown = json!({ "code": -32602, "message": "Unknown tool: stall_who" });
    assert_eq!(client.call("stall_who", json!({})).await, unknown);
    let hello = client.rpc("initialize", json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } })).await;
    assert!(!hello.to_string().contains("stall"), "{hello}");
    let health = format!("http://{}/healthz", server.address);
    let health =
        server.client_of(&admin, "/mcp").send(Request::get(health).body(String::new()).unwrap()).await;
    let health: Value = serde_json::from_slice(health.body()).unwrap();
    assert_eq!(health, json!({ "status": "ok", "services": [{ "name": "shop", "state": "serving" }] }));
    let (_, lines) = audited(&server, &admin, "?limit=1").await;
    assert_eq!((&lines[0]["rule"], &lines[0]["service"]), (&json!("no such tool"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_key_says_which_tenant_it_is() {
    let (dir, upstream) = (tempfile::tempdir().unwrap(), shelf().await);
    let (auth, [apex]) = callers([("agent", "apex", "tools: ['*']")]);
    let tenants = TENANTS.map(|name| tenant(name, dir.path(), &upstream.url(), "", ""));
    let server = Server::start(&format!("{auth}tenants: {{ {} }}\n", tenants.join(", ")));
    let expected = json!({ "sign": "sign of apex", "tenant": "apex", "caller": "agent" });
    for header in ["x-tenant", "tenant", "x-tenant-id", "x-bulkhead-tenant", "mcp-tenant", "x-forwarded-user"]
    {
        let client = server.client_of(&apex, "/mcp").with(header, "acme");
        assert_eq!(client.ok("shop_who", json!({})).await, expected, "{header}");
    }
    let meta =
        json!({ "name": "shop_who", "arguments": {}, "_meta": { "tenant": "acme", "caller": "acme" } });
    let answer = server.client_of(&apex, "/mcp").rpc("tools/call", meta).await;
    assert_eq!(answer["result"]["structuredContent"], expected);
    let paths = [
        ("/mcp/acme", 404),
        ("/mcp/acme/shop", 404),
        ("/acme/mcp", 404),
        ("/mcp/acme%2Fshop", 404),
        ("/mcp/shop/../../acme", 404),
        ("/mcp?tenant=acme", 400),
    ];
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    for (path, status) in paths {
        assert_eq!(server.client_of(&apex, path).post(&list).await.status(), status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_in_no_sink() {
    let (dir, upstream) = (
        tempfile::tempdir().unwrap(),
        Upstream::start(|received| {
            let status = if received.target.contains("broken") { 500 } else { 200 };
            let echo = format!("{} {}", received.target, sent_token(received));
            Response::builder().status(status).body(Full::from(echo)).unwrap()
        })
        .await,
    );
    let (traced, mut traces) = tokio::sync::mpsc::unbounded_channel();
    let collector = Upstream::start(move |received| {
        let _ = traced.send(received.body.clone());
        Response::new(Full::default())
    })
    .await;
    let (auth, [key, admin]) = callers([
        ("agent", "acme", "tools: ['*'], when: [{ tools: [shop_price], allow: 'args.aisle == \"fruit\"' }]"),
        ("admin", "acme", "tools: [], admin: true"),
    ]);
    let config = format!(
        "{auth}{}telemetry: {{ otlp: {{ endpoint: '{}' }} }}\ntenants: {{ {} }}\n",
        audit(dir.path()),
        collector.url(),
        tenant("acme", dir.path(), &upstream.url(), "", "")
    );
    let server = Server::start(&config);
    let client = server.client_of(&key, "/mcp");
    let argument = "canary-argument";
    let mut answers = String::new();
    for (tool, arguments) in [
        ("shop_read", json!({ "item": "apple" })),
        ("shop_write", json!({ "item": "broken" })),
        ("shop_read", json!({ "item": 7 })),
        ("shop_who", json!({ "surplus": argument })),
        ("shop_price", json!({ "aisle": argument })),
        ("shop_price", json!({ "aisle": [argument] })),
        ("shop_nothing", json!({ "aisle": argument })),
    ] {
        answers.push_str(&client.call(tool, arguments).await.to_string());
    }
    let wrong = format!("{}x", &key[..key.len() - 1]);
    let refused = server.client_of(&wrong, "/mcp").post("{}").await;
    assert_eq!(refused.status(), 401);
    answers.push_str(&String::from_utf8_lossy(refused.body()));
    assert_eq!(
        upstream.received().iter().filter(|received| sent_token(received) == token("acme")).count(),
        2
    );

    let metrics = format!("http://{}/metrics", server.address);
    let metrics =
        server.client_of(&admin, "/mcp").send(Request::get(metrics).body(String::new()).unwrap()).await;
    let (_, lines) = audited(&server, &admin, "?limit=100").await;
    let files = std::fs::read_dir(dir.path().join("audit")).unwrap();
    let files: String = files
        .filter_map(|entry| std::fs::read(entry.unwrap().path()).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    let log = server.log_until_now_of(&client).await;
    let spans = traces.recv().await.unwrap();
    for (sink, text, mark) in [
        ("answers", answers, "[removed]"),
        ("metrics", String::from_utf8_lossy(metrics.body()).into_owned(), "bulkhead_calls"),
        ("audit", lines.to_string(), "shop_price"),
        ("audit files", files, "shop_price"),
        ("log", log, "shop_price"),
        ("traces", spans, "shop_"),
    ] {
        assert!(text.contains(mark), "{sink} has nothing in it: {text}");
        for secret in [&token("acme"), "canary-acme", &key, &wrong, &admin] {
            assert!(!text.contains(secret), "{sink}: {text}");
        }
        assert!(sink == "answers" || !text.contains(argument), "{sink}: {text}");
    }
}
