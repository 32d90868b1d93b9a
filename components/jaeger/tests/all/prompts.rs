//! The prompts, their references and completions; traces as resources.

use bulkhead_sdk::dispatch::Reference;
use bulkhead_sdk::resource::Body;
use double_kit::prompts;

use super::*;

fn prompted(name: &str, arguments: Value) -> String {
    prompts::text::<Jaeger>(&config(false), name, arguments)
}

fn references(text: &str) -> Vec<&str> {
    prompts::steps::<Jaeger>(&config(false), text)
}

#[test]
fn a_trace_is_explained_step_by_step() {
    let text = prompted("trace_investigation", json!({ "trace_id": "a0", "question": "Who was slow?" }));
    assert!(text.starts_with("Explain the trace `a0`. Who was slow?\n"));
    assert_eq!(
        references(&text),
        ["trace", "trace", "find_traces", "trace", "loki/query", "prometheus/query_range"]
    );
}

#[test]
fn latency_is_followed_down() {
    let text =
        prompted("latency_investigation", json!({ "service": "shop", "operation": "buy", "since": "-2h" }));
    assert!(text.starts_with("Find out why `buy` of the service `shop` is slow since about `-2h`.\n"));
    assert_eq!(
        references(&text),
        [
            "diagnose",
            "diagnose",
            "trace",
            "diagnose",
            "dependencies",
            "loki/error_spikes",
            "prometheus/query_range",
            "kubernetes/diagnose",
            "grafana/what_changed"
        ]
    );
    assert!(
        prompted("latency_investigation", json!({ "service": "shop" }))
            .contains("`shop` is slow since about `-1h`")
    );
}

#[test]
fn arguments_are_completed() {
    let complete = |argument: &str, prefix: &str, settled: Value| {
        let reference = Reference::Prompt("latency_investigation".into());
        let mock = mock(shop(false));
        prompts::completed::<Jaeger>(&config(false), &mock, &reference, argument, prefix, &settled)
    };
    assert_eq!(complete("service", "c", json!({})), ["cart", "checkout"]);
    assert_eq!(complete("operation", "", json!({ "service": "payment" })), ["payment.Charge"]);
    assert_eq!(complete("operation", "", json!({})), [""; 0]);
}

#[test]
fn a_trace_can_be_read() {
    let call = testing::context();
    let templates = testing::templates::<Jaeger>(config(false)).unwrap();
    assert_eq!((templates.len(), &*templates[0].uri), (1, "jaeger:///traces/{trace_id}"));
    let read = |uri: &str| testing::read::<Jaeger>(config(false), &mock(shop(false)), uri, &call);
    let contents = read("jaeger:///traces/a0").unwrap();
    let [part] = contents.parts() else { panic!("one part") };
    assert_eq!(part.mime_type.as_deref(), Some("application/json"));
    let Body::Text(body) = &part.body else { panic!("a text") };
    let told: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&told["trace_id"], told["all_spans"].as_array().unwrap().len()), (&json!(FAILED), 5));
    assert!(!body.contains("s3cret"));
    assert!(matches!(read("jaeger:///traces/zz"), Err(Error::InvalidArguments(_))));
}
