//! Questions of a guest, as 2026-07-28 has them: asked as a result, answered with a second call.

use serde_json::{Value, json};

use super::{Modern, error, served, without_data};

pub(super) const UNKNOWN: &str = "requestState: is unknown, outdated or used already; call again without it";
pub(super) const NAME: &str = "test_input_required_result_elicitation";

/// The second call: an answer to the first's only question.
pub(super) fn back(asked: &Value, answer: Value) -> Value {
    let key = asked["inputRequests"].as_object().unwrap().keys().next().unwrap();
    json!({ "inputResponses": { (key): answer }, "requestState": asked["requestState"] })
}

pub(super) fn accepted(content: Value) -> Value {
    json!({ "action": "accept", "content": content })
}

pub(super) fn text(answer: &Value) -> &str {
    answer["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

async fn client() -> (crate::support::Server, Modern) {
    let (server, [client]) = served([("all", "tools: ['*']")], "");
    (server, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_asks_and_is_answered() {
    let (_server, client) = client().await;
    let asked = client.call(NAME, json!({})).await;
    assert_eq!(asked["resultType"], json!("input_required"));
    let schema =
        json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
    let question = &asked["inputRequests"]["user_name"];
    assert_eq!(question["method"], json!("elicitation/create"));
    assert_eq!(question["params"]["message"], json!("What is your name?"));
    assert_eq!(question["params"]["requestedSchema"], schema);
    let answer = client.call(NAME, back(&asked, accepted(json!({ "name": "Ann" })))).await;
    assert_eq!(text(&answer), "Hello, Ann!");
    assert_eq!(answer["resultType"], json!("complete"));
    for action in ["decline", "cancel"] {
        let asked = client.call(NAME, json!({})).await;
        let answer = client.call(NAME, back(&asked, json!({ "action": action }))).await;
        assert_eq!(text(&answer), "Hello, stranger!");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_and_the_client_are_asked_likewise() {
    let (_server, client) = client().await;
    let tool = "test_input_required_result_multiple_inputs";
    let asked = client.call(tool, json!({})).await;
    let methods = asked["inputRequests"].as_object().unwrap();
    let methods: Vec<_> = methods.values().map(|question| question["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["roots/list", "sampling/createMessage", "elicitation/create"]);
    let responses = json!({
        "user_name": accepted(json!({ "name": "Ann" })),
        "greeting": { "role": "assistant", "model": "m", "content": { "type": "text", "text": "Good day" } },
        "client_roots": { "roots": [{ "uri": "file:///a" }, { "uri": "file:///b" }] },
    });
    let more = json!({ "inputResponses": responses, "requestState": asked["requestState"] });
    assert_eq!(text(&client.call(tool, more).await), "Good day (2 roots)");
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_and_resources_ask_too() {
    let (_server, client) = client().await;
    let prompt = json!({ "name": "test_input_required_result_prompt" });
    let resource = json!({ "uri": "test://asks" });
    for (method, params, answer, pointer, said) in [
        (
            "prompts/get",
            prompt,
            json!({ "context": "rain" }),
            "/messages/0/content/text",
            "Use this context: \"rain\"",
        ),
        ("resources/read", resource, json!({ "reason": "work" }), "/contents/0/text", "because \"work\""),
    ] {
        let asked = client.ask(method, params.clone()).await;
        assert_eq!(asked["resultType"], json!("input_required"), "{asked}");
        let mut again = params;
        for (key, value) in back(&asked, accepted(answer)).as_object().unwrap() {
            again[key] = value.clone();
        }
        assert_eq!(client.ask(method, again).await.pointer(pointer), Some(&json!(said)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_used_once_by_its_caller_for_its_request() {
    let (_server, [alice, bob]) = served([("alice", "tools: ['*']"), ("bob", "tools: ['*']")], "");
    let asked = alice.call(NAME, json!({})).await;
    let answer = back(&asked, accepted(json!({ "name": "Ann" })));
    let of_another = "requestState: is of another request; send the same method, name and arguments again";
    let refused = |answer| without_data(answer);
    let mut tampered = answer.clone();
    tampered["requestState"] = json!(format!("{}-TAMPERED", answer["requestState"].as_str().unwrap()));
    assert_eq!(refused(alice.call(NAME, tampered).await), error(-32602, UNKNOWN));
    assert_eq!(refused(bob.call(NAME, answer.clone()).await), error(-32602, UNKNOWN));
    let other = alice.call("test_input_required_result_request_state", answer.clone()).await;
    assert_eq!(refused(other), error(-32602, of_another));
    let mut otherwise = answer.clone();
    otherwise["arguments"] = json!({ "message": "Other?" });
    let first = alice.call("test_elicitation", json!({ "arguments": { "message": "Who?" } })).await;
    otherwise["requestState"] = first["requestState"].clone();
    assert_eq!(refused(alice.call("test_elicitation", otherwise).await), error(-32602, of_another));
    // A cursor is no state.
    let mut cursor = answer.clone();
    cursor["requestState"] = alice.ask("resources/list", json!({})).await["nextCursor"].clone();
    assert_eq!(refused(alice.call(NAME, cursor).await), error(-32602, UNKNOWN));
    assert_eq!(text(&alice.call(NAME, answer.clone()).await), "Hello, Ann!");
    assert_eq!(refused(alice.call(NAME, answer).await), error(-32602, UNKNOWN));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_is_refused_and_may_be_mended() {
    let (_server, client) = client().await;
    let asked = client.call(NAME, json!({})).await;
    for (answer, why) in [
        (json!(12345), "inputResponses.user_name: is not an object"),
        (
            accepted(json!({ "name": 1 })),
            "inputResponses.user_name: content.name: value is not of type \"string\"",
        ),
        (accepted(json!({})), "inputResponses.user_name: content: \"name\" is a required property"),
        (
            json!({ "action": "perhaps" }),
            "inputResponses.user_name: action: is not `accept`, `decline` or `cancel`",
        ),
    ] {
        assert_eq!(without_data(client.call(NAME, back(&asked, answer)).await), error(-32602, why));
    }
    let large = json!({ "action": "decline", "content": { "x": "x".repeat(1 << 20) } });
    let why = "inputResponses.user_name: the answers are larger than 1024 KiB";
    assert_eq!(without_data(client.call(NAME, back(&asked, large)).await), error(-32602, why));
    let answer = client.call(NAME, back(&asked, accepted(json!({ "name": "Ann" })))).await;
    assert_eq!(text(&answer), "Hello, Ann!");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_brought_along_are_used_when_they_are_asked_for() {
    let (_server, client) = client().await;
    let responses = json!({
        "user_name": accepted(json!({ "name": "Ann" })),
        "not_asked": accepted(json!({ "foo": "bar" })),
    });
    let answer = client.call(NAME, json!({ "inputResponses": responses })).await;
    assert_eq!(text(&answer), "Hello, Ann!");
    // They are checked as others are.
    let wrong = json!({ "inputResponses": { "user_name": 12345 } });
    let why = "inputResponses.user_name: is not an object";
    assert_eq!(without_data(client.call(NAME, wrong).await), error(-32602, why));
    // An answer to something else is none: it is asked.
    let other = json!({ "inputResponses": { "wrong_key": accepted(json!({})) } });
    assert_eq!(client.call(NAME, other).await["resultType"], json!("input_required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_may_ask_again_and_not_for_ever() {
    let (_server, client) = client().await;
    let tool = "test_input_required_result_multi_round";
    let first = client.call(tool, json!({})).await;
    let second = client.call(tool, back(&first, accepted(json!({ "name": "Ann" })))).await;
    assert_eq!(second["inputRequests"]["step2"]["method"], json!("elicitation/create"));
    let done = client.call(tool, back(&second, accepted(json!({ "color": "red" })))).await;
    assert_eq!(text(&done), "Ann likes \"red\"");

    let tool = "test_input_required_result_for_ever";
    let mut asked = client.call(tool, json!({})).await;
    for _ in 1..8 {
        assert_eq!(asked["resultType"], json!("input_required"));
        asked = client.call(tool, back(&asked, accepted(json!({ "ok": true })))).await;
    }
    let end = client.call(tool, back(&asked, accepted(json!({ "ok": true })))).await;
    assert_eq!(end["isError"], json!(true));
    assert_eq!(text(&end), "the integration asked the user more than 8 times in one call");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_asked_only_what_it_declared() {
    let (_server, client) = client().await;
    let nothing = client.declaring(json!({}));
    let params = json!({ "name": "test_missing_capability", "arguments": {} });
    let (status, messages) = nothing.messages("tools/call", params).await;
    assert_eq!(status, 400);
    assert_eq!(messages[0]["error"]["code"], json!(-32021));
    assert_eq!(messages[0]["error"]["data"]["requiredCapabilities"], json!({ "sampling": {} }));
    let refused = nothing.call(NAME, json!({})).await;
    assert_eq!(refused["data"]["requiredCapabilities"], json!({ "elicitation": {} }));
    // Who fills in forms need not open pages.
    let refused = client.call("test_input_required_result_page", json!({})).await;
    assert_eq!(refused["data"]["requiredCapabilities"], json!({ "elicitation": { "url": {} } }));
    let pages = client.declaring(json!({ "elicitation": { "form": {}, "url": {} } }));
    let asked = pages.call("test_input_required_result_page", json!({})).await;
    assert_eq!(asked["inputRequests"]["page"]["params"]["url"], json!("https://sign.in.example/"));
    let done =
        pages.call("test_input_required_result_page", back(&asked, json!({ "action": "accept" }))).await;
    assert_eq!(text(&done), "action=accept, content={}");
    // The guest knows whom it asks.
    let sampling = client.declaring(json!({ "sampling": {} }));
    let asked = sampling.call("test_input_required_result_capabilities", json!({})).await;
    assert_eq!(asked["inputRequests"].as_object().unwrap().keys().collect::<Vec<_>>(), ["model"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_log_reaches_a_client_that_asks_for_it() {
    let (_server, client) = client().await;
    let log = async |level: Option<&str>| {
        let mut params = json!({ "name": "test_logging_tool", "arguments": {} });
        if let Some(level) = level {
            params["_meta"] = json!({ "io.modelcontextprotocol/logLevel": level });
        }
        let (_, messages) = client.messages("tools/call", params).await;
        let said = messages.into_iter().filter(|message| message["method"] == "notifications/message");
        said.map(|message| message["params"].clone()).collect::<Vec<_>>()
    };
    let said = log(Some("info")).await;
    let line = |text: &str| json!({ "level": "info", "logger": "test", "data": text });
    assert_eq!(
        said,
        ["Tool execution started", "Tool processing data", "Tool execution completed"].map(line)
    );
    assert_eq!(log(Some("warning")).await, [json!(null); 0]);
    assert_eq!(log(None).await, [json!(null); 0]);
}
