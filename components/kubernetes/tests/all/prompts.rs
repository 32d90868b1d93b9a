//! Prompts, resources, and what completes them.

use bulkhead_sdk::dispatch::Reference;
use bulkhead_sdk::resource::Body;
use double_kit::prompts;

use super::*;

fn prompt(name: &str, arguments: Value) -> String {
    prompts::text::<Kubernetes>(&config(), name, arguments)
}

#[test]
fn every_prompt_names_tools_that_there_are_one_to_a_step() {
    let workload = json!({ "kind": "deployment", "name": "web", "namespace": "shop" });
    for (name, arguments, expected) in [
        (
            "workload_diagnosis",
            workload.clone(),
            vec!["diagnose", "logs", "events", "get", "top", "diagnose"],
        ),
        (
            "rollout_recovery",
            workload,
            vec!["get", "diagnose", "logs", "rollout", "rollout", "wait", "diagnose"],
        ),
        (
            "safe_change",
            json!({ "change": "twice as many replicas of web" }),
            vec!["get", "diagnose", "can_i", "apply", "patch", "scale", "wait", "diagnose", "events"],
        ),
        (
            "service_connectivity",
            json!({ "service": "web", "from": "cart" }),
            vec!["diagnose", "list", "diagnose", "logs", "logs", "list"],
        ),
        (
            "root_cause",
            json!({ "symptom": "checkout is slow", "since": "-2h" }),
            vec![
                "unhealthy",
                "alertmanager/triage",
                "prometheus/alerts",
                "grafana/what_changed",
                "grafana/annotations",
                "events",
                "get",
                "prometheus/query_range",
                "loki/error_spikes",
                "loki/query",
                "elasticsearch/search",
                "jaeger/find_traces",
                "jaeger/diagnose",
                "elasticsearch/diagnose",
                "diagnose",
                "logs",
            ],
        ),
    ] {
        assert_eq!(prompts::tools::<Kubernetes>(&config(), &prompt(name, arguments)), expected, "{name}");
    }
    let listed = testing::prompts::<Kubernetes>(config()).unwrap();
    assert_eq!(listed.len(), 5);
    assert!(
        listed.iter().all(|prompt| prompt.arguments.iter().all(|argument| !argument.description.is_empty()))
    );
}

#[test]
fn what_is_asked_for_is_in_the_text() {
    let text = prompt("safe_change", json!({ "change": "twice as many replicas", "namespace": "shop" }));
    assert!(text.contains("in namespace shop") && text.contains("\n\ntwice as many replicas\n\n"), "{text}");
    assert!(
        prompt("service_connectivity", json!({ "service": "web", "from": "cart" }))
            .contains("when cart calls it")
    );
}

fn complete(reference: &Reference, argument: &str, prefix: &str, settled: &Value) -> Vec<String> {
    let mock = host(&cluster());
    let found = prompts::completed::<Kubernetes>(&config(), &mock, reference, argument, prefix, settled);
    for sent in mock.requests() {
        assert!(
            !sent.url.contains("configmaps")
                || sent.header("accept").unwrap().contains("PartialObjectMetadataList")
        );
    }
    found
}

#[test]
fn arguments_are_completed() {
    let prompt = Reference::Prompt("workload_diagnosis".into());
    assert_eq!(complete(&prompt, "kind", "d", &json!({})), ["deployment", "daemonset"]);
    assert_eq!(complete(&prompt, "namespace", "", &json!({})), ["default", "kube-system", "shop"]);
    let settled = json!({ "kind": "sts", "namespace": "shop" });
    assert_eq!(complete(&prompt, "name", "", &settled), ["db"]);
    assert_eq!(complete(&prompt, "name", "", &json!({})), ["web"]);
    let service = Reference::Prompt("service_connectivity".into());
    assert_eq!(complete(&service, "service", "s", &json!({ "namespace": "shop" })), ["search"]);
    let resource = Reference::Template("k8s:///{namespace}/{kind}/{name}".into());
    assert_eq!(complete(&resource, "kind", "config", &json!({})), ["configmap"]);
    assert_eq!(complete(&resource, "kind", "wid", &json!({})), ["widgets.example.com"]);
    let settled = json!({ "namespace": "shop", "kind": "configmap" });
    assert_eq!(complete(&resource, "name", "setting-5", &settled).len(), 10);
    let nodes = json!({ "namespace": "_", "kind": "node" });
    assert_eq!(complete(&resource, "name", "", &nodes), ["node-a", "node-b"]);
}

fn read(uri: &str) -> Result<Value, String> {
    let contents = testing::read::<Kubernetes>(config(), &host(&cluster()), uri, &testing::context());
    let contents = contents.map_err(|error| error.to_string())?;
    let [part] = contents.parts() else { panic!("one part") };
    assert_eq!(part.mime_type.as_deref(), Some("application/json"));
    let Body::Text(text) = &part.body else { panic!("a text") };
    Ok(serde_json::from_str(text).unwrap())
}

#[test]
fn manifests_are_resources() {
    let web = read("k8s:///default/deployment/web").unwrap();
    assert_eq!((&web["spec"]["replicas"], web["metadata"].get("managedFields")), (&json!(3), None));
    assert_eq!(read("k8s:///_/node/node-a").unwrap()["kind"], "Node");
    assert_eq!(read("k8s:///default/widgets.example.com/gear").unwrap()["kind"], "Widget");
    assert_eq!(read("k8s:///default/secret/web-token").unwrap()["data"]["token"], "(hidden, about 9 bytes)");
    assert_eq!(read("k8s:///_/pod/a").unwrap_err(), "arguments.namespace: a Pod is in a namespace: name it");
    assert_eq!(read("k8s:///shop/pod/a").unwrap_err(), "pods \"a\" not found (404)");
    assert_eq!(
        testing::templates::<Kubernetes>(config()).unwrap()[0].uri,
        "k8s:///{namespace}/{kind}/{name}"
    );
}
