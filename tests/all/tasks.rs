//! Calls that outlive their request: whose they are, how long they are kept, how they are answered and ended, and that
//! clients without tasks see nothing of them.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{Client, Server, component, tenancy::callers};

const TASKS: &str = "io.modelcontextprotocol/tasks";

/// The services `hostile` and `task`, in the tenant `acme`.
fn tenants(rest: &str) -> String {
    let file = |name: &str| component(name).display().to_string();
    format!(
        "tenants: {{ globex: {{}}, acme: {{ services: {{ hostile: {{ component: '{}', {rest} }}, \
         task: {{ component: '{}', config: {{ prefix: task }} }} }} }} }}\n",
        file("hostile"),
        file("conformance")
    )
}

/// A host for `alice`, with her client.
fn serving(tasks: &str, rest: &str) -> (Server, Client) {
    let (auth, [alice]) = callers([("alice", "acme", "tools: ['*'], admin: true")]);
    let server = Server::start(&format!("server: {{ tasks: {{ {tasks} }} }}\n{auth}{}", tenants(rest)));
    let client = server.client_of(&alice, "/mcp");
    (server, client)
}

fn meta(capabilities: &Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    })
}

fn declared() -> Value {
    meta(&json!({ "elicitation": {}, "extensions": { TASKS: {} } }))
}

/// A request of 2026-07-28; the whole response message.
async fn send(client: &Client, method: &str, name: &str, mut params: Value, meta: Value) -> Value {
    params["_meta"] = meta;
    let client = client.clone().with("mcp-protocol-version", "2026-07-28");
    client.with("mcp-method", method).with("mcp-name", name).rpc(method, params).await
}

/// The result of a call of a client that knows tasks.
async fn call(client: &Client, tool: &str, arguments: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    send(client, "tools/call", tool, params, declared()).await["result"].take()
}

/// The handle of a call that became a task.
async fn begin(client: &Client, tool: &str, arguments: Value) -> String {
    let begun = call(client, tool, arguments).await;
    assert_eq!((&begun["resultType"], &begun["status"]), (&json!("task"), &json!("working")), "{begun}");
    begun["taskId"].as_str().unwrap().to_owned()
}

/// Any request about a task; result or error.
async fn about(client: &Client, method: &str, handle: &str, mut params: Value) -> Value {
    params["taskId"] = handle.into();
    let mut answer = send(client, method, handle, params, declared()).await;
    if answer["error"].is_null() { answer["result"].take() } else { answer["error"].take() }
}

async fn get(client: &Client, handle: &str) -> Value {
    about(client, "tasks/get", handle, json!({})).await
}

async fn update(client: &Client, handle: &str, responses: Value) -> Value {
    about(client, "tasks/update", handle, json!({ "inputResponses": responses })).await
}

async fn cancel(client: &Client, handle: &str) -> Value {
    about(client, "tasks/cancel", handle, json!({})).await
}

/// Asks until the task is no more at work: clients have no other way either.
async fn settled(client: &Client, handle: &str) -> Value {
    loop {
        let now = get(client, handle).await;
        if now["status"] != "working" {
            return now;
        }
    }
}

fn acknowledged() -> Value {
    json!({ "resultType": "complete" })
}

fn unknown() -> Value {
    let why = "taskId: is not known here: no task was begun under it for you, or it has expired";
    json!({ "code": -32602, "message": why })
}

