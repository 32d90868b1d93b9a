//! Large APIs: as many tools as a document has, within limits that say what they are.

use std::process::Output;

use serde_json::{Value, json};

use super::drawn;
use crate::support::{Server, run};

/// A config of so many tools with schemas and plans of so many bytes.
fn many(tools: usize, schema: usize, plan: usize, rest: &str) -> String {
    drawn(&json!({ "more": { "tools": tools, "schema": schema, "plan": plan } }), rest)
}

#[tokio::test]
async fn twelve_hundred_tools_with_large_schemas_are_served() {
    let server = Server::start(&many(1200, 10 << 10, 2 << 10, ""));
    let client = server.client();
    let (mut names, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let params = if cursor.is_null() { json!({}) } else { json!({ "cursor": cursor }) };
        let page = client.rpc("tools/list", params).await["result"].take();
        let tools = page["tools"].as_array().unwrap_or_else(|| panic!("{page}"));
        assert!(
            tools.iter().all(|tool| tool["inputSchema"]["description"].as_str().unwrap().len() == 10 << 10)
        );
        names.extend(tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()));
        cursor = page["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(names, (0..1200).map(|number| format!("drawn_more_{number}")).collect::<Vec<_>>());
}

#[test]
fn what_is_too_much_to_list_says_what_the_limit_is() {
    let listing = |config: &str| -> Output { run(&["check", "--offline"], config) };
    for (config, why) in [
        (
            many(300, 10, 64 << 10, ""),
            "what it offers is more than 16.0 MiB, schemas and plans included; fewer tools, or smaller ones, can be served",
        ),
        (
            many(1200, 10, 64 << 10, ""),
            "saying what it offers takes more than 64.0 MiB of memory; `limits.listing.memory` gives it more",
        ),
        (many(1, 10, (64 << 10) + 1, ""), "tool `more_0`: its plan is larger than 64 KiB"),
        (many(4097, 10, 0, ""), "it has 4097 tools; at most 4096 can be served"),
        (many(1200, 10 << 10, 0, "limits: { cpu: 1ms }"), "processor time"),
    ] {
        let output = listing(&config);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(
            error.contains("error: service `drawn`: ") && error.contains(why),
            "`{why}` is not in {error}"
        );
    }
}
