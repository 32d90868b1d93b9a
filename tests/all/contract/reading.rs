//! Prompts, resources and completions, and what is recorded of them.

use bulkhead::{
    app,
    ask::Accepts,
    config::load,
    operation::Operation,
    request::{CallId, CallRequest, Credentials, Events, Scope, Via},
};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{audited, error, fixture, one, served, without_data};
use crate::support::{
    Server, run,
    tenancy::{audit, callers},
};

#[tokio::test(flavor = "multi_thread")]
async fn resources_are_read_by_their_uris() {
    let (_server, [all]) = served([("all", "tools: ['*']")], "");
    let read = async |uri: &str| all.ask("resources/read", json!({ "uri": uri })).await;
    let text = "This is the content of the static text resource.";
    let plain = |uri: &str| json!([{ "uri": uri, "mimeType": "text/plain", "text": text }]);
    assert_eq!(read("test://static-text").await["contents"], plain("test://static-text"));
    assert_eq!(read("test+file:///elsewhere.txt").await["contents"], plain("test+file:///elsewhere.txt"));
    let binary = read("test://static-binary").await["contents"][0].clone();
    assert_eq!(binary["mimeType"], json!("image/png"));
    assert!(binary["blob"].as_str().unwrap().starts_with("iVBORw0KGgo"), "{binary}");
    let item: Value = serde_json::from_str(
        read("test://template/a%20b/data").await["contents"][0]["text"].as_str().unwrap(),
    )
    .unwrap();
    assert_eq!(item["id"], json!("a b"));
    // Links in results go by the same names; what is on the web keeps its own.
    let resource = all.call("test_embedded_resource", json!({})).await["content"][0]["resource"].clone();
    assert_eq!(resource["uri"], json!("test://embedded-resource"));
    let params = |uri: &str| json!({ "name": "test_prompt_with_embedded_resource", "arguments": { "resourceUri": uri } });
    for (given, seen) in [("file:///a", "test+file:///a"), ("https://a.example/", "https://a.example/")] {
        let prompt = all.ask("prompts/get", params(given)).await;
        assert_eq!(prompt["messages"][0]["content"]["resource"]["uri"], json!(seen));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found_in_every_version() {
    let (_server, [all]) = served([("all", "tools: ['*']")], "");
    for (uri, message) in [
        ("test://nothing", "there is no resource `test://nothing`"),
        ("other://nothing", "Resource not found: other://nothing"),
        ("test+test://static-text", "Resource not found: test+test://static-text"),
        ("nothing", "Resource not found: nothing"),
    ] {
        let answer = all.ask("resources/read", json!({ "uri": uri })).await;
        assert_eq!(without_data(answer), error(-32602, message));
        let mut answer = all.client.rpc("resources/read", json!({ "uri": uri })).await;
        assert_eq!(without_data(answer["error"].take()), error(-32002, message));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_reading_ends_that_read_alone() {
    let (_server, [all]) = served([("all", "tools: ['*']")], "");
    let answer = all.ask("resources/read", json!({ "uri": "test://template/trap/data" })).await;
    assert_eq!(answer["code"], json!(-32000));
    assert_eq!(answer["data"]["bulkhead/error"]["reason"], json!("trapped"));
    let answer = all.ask("resources/read", json!({ "uri": "test://template/1/data" })).await;
    assert_eq!(answer["contents"][0]["uri"], json!("test://template/1/data"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_is_too_large_is_refused_whole() {
    let server = Server::start(&one(&fixture("limits: { result_bytes: 32B }")));
    let answer = server.client().rpc("resources/read", json!({ "uri": "test://static-text" })).await;
    assert_eq!(answer["error"]["message"], json!("what was asked for is larger than the limit of 32 B"));
    assert_eq!(answer["error"]["data"]["bulkhead/error"]["reason"], json!("result_too_large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_are_filled_in() {
    let (_server, [all]) = served([("all", "tools: ['*']")], "");
    let get = async |name: &str, arguments: Value| {
        all.ask("prompts/get", json!({ "name": name, "arguments": arguments })).await
    };
    let filled = get("test_prompt_with_arguments", json!({ "arg1": "hello", "arg2": "world" })).await;
    assert_eq!(filled["description"], json!("Two arguments, filled in."));
    let text = "Prompt with arguments: arg1='hello', arg2='world'";
    assert_eq!(filled["messages"], json!([{ "role": "user", "content": { "type": "text", "text": text } }]));
    let image = get("test_prompt_with_image", json!({})).await;
    assert_eq!(image["messages"][0]["content"]["mimeType"], json!("image/png"));
    assert_eq!(image["messages"][1]["role"], json!("assistant"));
    let refused = get("test_prompt_with_arguments", json!({ "arg1": 1, "arg3": "x" })).await;
    let faults = "arguments.arg1: is not a string; arguments.arg3: the prompt has no such argument; \
                  arguments.arg2: is required";
    assert_eq!(without_data(refused), error(-32602, faults));
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_completed() {
    let (_server, [all, prompt]) =
        served([("all", "tools: ['*']"), ("prompt", "tools: [test_simple_prompt]")], "");
    let complete = |reference: Value, name: &str, value: &str| {
        let settled = json!({ "arguments": { "arg1": "paris" } });
        json!({ "ref": reference, "argument": { "name": name, "value": value }, "context": settled })
    };
    let of_prompt = json!({ "type": "ref/prompt", "name": "test_prompt_with_arguments" });
    let of_template = json!({ "type": "ref/resource", "uri": "test://template/{id}/data" });
    let method = "completion/complete";
    let first = all.ask(method, complete(of_prompt.clone(), "arg1", "par")).await;
    assert_eq!(
        first["completion"],
        json!({ "values": ["paris", "park", "party"], "total": 3, "hasMore": false })
    );
    let second = all.ask(method, complete(of_prompt.clone(), "arg2", "x")).await;
    assert_eq!(second["completion"]["values"], json!(["paris-x"]));
    let items = all.ask(method, complete(of_template.clone(), "id", "")).await;
    assert_eq!(items["completion"]["values"].as_array().unwrap().len(), 100);
    assert_eq!((&items["completion"]["total"], &items["completion"]["hasMore"]), (&json!(150), &json!(true)));
    let unknown = all.ask(method, complete(of_prompt.clone(), "arg9", "")).await;
    assert_eq!(unknown["completion"]["values"], json!([]));
    // Whoever may not use it cannot complete it either.
    let answer = prompt.ask(method, complete(of_prompt, "arg1", "")).await;
    assert_eq!(answer, error(-32602, "Unknown prompt: test_prompt_with_arguments"));
    let answer = prompt.ask(method, complete(of_template, "id", "")).await;
    assert_eq!(answer, error(-32602, "Resource not found: test://template/{id}/data"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_is_audited_and_limited() {
    let dir = tempfile::tempdir().unwrap();
    let limits = "tools: ['*'], limits: { calls_per_day: 8 }";
    let (server, [all]) = served([("all", limits)], &audit(dir.path()));
    let read = |uri: &str| json!({ "uri": uri });
    all.call("test_simple_text", json!({})).await;
    all.ask("prompts/get", json!({ "name": "test_simple_prompt" })).await;
    all.ask("resources/read", read("test://static-text?token=hidden#there")).await;
    all.ask("resources/read", read("test://template/trap/data")).await;
    let reference = json!({ "type": "ref/prompt", "name": "test_prompt_with_arguments" });
    all.ask("completion/complete", json!({ "ref": reference, "argument": { "name": "arg1", "value": "" } }))
        .await;
    all.call("test_input_required_result_elicitation", json!({})).await;
    all.ask("resources/list", json!({})).await;
    // Two pages of the service were two calls: that makes eight.
    let refused = all.ask("prompts/get", json!({ "name": "test_simple_prompt" })).await;
    assert_eq!(refused["data"]["bulkhead/error"]["reason"], json!("quota_exceeded"));
    // Lists from memory cost nothing.
    assert!(all.ask("prompts/list", json!({})).await["prompts"].is_array());
    drop(server);
    assert_eq!(
        audited(dir.path()),
        [
            "tools/call test_simple_text ok",
            "prompts/get test_simple_prompt ok",
            "resources/read test://static-text not_found",
            "resources/read test://template/trap/data trapped",
            "completion/complete test_prompt_with_arguments ok",
            "tools/call test_input_required_result_elicitation input_required",
            "resources/list test_resources ok",
            "resources/list test_resources ok",
            "prompts/get test_simple_prompt quota_exceeded",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_may_write_tells_whoever_watches_a_resource() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bulkhead.yaml");
    std::fs::write(&file, one(&fixture(""))).unwrap();
    let host = app::build(load::file(&file).unwrap()).await.unwrap();
    let caller = host.authenticate(&Credentials::Local, None).await.unwrap();
    let (all, elsewhere) = (Scope::all(), Scope::service("elsewhere".into()));
    let mut watch = host.watch(&caller, &all, "test://watched-resource").unwrap();
    assert!(host.watch(&caller, &all, "other://nothing").is_none());
    assert!(host.watch(&caller, &elsewhere, "test://watched-resource").is_none());
    let call = async |operation| {
        let request = CallRequest {
            id: CallId::new(),
            credentials: Credentials::Local,
            scope: Scope::all(),
            operation,
            answers: None,
            accepts: Accepts::default(),
            traceparent: None,
            via: Via::default(),
            events: Events::none(),
            cancelled: CancellationToken::new(),
        };
        host.call(request).await.unwrap()
    };
    call(Operation::ReadResource { uri: "test://watched-resource".into() }).await;
    assert!(!watch.has_changed().unwrap());
    call(Operation::CallTool { name: "test_simple_text".into(), arguments: Map::new() }).await;
    assert!(watch.has_changed().unwrap());
    watch.mark_unchanged();
    assert!(!watch.has_changed().unwrap());
}

#[test]
fn the_right_to_prompts_and_resources_is_explained() {
    let (auth, _) =
        callers([("reader", "acme", "tools: ['test_*'], deny_tools: ['test_*image'], read_only: true")]);
    let config = auth + &one(&fixture(""));
    let explain = |name: &str| {
        let output = run(&["explain", "--tool", name, "--caller", "reader"], &config);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    for name in ["test_resources", "test_simple_prompt"] {
        let (code, text) = explain(name);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.starts_with(&format!("ALLOWED  {name} for ")), "{text}");
    }
    for (name, rule) in [
        ("test_prompt_with_image", "deny_tools: test_*image"),
        ("test_simple_text", "read_only: true"), // a tool that does not say so is not read-only
    ] {
        let (code, text) = explain(name);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.starts_with(&format!("REFUSED  {name} for ")) && text.contains(rule), "{text}");
    }
    assert_eq!(explain("test_nothing").0, Some(1));
}
