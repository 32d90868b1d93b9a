//! The direct way and rmcp's: the same answers, byte for byte, whatever is asked.

use hyper::Request;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use regex::bytes::Regex;
use serde_json::{Value, json};

use crate::support::{Client, Server, services};

const MODERN: &str = "2026-07-28";
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

fn config(direct: bool) -> String {
    let rest = "config: { prefix: test }, limits: { result_bytes: 64KiB }, tools: { rename: { test_simple_text: test_words } }";
    format!("server: {{ direct: {direct} }}\n{}", services("conformance", &[("test", rest)]))
}

/// A request, as far as it matters which way it goes.
#[derive(Clone, Debug, Default)]
struct Asked {
    headers: Vec<(&'static str, String)>,
    body: String,
    path: &'static str,
}

/// What came back: all of it but what is new each time.
#[derive(Debug, PartialEq)]
struct Came {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

async fn came(client: &Client, asked: &Asked) -> Came {
    let mut request = Request::post(format!("{}{}", client.url(), asked.path));
    for (name, value) in &asked.headers {
        request = request.header(*name, value);
    }
    let (parts, body) = client.send(request.body(asked.body.clone()).unwrap()).await.into_parts();
    let headers = parts.headers.iter().filter(|(name, _)| *name != "date");
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    // Ids of calls, and what is sealed anew each time.
    let fresh = Regex::new(r#"[0-9a-f]{32}|"requestState":"[^"]*""#).unwrap();
    let sealed = Regex::new(r#""requestState":"[^"]*""#).unwrap();
    let length_varies = sealed.is_match(&body);
    let body = String::from_utf8(fresh.replace_all(&body, &b"*"[..]).into_owned()).unwrap();
    let headers = headers.filter(|(name, _)| name != "content-length" || !length_varies);
    Came { status: parts.status.as_u16(), headers: headers.collect(), body }
}

/// The requests of clients of our days, and of some that are odd.
fn recorded() -> Vec<Asked> {
    let meta = json!({ META_VERSION: MODERN, META_CAPABILITIES: {} });
    let modern = |method: &str, mut params: Value, name: Option<&str>| {
        params["_meta"] = meta.clone();
        let mut headers =
            vec![("mcp-protocol-version", MODERN.to_owned()), ("mcp-method", method.to_owned())];
        headers.extend(name.map(|name| ("mcp-name", name.to_owned())));
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        Asked { headers, body: body.to_string(), path: "" }
    };
    let legacy = |version: Option<&str>, method: &str, params: Option<Value>| {
        let headers = version.map(|version| ("mcp-protocol-version", version.to_owned()));
        let mut body = json!({ "jsonrpc": "2.0", "id": "a \"b\"", "method": method });
        if let Some(params) = params {
            body["params"] = params;
        }
        Asked { headers: headers.into_iter().collect(), body: body.to_string(), path: "" }
    };
    let call = |name: &str, arguments: Value| {
        modern("tools/call", json!({ "name": name, "arguments": arguments }), Some(name))
    };
    let old = |name: &str| legacy(Some("2025-06-18"), "tools/call", Some(json!({ "name": name })));
    let mut all = vec![
        call("test_words", json!({})),
        call("test_image_content", json!({})),
        call("test_multiple_content_types", json!({})),
        call("test_error_handling", json!({})),
        call("test_tool_with_progress", json!({})),
        call("test_tool_with_logging", json!({})),
        call("test_elicitation", json!({})),
        call("test_input_required_result_elicitation", json!({})),
        call("test_custom_header", json!({ "region": "x" })),
        call("test_failing_job", json!({})),
        call("test_no_such_tool", json!({})),
        call("test_words", json!({ "unknown": 1 })),
        modern("tools/list", json!({}), None),
        modern("tools/list", json!({ "cursor": "forged" }), None),
        modern("tools/list", json!({ "cursor": 1 }), None),
        modern("server/discover", json!({}), None),
        modern("ping", json!({}), None),
        modern("prompts/list", json!({}), None),
        modern("tools/nothing", json!({}), None),
        modern("tools/call", json!({ "arguments": {} }), Some("test_words")),
        modern("tools/call", json!({ "name": "test_words", "arguments": [] }), Some("test_words")),
        modern("tools/call", json!({ "name": "test_words", "arguments": null }), Some("test_words")),
        modern("tools/call", json!({ "name": "test_words" }), Some("test_image_content")),
        modern("tools/call", json!({ "name": "test_words" }), None),
        old("test_words"),
        old("test_elicitation"),
        old("test_error_handling"),
        old("test_failing_job"),
        old("test_no_such_tool"),
        legacy(Some("2025-06-18"), "server/discover", None),
    ];
    for version in [None, Some("2024-11-05"), Some("2025-03-26"), Some("2025-11-25"), Some("1999-01-01")] {
        all.push(legacy(version, "ping", None));
        all.push(legacy(version, "tools/list", None));
        all.push(legacy(version, "tools/list", Some(json!({}))));
        all.push(legacy(version, "tools/call", Some(json!({ "name": "test_words", "arguments": {} }))));
    }
    let narrowed = ["/test", "/nothing", "?tools=test_words", "?tools=nothing", "?bad=1"];
    let asked = [
        modern("tools/list", json!({}), None),
        call("test_words", json!({})),
        call("test_image_content", json!({})),
    ];
    all.extend(narrowed.iter().flat_map(|path| asked.clone().map(|asked| Asked { path, ..asked })));
    all
}

/// Requests that are put together at random, most of them nearly right.
fn any_request() -> impl Strategy<Value = Asked> {
    let often = |usual: &'static str, others: &'static [&'static str]| prop_oneof![6 => Just(Some(usual)), 1 => Just(None), 2 => prop::sample::select(others).prop_map(Some)];
    const VERSIONS: &[&str] = &["2025-03-26", "2025-06-18", "2025-11-25", "2027-01-01", "x", ""];
    const METHODS: &[&str] = &["tools/list", "server/discover", "ping", "initialize", "prompts/list", "x"];
    const NAMES: &[&str] = &[
        "test_image_content",
        "test_error_handling",
        "test_elicitation",
        "test_x",
        "",
        "=?base64?dGVzdF93b3Jkcw==?=",
    ];
    const ACCEPTS: &[&str] = &[
        "application/json",
        "*/*",
        "text/event-stream, application/json;q=0.1",
        "TEXT/event-stream,APPLICATION/json",
    ];
    let values = prop_oneof![
        Just(json!({})),
        Just(json!(null)),
        Just(json!(1)),
        Just(json!("x")),
        Just(json!([])),
        Just(json!({ "elicitation": {} })),
        Just(json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } })),
    ];
    let extra = prop_oneof![
        8 => Just(None),
        1 => Just(Some(("progressToken", json!(1)))),
        1 => Just(Some(("io.modelcontextprotocol/logLevel", json!("debug")))),
        1 => Just(Some(("traceparent", json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")))),
        1 => Just(Some(("other", json!({ "a": 1 })))),
    ];
    let id = prop_oneof![4 => Just(json!(1)), 1 => Just(json!("é")), 1 => Just(json!(-5)), 1 => Just(json!(1.5)), 1 => Just(json!(null))];
    let heads = (
        often(MODERN, VERSIONS),
        often("tools/call", METHODS),
        often("test_words", NAMES),
        often("application/json, text/event-stream", ACCEPTS),
    );
    let body = (
        often(MODERN, VERSIONS),
        often("tools/call", METHODS),
        often("test_words", NAMES),
        prop_oneof![3 => Just(Some(json!({}))), 1 => values.clone().prop_map(Some), 1 => Just(None)],
        prop_oneof![5 => Just(json!({})), 2 => values],
        extra,
        id,
    );
    (heads, body, any::<bool>()).prop_map(|(heads, body, agree)| {
        let (version, method, name, arguments, capabilities, extra, id) = body;
        // Half of them say the same twice, as clients do.
        let (h_version, h_method, h_name, accept) =
            if agree { (version, method, name, heads.3) } else { heads };
        let named = [
            ("mcp-protocol-version", h_version),
            ("mcp-method", h_method),
            ("mcp-name", h_name),
            ("accept", accept),
        ];
        let headers = named.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned())));
        let mut params = json!({});
        if let Some(version) = version {
            params["_meta"] = json!({ META_VERSION: version, META_CAPABILITIES: capabilities });
        }
        if let Some((key, value)) = extra {
            params["_meta"][key] = value;
        }
        if let Some(name) = name {
            params["name"] = json!(name);
        }
        if let Some(arguments) = arguments {
            params["arguments"] = arguments;
        }
        let mut body = json!({ "jsonrpc": "2.0", "params": params });
        if let Some(method) = method {
            body["method"] = json!(method);
        }
        if !id.is_null() {
            body["id"] = id;
        }
        Asked { headers: headers.collect(), body: body.to_string(), path: "" }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_answer_the_same() {
    let servers = [true, false].map(|direct| Server::start(&config(direct)));
    let [direct, library] = servers.each_ref().map(Server::client);
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let random = std::iter::repeat_with(|| any_request().new_tree(&mut runner).unwrap().current()).take(600);
    let mut answered = 0;
    for asked in recorded().into_iter().chain(random) {
        let (ours, theirs) = tokio::join!(came(&direct, &asked), came(&library, &asked));
        answered += u32::from(ours.status == 200);
        assert_eq!(ours, theirs, "{asked:?}");
    }
    assert!(answered > 150, "most are refused: only {answered} were answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_plain_goes_the_direct_way_and_what_is_not_does_not() {
    let server = Server::logging(&config(true), &["--log", "info,rmcp::service=debug"]);
    let client = server.client();
    let plain = recorded().into_iter().filter(|asked| {
        let call = asked.body.contains("tools/call") && asked.body.contains("test_words");
        let discover = asked.body.contains("server/discover") && asked.body.contains("_meta");
        call || discover || asked.body.contains("tools/list")
    });
    let mut answered = 0;
    for asked in plain.filter(|asked| asked.path.is_empty()) {
        answered += u32::from(came(&client, &asked).await.status == 200);
    }
    assert!(answered > 15, "{answered}");
    let served = |log: &str| log.matches("received request").count();
    let log = server.log_until_now().await;
    assert_eq!(served(&log), 0, "{log}");
    let progress = json!({ "name": "test_words", "arguments": {}, "_meta": { "progressToken": 1 } });
    client.rpc("tools/call", progress).await;
    assert_eq!(served(&server.log_until_now().await), 1);
}
