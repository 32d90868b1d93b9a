//! Resources: what Prometheus holds, for clients that read.

use bulkhead_sdk::resource::Body;
use bulkhead_sdk::testing::context;
use double_kit::wire;

use super::*;

fn url() -> Value {
    json!({ "url": "http://up:9090" })
}

fn played() -> Mock {
    wire::mock(double_prometheus::double(NOW as f64)).at(clock())
}

fn text_of(uri: &str) -> String {
    let contents = testing::read::<Prometheus>(url(), &played(), uri, &context()).unwrap();
    match &contents.parts()[0].body {
        Body::Text(text) => text.clone(),
        Body::Blob(_) => String::new(),
    }
}

fn json_of(uri: &str) -> Value {
    serde_json::from_str(&text_of(uri)).unwrap()
}

#[test]
fn what_can_be_read_is_listed() {
    let listed = testing::resources::<Prometheus>(url(), &played(), None, &context()).unwrap();
    let uris: Vec<&str> = listed.entries.iter().map(|entry| entry.uri.as_str()).collect();
    assert_eq!(
        uris,
        ["prometheus:///targets", "prometheus:///rules", "prometheus:///alerts", "prometheus:///config"]
    );
    assert_eq!(testing::templates::<Prometheus>(url()).unwrap()[0].uri, "prometheus:///metadata/{metric}");
}

#[test]
fn each_is_what_prometheus_holds() {
    assert_eq!(json_of("prometheus:///targets")["activeTargets"].as_array().unwrap().len(), 7);
    assert_eq!(json_of("prometheus:///targets")["droppedTargets"], json!([]));
    assert_eq!(json_of("prometheus:///rules")["groups"].as_array().unwrap().len(), 3);
    assert_eq!(json_of("prometheus:///alerts")["alerts"].as_array().unwrap().len(), 5);
    assert_eq!(json_of("prometheus:///metadata/node_load1")["node_load1"][0]["type"], "gauge");
    assert!(text_of("prometheus:///config").contains("password: <secret>"));
}
