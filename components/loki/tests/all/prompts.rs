//! The prompt, its references, and what its arguments could be; labels as resources.

use bulkhead_sdk::dispatch::Reference;
use bulkhead_sdk::resource::Body;
use bulkhead_sdk::{Completing, Content, Role};

use super::*;

fn text(arguments: Value) -> String {
    let call = testing::context();
    let messages =
        testing::prompt::<Loki>(config(), &mock(shop()), "log_investigation", arguments, &call).unwrap();
    let [(Role::User, Content::Text(text))] = messages.messages() else { panic!("one message of the user") };
    text.clone()
}

#[test]
fn each_tool_has_a_line_of_its_own() {
    let text = text(json!({ "problem": "checkout fails" }));
    assert!(text.starts_with("Find out from the logs what is behind this: checkout fails\nIt began about `-1h`. The place is not known yet"));
    let own: Vec<String> =
        testing::list::<Loki>(config()).unwrap().into_iter().map(|tool| tool.name).collect();
    let references: Vec<&str> =
        text.split("{tool:").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
    assert_eq!(
        references,
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
    for name in references.iter().filter(|name| !name.contains('/')) {
        assert!(own.iter().any(|tool| tool == name), "{name}");
    }
    let numbered: Vec<&str> = text.lines().filter(|line| line.contains("{tool:")).collect();
    for (place, line) in numbered.iter().enumerate() {
        assert!(line.starts_with(&format!("{}. ", place + 1)), "{line}");
    }
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
        let typed = Completing { prefix: prefix.into(), settled: settled.as_object().unwrap().clone() };
        let reference = Reference::Prompt("log_investigation".into());
        let call = testing::context();
        testing::complete::<Loki>(config(), &mock(shop()), &reference, argument, &typed, &call)
            .unwrap()
            .values()
            .to_vec()
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
    let typed = Completing { prefix: "p".into(), ..Completing::default() };
    let reference = Reference::Template("loki:///labels/{label}".into());
    let found =
        testing::complete::<Loki>(config(), &mock(shop()), &reference, "label", &typed, &call).unwrap();
    assert_eq!(found.values(), ["pod"]);
}
