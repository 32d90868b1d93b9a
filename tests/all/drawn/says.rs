//! What a component says while it is listed, and who hears it.

use serde_json::{Value, json};

use super::{drawn, sending};
use crate::support::{Server, run, services};

/// What it prints in these tests.
const LINES: [&str; 2] = ["2 tools drawn", "dropped:\u{1b}[31m DELETE /pets"];

fn config() -> Value {
    json!({ "url": "https://h.example", "tools": [sending("get", "GET", "{config.url}/pets"), { "name": "any" }],
        "says": LINES, "left_out": 4 })
}

#[test]
fn check_of_one_service_shows_what_it_says_while_it_is_listed() {
    let two = format!("config: {}", config());
    let config = services("drawn", &[("pets", &two), ("other", "config: { says: [not this] }")]);
    let output = run(&["check", "--offline", "--service", "pets"], &config);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let detail: Vec<&str> = text
        .lines()
        .filter(|line| ["  tool  ", "  says  "].iter().any(|begin| line.starts_with(begin)))
        .collect();
    assert_eq!(
        detail,
        [
            "  tool        pets_get (GET https://h.example/pets)",
            "  tool        pets_any",
            "  says        stdout: describing itself",
            "  says        stdout: 2 tools drawn",
            "  says        stdout: dropped:\\u{1b}[31m DELETE /pets",
            "  says        warning: 4 operations were left out",
        ]
    );
    assert!(text.starts_with("pets (drawn ") && !text.contains("other"), "{text}");
    let output = run(&["check", "--offline", "--json", "--service", "pets"], &config);
    let data: Value = serde_json::from_slice(&output.stdout).unwrap();
    let [service] = data["services"].as_array().unwrap().as_slice() else { panic!("{data}") };
    assert_eq!(service["said"][0], json!({ "as": "stdout", "text": "describing itself", "data": null }));
    let last = json!({ "as": "warning", "text": "4 operations were left out", "data": null });
    assert_eq!(service["said"][3], last);
    let rules = json!([{ "url": "https://h.example/pets", "methods": "GET", "query": null }]);
    assert_eq!(service["toolEgress"], json!({ "pets_get": rules }));
    // Of all services nobody wants to read it.
    let all = run(&["check", "--offline", "--json"], &config);
    let data: Value = serde_json::from_slice(&all.stdout).unwrap();
    assert_eq!(data["services"].as_array().unwrap().len(), 2);
    assert_eq!(data["services"][0]["said"], Value::Null);
}

#[test]
fn a_service_that_cannot_be_listed_has_its_last_words_shown() {
    let config = drawn(&json!({ "says": ["reading the document"], "file": "/data/none.json" }), "");
    let output = run(&["check", "--offline", "--service", "drawn"], &config);
    let (text, error) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("error: service `drawn`: /data/none.json: "), "{error}");
    let begin = "  says        stdout: describing itself\n  says        stdout: reading the document\n";
    assert!(text.starts_with(begin), "{text}");
    let output = run(&["check", "--offline", "--json", "--service", "drawn"], &config);
    let data: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&data["services"], &data["said"][1]["text"]), (&json!([]), &json!("reading the document")));
}

#[test]
fn a_service_that_is_not_there_is_an_error_that_lists_those_that_are() {
    let config = services("drawn", &[("pets", ""), ("orders", "")]);
    let output = run(&["check", "--offline", "--service", "zebras"], &config);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), &*error),
        (Some(64), "error: there is no service `zebras`. Known here: orders, pets.\n")
    );
}

#[test]
fn what_it_says_is_bounded() {
    let config =
        drawn(&json!({ "says": vec!["0123456789"; 100] }), "limits: { listing: { log_bytes: 100B } }");
    let output = run(&["check", "--offline", "--service", "drawn"], &config);
    let text = String::from_utf8(output.stdout).unwrap();
    let said: Vec<&str> = text.lines().filter(|line| line.contains("says  ")).collect();
    assert_eq!(said.len(), 12, "{text}");
    assert_eq!(said[11], "  says        stdout: (further output of this call is dropped)");
}

#[tokio::test]
async fn a_host_that_serves_has_it_in_its_log() {
    let server = Server::start(&drawn(&config(), ""));
    let printed = server.logged(|entry| entry["message"] == LINES[0]);
    assert_eq!((&printed["target"], &printed["service"]), (&json!("guest"), &json!("drawn")));
    assert_eq!((&printed["stream"], &printed["level"]), (&json!("stdout"), &json!("INFO")));
    let logged = server.logged(|entry| entry["message"] == "4 operations were left out");
    assert_eq!((&logged["level"], &logged["service"]), (&json!("WARN"), &json!("drawn")));
}
