//! What `check --service` tells of a large document, and the limits that hold while it is listed.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::{component, run};

/// As many operations as a service may have tools, a fourth of them with something to say.
fn large() -> String {
    let mut paths = serde_json::Map::new();
    for number in 0..4096 {
        let odd = if number % 4 == 0 { json!([{ "name": "Host", "in": "header" }]) } else { json!([]) };
        paths.insert(
            format!("/things/{number:04}"),
            json!({ "get": { "operationId": format!("thing{number:04}"), "parameters": odd } }),
        );
    }
    json!({ "openapi": "3.1.0", "paths": paths }).to_string()
}

fn check(listing: &str) -> (Value, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.json"), large()).unwrap();
    let config = format!(
        "tenants: {{ test: {{ services: {{ many: {{ component: '{}', files: [{{ path: '{}', at: /api }}],\n\
         limits: {{ {listing} }}, config: {{ file: /api/a.json, url: 'http://127.0.0.1:1' }} }} }} }} }}\n",
        component("openapi").display(),
        dir.path().display()
    );
    let told = run(&["check", "--offline", "--json", "--service", "many"], &config);
    let stderr = String::from_utf8_lossy(&told.stderr).into_owned();
    (serde_json::from_slice(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}")), stderr)
}

#[test]
fn each_of_4096_operations_is_in_the_report() {
    let (told, _) = check("memory: 256MiB, listing: { deadline: 1m, cpu: 1m }");
    let said: Vec<&str> = told["services"][0]["said"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["text"].as_str().unwrap())
        .collect();
    let of = |number: usize| {
        let mut line = format!("GET /things/{number:04} -> thing{number:04}: mapped");
        if number.is_multiple_of(4) {
            write!(line, "; header parameter Host dropped: the host's to set").unwrap();
        }
        line
    };
    assert_eq!(said, (0..4096).map(of).collect::<Vec<_>>());
    let limits = &told["services"][0]["limits"]["listing"];
    assert_eq!(limits["deadlineMs"], json!(60_000));
}

#[test]
fn listing_has_limits_of_its_own() {
    for (listing, wanted) in [
        (
            "listing: { memory: 4MiB }",
            "saying what it offers takes more than 4.0 MiB of memory; `limits.listing.memory` gives it more",
        ),
        (
            "listing: { cpu: 2ms }",
            "saying what it offers takes more than 2ms of processor time; `limits.listing.cpu` gives it more",
        ),
        (
            "listing: { deadline: 2ms }",
            "saying what it offers takes longer than 2ms; `limits.listing.deadline` gives it more",
        ),
    ] {
        let (_, stderr) = check(listing);
        assert!(stderr.contains(wanted), "{stderr}");
    }
    let (told, _) = check("memory: 256MiB, listing: { deadline: 1m, cpu: 1m, log_bytes: 1KiB }");
    let said = told["services"][0]["said"].as_array().unwrap();
    assert_eq!(said.last().unwrap()["text"], "further log messages of this call are dropped");
    assert!(said.len() < 40, "{}", said.len());
}