async fn metric(client: &Client, name: &str) -> i64 {
    let text = client.get("/metrics").await;
    let line = text.lines().find(|line| line.split(' ').next() == Some(name));
    line.unwrap_or_else(|| panic!("{text}")).split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_outlives_its_request_and_its_connection() {
    let (auth, [alice]) = callers([("alice", "acme", "tools: ['*'], admin: true")]);
    let server = Server::start(&format!("server: {{ tasks: {{ after: 50ms }} }}\n{auth}{}", tenants("")));
    let first = server.client_of(&alice, "/mcp");
    let begun = call(&first, "hostile_nap", json!({ "ms": 700 })).await;
    drop(first);
    let handle = begun["taskId"].as_str().unwrap();
    assert!(begun.get("result").is_none() && begun["ttlMs"].as_u64().unwrap() >= 600_000, "{begun}");
    let other = server.client_of(&alice, "/mcp/task"); // whose a task is does not depend on where it is asked for
    let now = get(&other, handle).await;
    assert_eq!((&now["taskId"], &now["status"]), (&json!(handle), &json!("working")));
    assert_eq!(metric(&other, "bulkhead_tasks").await, 1);
    let end = settled(&other, handle).await;
    assert_eq!((&end["status"], &end["resultType"]), (&json!("completed"), &json!("complete")));
    assert_eq!(end["result"]["content"], json!([{ "type": "text", "text": "rested" }]));
    assert_eq!(end["createdAt"], begun["createdAt"]);
    assert_eq!(get(&other, handle).await, end);
    // One call, one record.
    let log = server.log_until_now_of(&other).await;
    assert_eq!(log.matches("\"tool\":\"hostile_nap\"").count(), 1, "{log}");
    // Of what has ended nothing is left to cancel.
    assert_eq!(cancel(&other, handle).await, acknowledged());
    assert_eq!(settled(&other, handle).await["status"], json!("completed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_call_and_a_client_without_tasks_are_answered_as_ever() {
    let (_server, client) = serving("after: 1ms", "");
    let nap = json!({ "name": "hostile_nap", "arguments": { "ms": 100 } });
    for capabilities in [json!({}), json!({ "extensions": { "com.example/other": {} } })] {
        let answer = send(&client, "tools/call", "hostile_nap", nap.clone(), meta(&capabilities)).await;
        assert_eq!(answer["result"]["content"][0]["text"], json!("rested"), "{answer}");
    }
    assert_eq!(client.call("hostile_nap", json!({ "ms": 100 })).await["content"][0]["text"], json!("rested"));
    assert_eq!(metric(&client, "bulkhead_tasks").await, 0);
    // Nor is there anything for them to ask.
    let needed = json!({ "requiredCapabilities": { "extensions": { TASKS: {} } } });
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let params = json!({ "taskId": "any", "inputResponses": {} });
        let error = send(&client, method, "any", params, meta(&json!({}))).await["error"].take();
        assert_eq!((&error["code"], &error["data"]), (&json!(-32021), &needed), "{error}");
    }
    // A tool that says so is always a task, and one that must be is only for who knows tasks.
    let (server, client) = serving("after: 1h", "");
    assert_eq!(call(&client, "hostile_nap", json!({ "ms": 1 })).await["resultType"], json!("complete"));
    let job = json!({ "name": "task_failing_job", "arguments": {} });
    let error = send(&client, "tools/call", "task_failing_job", job, meta(&json!({}))).await["error"].take();
    assert_eq!((&error["code"], &error["data"]), (&json!(-32021), &needed), "{error}");
    server.logged(|entry| entry["tool"] == "task_failing_job" && entry["outcome"] == "needs_tasks");
    assert_eq!(client.refused("task_failing_job", json!({})).await.0, "needs_tasks");
    let handle = begin(&client, "task_failing_job", json!({})).await;
    let end = settled(&client, &handle).await;
    assert_eq!((&end["status"], &end["result"]["isError"]), (&json!("completed"), &json!(true)), "{end}");
    let handle = begin(&client, "task_protocol_error_job", json!({})).await;
    let end = settled(&client, &handle).await;
    assert_eq!((&end["status"], &end["error"]["code"]), (&json!("failed"), &json!(-32021)), "{end}");
    assert!(end.get("result").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_nothing_to_others() {
    let (auth, [alice, bob, eve]) = callers([
        ("alice", "acme", "tools: ['*']"),
        ("bob", "acme", "tools: ['*'], admin: true"),
        ("eve", "globex", "tools: ['*']"),
    ]);
    let config = |auth: &str| format!("server: {{ tasks: {{ after: 1ms }} }}\n{auth}{}", tenants(""));
    let server = Server::start(&config(&auth));
    let client = server.client_of(&alice, "/mcp");
    let handle = begin(&client, "task_confirm_delete", json!({ "filename": "f" })).await;
    assert_eq!(settled(&client, &handle).await["status"], json!("input_required"));
    let mut tampered = handle.clone().into_bytes();
    tampered[40] ^= 1;
    let tampered = String::from_utf8(tampered).unwrap();
    let yes = json!({ "confirm": { "action": "accept", "content": { "confirm": true } } });
    for (thief, id) in [
        (server.client_of(&bob, "/mcp"), handle.as_str()),
        (server.client_of(&eve, "/mcp"), &handle),
        (client.clone(), &tampered),
        (client.clone(), "tasks-nonexistent"),
    ] {
        assert_eq!(get(&thief, id).await, unknown());
        assert_eq!(update(&thief, id, yes.clone()).await, unknown());
        assert_eq!(cancel(&thief, id).await, unknown());
    }
    assert_eq!(get(&client, &handle).await["status"], json!("input_required"));
    // A header that says otherwise is no way around.
    let params = json!({ "taskId": handle });
    let error = send(&client, "tasks/get", "another", params, declared()).await["error"].take();
    assert_eq!(error["code"], json!(-32020), "{error}");
    // With her key, the right to it is gone.
    let (other, _) = callers([("bob", "acme", "tools: ['*']")]);
    server.edit(&config(&other));
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": { "taskId": handle } });
    assert_eq!(client.post(&body.to_string()).await.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_kept_for_its_time_and_not_longer() {
    let (_server, client) = serving("after: 1ms, ttl: 400ms", "");
    let handle = begin(&client, "hostile_nap", json!({ "ms": 100 })).await;
    let end = settled(&client, &handle).await;
    let ttl = end["ttlMs"].as_u64().unwrap();
    assert!(end["status"] == "completed" && (400..60_000).contains(&ttl), "{end}");
    let mut last = end;
    while last["status"] == "completed" {
        last = get(&client, &handle).await;
    }
    assert_eq!(last, unknown());
    while metric(&client, "bulkhead_tasks").await != 0 {} // and its memory is free
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_cancelled_stops_its_guest_and_keeps_its_place_until_then() {
    let (server, client) = serving("after: 1ms", "limits: { concurrent_calls: 1 }");
    let handle = begin(&client, "hostile_nap", json!({ "ms": 20_000 })).await;
    let (reason, _) = client.refused("hostile_add", json!({ "a": 1, "b": 2 })).await;
    assert_eq!(reason, "throttled");
    assert_eq!(cancel(&client, &handle).await, acknowledged());
    assert_eq!(get(&client, &handle).await["status"], json!("cancelled"));
    server.logged(|entry| entry["tool"] == "hostile_nap" && entry["outcome"] == "cancelled");
    while client.call("hostile_add", json!({ "a": 1, "b": 2 })).await["isError"] == json!(true) {}
    // One that waits for answers takes none any more.
    let handle = begin(&client, "task_confirm_delete", json!({ "filename": "f" })).await;
    assert_eq!(settled(&client, &handle).await["status"], json!("input_required"));
    assert_eq!(cancel(&client, &handle).await, acknowledged());
    let yes = json!({ "confirm": { "action": "accept", "content": { "confirm": true } } });
    assert_eq!(update(&client, &handle, yes).await, acknowledged());
    assert_eq!(get(&client, &handle).await["status"], json!("cancelled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_as_many_tasks_as_there_may_be_calls_are_answered_as_ever() {
    for (limits, limit, scope) in
        [("per_caller: 1", "tasks_per_caller", "caller"), ("total: 1, per_caller: 1", "tasks", "host")]
    {
        let (server, client) = serving(&format!("after: 1ms, {limits}"), "");
        let handle = begin(&client, "hostile_nap", json!({ "ms": 20_000 })).await;
        let answer = call(&client, "hostile_nap", json!({ "ms": 100 })).await;
        assert_eq!(
            (&answer["resultType"], &answer["content"][0]["text"]),
            (&json!("complete"), &json!("rested"))
        );
        // Also of a tool that is always a task.
        let answer = call(&client, "task_failing_job", json!({})).await;
        assert_eq!((&answer["resultType"], &answer["isError"]), (&json!("complete"), &json!(true)));
        let hit = format!("bulkhead_limits_hit_total{{limit=\"{limit}\",scope=\"{scope}\"}}");
        assert_eq!(metric(&client, &hit).await, 2);
        server.logged(|entry| entry["level"] == "INFO" && entry["limit"] == limit);
        assert_eq!(cancel(&client, &handle).await, acknowledged());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_task_asks_is_answered_bit_by_bit() {
    let (server, client) = serving("after: 1h", "");
    let handle = begin(&client, "task_multi_input", json!({})).await;
    let asking = settled(&client, &handle).await;
    assert_eq!(asking["inputRequests"]["first"]["method"], json!("elicitation/create"));
    assert!(asking.get("requestState").is_none(), "{asking}");
    let keys = |task: &Value| -> Vec<String> {
        task["inputRequests"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&asking), ["first", "second"]);
    let name = |name: Value| json!({ "action": "accept", "content": { "name": name } });
    // An answer that is none changes nothing, nor does one to what was not asked.
    let wrong =
        update(&client, &handle, json!({ "first": name(json!(7)), "second": name(json!("b")) })).await;
    assert_eq!(wrong["code"], json!(-32602));
    assert!(
        wrong["message"].as_str().unwrap().starts_with("inputResponses.first: content.name: "),
        "{wrong}"
    );
    assert_eq!(update(&client, &handle, json!({ "third": 3 })).await, acknowledged());
    assert_eq!(keys(&get(&client, &handle).await), ["first", "second"]);
    assert_eq!(update(&client, &handle, json!({ "first": name(json!("a")) })).await, acknowledged());
    let half = get(&client, &handle).await;
    assert_eq!((&half["status"], keys(&half)), (&json!("input_required"), vec!["second".to_owned()]));
    // What is answered is answered.
    let both = json!({ "first": name(json!("z")), "second": name(json!("b")) });
    assert_eq!(update(&client, &handle, both).await, acknowledged());
    let end = settled(&client, &handle).await;
    let told = json!({ "first": { "name": "a" }, "second": { "name": "b" } });
    assert_eq!((&end["status"], &end["result"]["structuredContent"]), (&json!("completed"), &told), "{end}");
    for outcome in ["input_required", "ok"] {
        server.logged(|entry| entry["tool"] == "task_multi_input" && entry["outcome"] == outcome);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_end_with_the_host() {
    let (server, client) = serving("after: 1ms", "");
    begin(&client, "hostile_nap", json!({ "ms": 20_000 })).await;
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    server.logged(|entry| entry["tool"] == "hostile_nap" && entry["outcome"] == "cancelled");
}

#[test]
fn there_are_tasks_over_stdio() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bulkhead.yaml");
    let config =
        format!("server: {{ tasks: {{ after: 50ms }} }}\n{}", tenants("").replace("globex: {}, ", ""));
    std::fs::write(&file, config).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_bulkhead"))
        .args(["stdio", "--log", "error", "--config"])
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut ask = |method: &str, mut params: Value| -> Value {
        params["_meta"] = declared();
        writeln!(input, "{}", json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
            .unwrap();
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "the host is gone");
        serde_json::from_str::<Value>(&line).unwrap()["result"].take()
    };
    assert_eq!(ask("server/discover", json!({}))["capabilities"]["extensions"], json!({ TASKS: {} }));
    let begun = ask("tools/call", json!({ "name": "hostile_nap", "arguments": { "ms": 500 } }));
    assert_eq!(begun["resultType"], json!("task"), "{begun}");
    let end = loop {
        let now = ask("tasks/get", json!({ "taskId": begun["taskId"] }));
        if now["status"] != "working" {
            break now;
        }
    };
    assert_eq!(end["result"]["content"][0]["text"], json!("rested"), "{end}");
    // One that is running ends with the host, and the host with its client.
    ask("tools/call", json!({ "name": "hostile_nap", "arguments": { "ms": 20_000 } }));
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
