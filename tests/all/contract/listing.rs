//! Lists, page by page, and who sees them.

use serde_json::{Value, json};

use super::{Modern, error, served, without_data};

pub(super) const OUTDATED: &str = "cursor: is unknown or outdated; list again from the beginning";

pub(super) async fn page(client: &Modern, cursor: Option<&Value>) -> Value {
    let params = cursor.map_or(json!({}), |cursor| json!({ "cursor": cursor }));
    client.ask("resources/list", params).await
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_are_listed_page_by_page() {
    let (_server, [all]) = served([("all", "tools: ['*']")], "");
    let first = page(&all, None).await;
    let uri = |resource: &Value| resource["uri"].as_str().unwrap().to_owned();
    let uris = |page: &Value| page["resources"].as_array().unwrap().iter().map(uri).collect::<Vec<_>>();
    let mut seen = uris(&first);
    // What is of another scheme has the service's name in front.
    assert_eq!(
        seen[..4],
        [
            "test://static-text",
            "test://static-binary",
            "test://watched-resource",
            "test+file:///elsewhere.txt"
        ]
    );
    assert_eq!((&first["ttlMs"], &first["cacheScope"]), (&json!(60_000), &json!("private")));
    // Two of the service's pages are enough for one of ours.
    assert_eq!(seen.len(), 5 + 60 + 60);
    let second = page(&all, Some(&first["nextCursor"])).await;
    seen.extend(uris(&second));
    assert_eq!(seen.len(), 5 + 180);
    assert_eq!(seen.last().unwrap(), "test://template/179/data");
    assert_eq!(second["nextCursor"], Value::Null);
    // A cursor is no ticket: it gives the same page again.
    assert_eq!(uris(&page(&all, Some(&first["nextCursor"])).await), uris(&second));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_for_its_caller_and_its_list() {
    let (_server, [alice, bob]) = served([("alice", "tools: ['*']"), ("bob", "tools: ['*']")], "");
    let cursor = page(&alice, None).await["nextCursor"].clone();
    let text = cursor.as_str().unwrap();
    assert_eq!(page(&bob, Some(&cursor)).await, error(-32602, OUTDATED));
    assert_eq!(page(&alice, Some(&json!(format!("{text}A")))).await, error(-32602, OUTDATED));
    assert_eq!(page(&alice, Some(&json!("2"))).await, error(-32602, OUTDATED));
    for list in ["tools/list", "prompts/list", "resources/templates/list"] {
        assert_eq!(alice.ask(list, json!({ "cursor": cursor })).await, error(-32602, OUTDATED), "{list}");
    }
    let elsewhere = Modern { url: alice.url.clone() + "/test", ..alice.clone() };
    assert_eq!(page(&elsewhere, Some(&cursor)).await, error(-32602, OUTDATED));
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_and_templates_are_listed_from_memory() {
    let (server, [all]) = served([("all", "tools: ['*']")], "");
    let prompts = all.ask("prompts/list", json!({})).await;
    assert_eq!(
        prompts["prompts"][0],
        json!({
            "name": "test_simple_prompt", "title": "Simple", "description": "A prompt without arguments. (0)",
        })
    );
    assert_eq!(
        prompts["prompts"][1]["arguments"],
        json!([
            { "name": "arg1", "description": "The first.", "required": true },
            { "name": "arg2", "description": "The second.", "required": true },
        ])
    );
    let templates = all.ask("resources/templates/list", json!({})).await;
    assert_eq!(
        templates["resourceTemplates"],
        json!([
            { "uriTemplate": "test://template/{id}/data", "name": "Items", "mimeType": "application/json" },
        ])
    );
    assert!(!server.log_until_now_of(&all.client).await.contains("prompts/list"));
}

/// What the caller is offered, by its capabilities, and what it gets of it.
async fn offered(client: &Modern) -> Vec<String> {
    let discovered = client.ask("server/discover", json!({})).await;
    let capabilities = discovered["capabilities"].as_object().unwrap();
    let mut offered: Vec<String> = capabilities.keys().cloned().collect();
    offered.retain(|name| !["logging", "tools", "extensions"].contains(&name.as_str()));
    offered
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_may_not_use_is_not_there() {
    let (_server, [all, tools, prompt, resources, none]) = served(
        [
            ("all", "tools: ['*']"),
            ("tools", "tools: [test_simple_text]"),
            ("prompt", "tools: [test_simple_prompt], read_only: true"),
            ("resources", "tools: [test_resources], read_only: true"),
            ("denied", "tools: ['*'], deny_tools: [test_resources, 'test_*prompt*']"),
        ],
        "",
    );
    assert_eq!(offered(&all).await, ["completions", "prompts", "resources"]);
    assert_eq!(offered(&prompt).await, ["completions", "prompts"]);
    assert_eq!(offered(&resources).await, ["completions", "resources"]);
    let read = json!({ "uri": "test://static-text" });
    let get = json!({ "name": "test_simple_prompt" });
    for client in [&tools, &none] {
        assert_eq!(offered(client).await, [""; 0]);
        for (method, params) in [
            ("resources/list", json!({})),
            ("resources/templates/list", json!({})),
            ("resources/read", read.clone()),
            ("prompts/list", json!({})),
            ("prompts/get", get.clone()),
        ] {
            assert_eq!(client.ask(method, params).await, error(-32601, method));
        }
    }
    let names = prompt.ask("prompts/list", json!({})).await;
    assert_eq!(names["prompts"].as_array().unwrap().len(), 1);
    assert_eq!(
        resources.ask("resources/read", read).await["contents"][0]["uri"],
        json!("test://static-text")
    );
    // One that exists and one that does not look the same.
    for name in ["test_prompt_with_image", "test_nothing"] {
        let answer = prompt.ask("prompts/get", json!({ "name": name })).await;
        assert_eq!(answer, error(-32602, &format!("Unknown prompt: {name}")));
    }
    // A name of one kind is none of another.
    let answer = all.ask("prompts/get", json!({ "name": "test_simple_text" })).await;
    assert_eq!(without_data(answer), error(-32602, "Unknown prompt: test_simple_text"));
    assert_eq!(all.call("test_resources", json!({})).await, error(-32602, "Unknown tool: test_resources"));
}
