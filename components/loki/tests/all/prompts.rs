//! The prompt, its references, and what its arguments could be; labels as resources.

use bulkhead_sdk::dispatch::Reference;
use bulkhead_sdk::resource::Body;
use double_kit::prompts;

use super::*;

fn text(arguments: Value) -> String {
    prompts::text::<Loki>(&config(), "log_investigation", arguments)
}

#[test]
fn each_tool_has_a_line_of_its_own() {
    let text = text(json!({ "problem": "checkout fails" }));
    assert!(text.starts_with("Find out from the logs what is behind this: checkout fails\nIt began about `-1h`. The place is not known yet"));
    assert_eq!(
        prompts::steps::<Loki>(&config(), &text),
        [
            "error_spikes",
            "labels",
            "stats",
            "patterns",
            "query",
            "query",
            "jaeger/trace",
            "prometheus/query_range",
            "kubernetes/diagnose",
            "grafana/what_changed"
        ]
    );
}

#[test]
fn the_place_becomes_a_selector() {
    let text = text(json!({
        "problem": "x", "label": "app", "value": "che\"ckout", "namespace": "shop", "since": "-2h"
    }));
    assert!(text.contains(
        "It began about `-2h`. Begin with the streams `{app=\"che\\\"ckout\", namespace=\"shop\"}`."
    ));
}

#[test]
fn arguments_are_completed() {
    let complete = |argument: &str, prefix: &str, settled: Value| {
        let reference = Reference::Prompt("log_investigation".into());
        prompts::completed::<Loki>(&config(), &mock(shop()), &reference, argument, prefix, &settled)
    };
    assert_eq!(complete("label", "n", json!({})), ["namespace"]);
    assert_eq!(complete("value", "c", json!({})), ["cart", "checkout"]);
    assert_eq!(complete("value", "web", json!({ "label": "pod" })), ["web-1"]);
    assert_eq!(complete("namespace", "", json!({})), ["shop"]);
    assert_eq!(complete("problem", "", json!({})), [""; 0]);
}

#[test]
fn labels_can_be_read() {
    let call = testing::context();
    let read = |uri: &str| {
        let contents = testing::read::<Loki>(config(), &mock(shop()), uri, &call)?;
        let [part] = contents.parts() else { panic!("one part") };
        assert_eq!(part.mime_type.as_deref(), Some("application/json"));
        let Body::Text(body) = &part.body else { panic!("a text") };
        Ok(serde_json::from_str::<Value>(body).unwrap())
    };
    let names = json!({ "total": 4, "shown": 4, "values": ["app", "namespace", "pod", "service_name"] });
    assert_eq!(read("loki:///labels"), Ok(names));
    assert_eq!(read("loki:///labels/app").unwrap()["values"], json!(["batch", "cart", "checkout", "web"]));
    assert_eq!(
        read("loki:///labels/none"),
        Err(Error::not_found("no stream of the last six hours has the label `none`"))
    );
    let listed = testing::resources::<Loki>(config(), &mock(shop()), None, &call).unwrap();
    let templates = testing::templates::<Loki>(config()).unwrap();
    assert_eq!((&*listed.entries[0].uri, &*templates[0].uri), ("loki:///labels", "loki:///labels/{label}"));
    let reference = Reference::Template("loki:///labels/{label}".into());
    let found = prompts::completed::<Loki>(&config(), &mock(shop()), &reference, "label", "p", &json!({}));
    assert_eq!(found, ["pod"]);
}
