//! Manifest, config, health, `status` and resources.

use bulkhead_sdk::resource::Body;
use bulkhead_sdk::testing::context;
use double_alertmanager::ENDING;

use super::*;

#[test]
fn the_config_is_one_url() {
    assert_eq!(testing::configure::<Alertmanager>(config()), Ok(()));
    let bad = testing::configure::<Alertmanager>(json!({ "url": "alertmanager:9093" })).unwrap_err();
    assert!(bad.starts_with("config.url: `alertmanager:9093` is not a URL that can be fetched"), "{bad}");
    assert!(testing::configure::<Alertmanager>(json!({ "url": "http://a", "token": "x" })).is_err());
}

#[test]
fn reading_and_writing_are_told_apart() {
    let tags: Vec<(String, String, bool)> = testing::list::<Alertmanager>(config())
        .unwrap()
        .into_iter()
        .map(|tool| (tool.name, tool.tags.join(" "), tool.annotations.destructive))
        .collect();
    let expected = [
        ("triage", "read", false),
        ("alerts", "read", false),
        ("silences", "read", false),
        ("silence", "write", true),
        ("send_alert", "write admin", true),
        ("status", "read", false),
    ];
    assert_eq!(
        tags,
        expected.map(|(name, tags, destructive)| (name.to_owned(), tags.to_owned(), destructive))
    );
}

#[test]
fn health_is_a_version_or_the_reason() {
    let status = json!({ "versionInfo": { "version": "0.28.0" }, "cluster": { "status": "ready" } });
    let well = mock().on(Method::Get, &at("status"), 200, status);
    assert_eq!(
        testing::health::<Alertmanager>(config(), &well).unwrap(),
        "Alertmanager 0.28.0 answers; its cluster is ready"
    );
    let down = mock().unreachable(Method::Get, &at("status"), "connection refused");
    assert_eq!(
        testing::health::<Alertmanager>(config(), &down).unwrap_err(),
        "up:1234 does not answer: connection refused"
    );
}

#[test]
fn status_is_version_uptime_and_cluster_unless_more_is_asked_for() {
    let played = Played::new();
    let brief = json!({
        "version": "0.28.0", "started_at": "2026-01-30T09:56:56Z", "up_for": "1d2h3m",
        "cluster": { "name": "01J", "status": "ready", "peers": [{ "name": "01J", "address": "10.0.0.1:9094" }] },
    });
    assert_eq!(played.call("status", json!({})).unwrap(), brief);
    assert_eq!(played.sent(), ["GET status"]);
    let full = played.call("status", json!({ "include": ["receivers", "config"] })).unwrap();
    assert_eq!(
        full["receivers"],
        json!([
            { "name": "dba", "integrations": ["email"], "alerts": 2, "suppressed": 2 },
            { "name": "ops", "integrations": ["slack", "webhook"], "alerts": 10, "suppressed": 5 },
        ])
    );
    let config = full["config"].as_str().unwrap();
    assert!(
        config.contains("api_url: <secret>")
            && config.contains("http://<hidden>@hook.example.com/x?<hidden>"),
        "{config}"
    );
    assert!(!config.contains("pass") && !config.contains("abc"), "{config}");
    assert_eq!(played.at_once(), 3);
}

#[test]
fn a_long_configuration_is_cut_and_that_is_said() {
    let status = json!({ "config": { "original": "é".repeat(20_005) } });
    let mock = mock().on(Method::Get, &at("status"), 200, status);
    let answer = call(&mock, "status", json!({ "include": ["config"] })).unwrap();
    assert_eq!(answer["config_left_out_characters"], 5);
}

#[test]
fn resources_are_what_alertmanager_holds() {
    let played = Played::new();
    let url = json!({ "url": "http://up:9093" });
    let listed = testing::resources::<Alertmanager>(url.clone(), &played.mock(), None, &context()).unwrap();
    let uris: Vec<&str> = listed.entries.iter().map(|entry| entry.uri.as_str()).collect();
    assert_eq!(uris, ["alertmanager:///alerts", "alertmanager:///silences", "alertmanager:///config"]);
    let templates = testing::templates::<Alertmanager>(url.clone()).unwrap();
    assert_eq!(templates[0].uri, "alertmanager:///silences/{id}");
    let read = |uri: &str| {
        let contents = testing::read::<Alertmanager>(url.clone(), &played.mock(), uri, &context()).unwrap();
        match &contents.parts()[0].body {
            Body::Text(text) => text.clone(),
            Body::Blob(_) => String::new(),
        }
    };
    let json_of = |uri: &str| serde_json::from_str::<Value>(&read(uri)).unwrap();
    assert_eq!(json_of("alertmanager:///alerts").as_array().unwrap().len(), 10);
    assert_eq!(json_of("alertmanager:///silences").as_array().unwrap().len(), 5);
    assert_eq!(json_of(&format!("alertmanager:///silences/{ENDING}"))["createdBy"], "bob");
    assert!(read("alertmanager:///config").contains("<hidden>@hook"));
}
