//! A tool that says what its calls send is held to it: within the service's grant, and nothing else of the service is.

use http_body_util::Full;
use hyper::{Response, body::Bytes};
use serde_json::{Value, json};

use super::{drawn, sending};
use crate::support::{Client, Received, Server, Upstream, run};

fn hello(received: &Received) -> Response<Full<Bytes>> {
    Response::new(Full::from(format!("{} {}", received.method, received.target)))
}

/// Two tools that say what they send, and one that claims everything.
fn tools(upstream: &str, other: &str) -> Value {
    let all = |url: &str| json!({ "url": format!("{url}/**"), "methods": ["GET", "DELETE"] });
    json!([
        sending("get_pet", "GET", "{config.url}/v1/pets/*"),
        sending("add_pet", "POST", &format!("{upstream}/v1/pets")),
        { "name": "greedy", "meta": { "bulkhead/egress": [all(upstream), all(other)] } },
        { "name": "mute", "meta": { "bulkhead/egress": [] } },
    ])
}

/// What a call of a tool of the guest comes to: what the upstream answered, or the reason.
async fn sent(client: &Client, tool: &str, method: &str, url: &str) -> String {
    let arguments = json!({ "method": method, "url": url });
    let result = client.call(&format!("drawn_{tool}"), arguments.clone()).await;
    if result["isError"] == json!(true) {
        return client.refused(&format!("drawn_{tool}"), arguments).await.0;
    }
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_sends_only_what_its_tool_says_and_the_service_may() {
    let (upstream, stranger) = (Upstream::start(hello).await, Upstream::start(hello).await);
    let (own, other) = (upstream.url(), stranger.url());
    let server = Server::start(&drawn(&json!({ "url": own, "tools": tools(&own, &other) }), ""));
    let client = server.client();
    let path = |path: &str| format!("{own}{path}");
    assert_eq!(sent(&client, "get_pet", "GET", &path("/v1/pets/7?q=1")).await, "GET /v1/pets/7?q=1");
    assert_eq!(sent(&client, "add_pet", "POST", &path("/v1/pets")).await, "POST /v1/pets");
    assert_eq!(sent(&client, "greedy", "GET", &path("/x")).await, "GET /x");
    for (tool, method, url) in [
        ("get_pet", "POST", path("/v1/pets/7")),
        ("get_pet", "GET", path("/v1/pets")),
        ("get_pet", "GET", path("/v1/pets/7/../../admin")),
        ("add_pet", "POST", path("/v1/pets/7")),
        ("mute", "GET", path("/v1/pets/7")),
        ("greedy", "GET", format!("{other}/v1")),
        ("greedy", "DELETE", path("/v1")),
    ] {
        let mark = server.mark();
        assert_eq!(sent(&client, tool, method, &url).await, "denied", "{tool} {method} {url}");
        let refused = |entry: &Value| entry["message"] == "outbound request refused";
        let reason = server.logged_after(mark, refused)["reason"].clone();
        let expected = if tool == "greedy" { "no_rule" } else { "no_rule_of_tool" };
        assert_eq!(reason, expected, "{tool} {method} {url}");
    }
    // The host asks for the service's health as well.
    let received = upstream.received().into_iter().filter(|received| received.target != "/health");
    assert_eq!((received.count(), stranger.accepted()), (3, 0));
    // Clients are not shown what is between the component and the host.
    assert!(!client.rpc("tools/list", json!({})).await.to_string().contains("bulkhead/egress"));
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_resources_and_health_have_the_whole_grant() {
    let upstream = Upstream::start(hello).await;
    let own = upstream.url();
    let config = drawn(&json!({ "url": own, "tools": [sending("get", "GET", "{config.url}/a")] }), "");
    let server = Server::start(&config);
    let client = server.client();
    let arguments = json!({ "name": "drawn_look", "arguments": { "url": format!("{own}/b") } });
    let prompt = client.rpc("prompts/get", arguments).await;
    assert_eq!(prompt["result"]["messages"][0]["content"]["text"], "GET /b", "{prompt}");
    let read = client.rpc("resources/read", json!({ "uri": "drawn+page://beside" })).await;
    assert_eq!(read["result"]["contents"][0]["text"], "GET /beside", "{read}");
    let checked = run(&["check"], &config);
    let text = String::from_utf8(checked.stdout).unwrap();
    assert!(text.contains("  healthy     GET /health\n"), "{text}");
}

#[test]
fn a_tool_that_says_it_wrongly_leaves_its_service_out() {
    for (said, why) in [
        (json!("all"), "is not a list of"),
        (json!([{ "url": "https://h/a", "methods": ["GET"], "body": true }]), "unknown field `body`"),
        (json!([{ "url": "ftp://h/a", "methods": ["GET"] }]), "[0]: `ftp://h/a` is not a URL pattern"),
        (json!([{ "url": "https://h/a", "methods": ["TRACE"] }]), "[0]: TRACE is never allowed"),
    ] {
        let tools = json!([{ "name": "get", "meta": { "bulkhead/egress": said } }]);
        let output = run(&["check", "--offline"], &drawn(&json!({ "tools": tools }), ""));
        let text = String::from_utf8(output.stderr).unwrap();
        let begin = "service `drawn`: tool `get`: meta: `bulkhead/egress`";
        assert!(text.contains(begin) && text.contains(why), "{text}");
        assert_eq!(output.status.code(), Some(1));
    }
}

/// What `check --offline` prints of what may be sent.
fn checked(config: &str) -> String {
    let output = run(&["check", "--offline"], config);
    let text = String::from_utf8(output.stdout).unwrap();
    let about = |line: &&str| line.starts_with("  may send") || line.starts_with("  beside");
    text.lines().filter(about).map(|line| format!("{line}\n")).collect()
}

#[test]
fn check_shows_what_the_tools_send_where_each_says_it() {
    let wide = "  may send    GET POST https://h.example/**\n";
    let all = json!([
        sending("get", "GET", "{config.url}/pets/*"),
        sending("put", "POST", "{config.url}/pets/*"),
        sending("more", "GET", "https://*.example/**"),
        sending("less", "GET", "{config.url}/a"),
    ]);
    let config = |tools: &Value| json!({ "url": "https://h.example", "tools": tools });
    assert_eq!(
        checked(&drawn(&config(&json!([all[0], all[1], all[3]])), "")),
        "  may send    GET POST https://h.example/pets/*\n\
         \x20 may send    GET https://h.example/a\n\
         \x20 beside      GET POST https://h.example/** (not its tools: listing them, health, prompts, resources)\n"
    );
    // A tool that claims more than the grant gets the grant.
    let narrowed = "egress: [{ url: 'https://h.example/pets/**', methods: [GET] }]";
    assert_eq!(
        checked(&drawn(&config(&all), narrowed)),
        "  may send    GET https://h.example/pets/*\n  may send    GET https://h.example/pets/**\n"
    );
    // One that says nothing may send all that the service may.
    let silent = json!([all[0], { "name": "silent" }]);
    assert_eq!(checked(&drawn(&config(&silent), "")), wide);
    // A tool that is not served sends nothing.
    let disabled = "tools: { disable: [drawn_silent] }";
    assert!(
        checked(&drawn(&config(&silent), disabled))
            .starts_with("  may send    GET https://h.example/pets/*\n")
    );
    let output = run(&["check", "--offline", "--json"], &drawn(&config(&json!([all[3]])), ""));
    let data: Value = serde_json::from_slice(&output.stdout).unwrap();
    let service = &data["services"][0];
    assert_eq!(service["egress"], json!([{ "url": "https://h.example/a", "methods": "GET", "query": null }]));
    let beside = json!([{ "url": "https://h.example/**", "methods": "GET POST", "query": null }]);
    assert_eq!(service["egressBeside"], beside);
}

#[test]
fn explain_says_which_tools_may_send_a_request() {
    let own = "http://127.0.0.1:9";
    let tools =
        json!([sending("get", "GET", "{config.url}/pets/*"), sending("all", "GET", "{config.url}/**")]);
    let config = drawn(&json!({ "url": own, "tools": tools }), "");
    let explain = |method: &str, path: &str, more: &[&str]| {
        let url = format!("{own}{path}");
        let asked = ["explain", "--service", "drawn", "--method", method, "--url", &url];
        let output = run(&[&asked, more].concat(), &config);
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (tool, dialled) = (["--tool", "drawn_get"], "  address     127.0.0.1 (may be dialled)\n");
    assert_eq!(
        explain("GET", "/pets/1", &[]),
        (
            Some(0),
            format!(
                "ALLOWED  GET {own}/pets/1 from service `drawn`\n  rule        GET POST {own}/**\n\
                 \x20 tools       drawn_get, drawn_all\n{dialled}"
            )
        )
    );
    assert_eq!(
        explain("GET", "/pets/1", &tool),
        (
            Some(0),
            format!(
                "ALLOWED  GET {own}/pets/1 from tool `drawn_get` of service `drawn`\n\
                 \x20 rule        GET {own}/pets/*\n{dialled}"
            )
        )
    );
    let no_tool = "the service may send it, and no call of this tool, or of any, says it does";
    assert_eq!(
        explain("GET", "/a", &tool),
        (
            Some(1),
            format!(
                "REFUSED  GET {own}/a from tool `drawn_get` of service `drawn`\n  reason      {no_tool}\n\
                 \x20 may send    GET {own}/pets/*\n"
            )
        )
    );
    let (code, text) = explain("POST", "/pets/1", &["--json"]);
    let explained: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &explained["reason"]), (Some(1), &json!("no_rule_of_tool")));
    assert_eq!(explained["rules"], json!([format!("GET {own}/pets/*"), format!("GET {own}/**")]));
    let (code, text) = explain("GET", "/a", &["--tool", "drawn_gat"]);
    let why = "error: service `drawn` has no tool `drawn_gat`. Did you mean `drawn_get`?\n";
    assert_eq!((code, text.as_str()), (Some(1), why));
}
