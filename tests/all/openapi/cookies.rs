//! Parameters in cookies: a guest sends those that the operator's egress names, beside the credential's, and no others.

use http_body_util::Full;
use hyper::Response;
use serde_json::{Value, json};

use crate::support::{Server, Upstream, component, run, secrets};

const DOCUMENT: &str = r#"{ "openapi": "3.1.0", "paths": { "/a": { "get": { "operationId": "a", "parameters": [
    { "name": "lang", "in": "cookie", "schema": {"type": "string"} },
    { "name": "theme", "in": "cookie", "schema": {"type": "string"} },
    { "name": "sid", "in": "cookie", "schema": {"type": "string"} }
] } } }, "components": { "securitySchemes": { "session": { "type": "apiKey", "in": "cookie", "name": "sid" } } } }"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sends_the_cookies_that_the_operator_names_and_the_host_its_own() {
    let upstream = Upstream::start(|_| Response::new(Full::from("{}"))).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.json"), DOCUMENT).unwrap();
    let kept = tempfile::tempdir().unwrap();
    let service = |name: &str, egress: &str| {
        format!(
            "{name}: {{ component: '{}', files: [{{ path: '{}', at: /api }}], {egress}\n\
             credentials: [{{ for: '{}', header: Cookie, value: 'sid=${{secret:session}}' }}],\n\
             config: {{ file: /api/a.json, url: '{}' }} }}",
            component("openapi").display(),
            dir.path().display(),
            upstream.url(),
            upstream.url()
        )
    };
    let config = format!(
        "{}tenants: {{ test: {{ services: {{ {}, {} }} }} }}\n",
        secrets(&kept, &[("session", "canary-4711")]),
        service("named", "egress: [{ cookies: [lang] }],"),
        service("silent", "")
    );
    let server = Server::start(&config);
    let client = server.client();
    client.ok("named_a", json!({ "lang": "de" })).await;
    client.ok("named_a", json!({})).await;
    client.ok("silent_a", json!({})).await;
    let sent: Vec<String> = upstream
        .received()
        .iter()
        .map(|received| received.headers["cookie"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(sent, ["lang=de; sid=canary-4711", "sid=canary-4711", "sid=canary-4711"]);

    for (tool, cookie) in [("named_a", "theme"), ("silent_a", "lang")] {
        let (reason, _) = client.refused(tool, json!({ cookie: "x" })).await;
        assert_eq!(reason, "denied", "{tool} {cookie}");
    }
    server.logged(|entry| entry["reason"] == "guest_cookie");
    // The session is the credential's: it is no argument at all.
    let (reason, text) = client.refused("named_a", json!({ "sid": "mine" })).await;
    assert_eq!(reason, "invalid_arguments", "{text}");
    assert_eq!(upstream.received().len(), 3);

    let checked = run(&["check", "--offline", "--json", "--service", "silent"], &config);
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let said = checked["services"][0]["said"].to_string();
    for line in ["egress: [{ cookies: [lang, theme] }]", "cookie parameter sid dropped"] {
        assert!(said.contains(line), "{said}");
    }
    let rules = run(&["check", "--offline", "--service", "named"], &config);
    let rules = String::from_utf8(rules.stdout).unwrap();
    assert!(rules.contains("cookies lang"), "{rules}");
}
