//! The prompts, their references, and what their arguments could be; applications as resources.

use bulkhead_sdk::dispatch::Reference;
use bulkhead_sdk::resource::Body;
use double_kit::prompts;

use super::*;

fn prompt(name: &str, arguments: Value) -> String {
    prompts::text::<ArgoCd>(&config(), name, arguments)
}

#[test]
fn each_tool_has_a_line_of_its_own() {
    for text in [
        prompt("delivery_diagnosis", json!({ "problem": "x" })),
        prompt("safe_rollback", json!({ "application": "checkout" })),
    ] {
        assert!(prompts::steps::<ArgoCd>(&config(), &text).len() >= 6, "{text}");
    }
}

#[test]
fn what_is_known_stands_in_them() {
    let text =
        prompt("delivery_diagnosis", json!({ "problem": "no new version", "application": "checkout" }));
    assert!(text.starts_with(
        "Find out what is behind this: no new version\nIt is about the application `checkout`."
    ));
    let text = prompt("safe_rollback", json!({ "application": "checkout", "reason": "errors", "id": "1" }));
    assert!(
        text.starts_with("Roll the application `checkout` back because: errors.\nIt shall go back to id 1")
    );
}

fn complete(reference: &Reference, argument: &str, prefix: &str, settled: &Value) -> Vec<String> {
    prompts::completed::<ArgoCd>(&config(), &mock(shop()), reference, argument, prefix, settled)
}

#[test]
fn arguments_are_completed() {
    let of = |name: &str| Reference::Prompt(name.into());
    assert_eq!(complete(&of("delivery_diagnosis"), "application", "c", &json!({})), ["cart", "checkout"]);
    assert_eq!(complete(&of("safe_rollback"), "application", "team", &json!({})), ["team-a/billing"]);
    assert_eq!(complete(&of("safe_rollback"), "id", "", &json!({})), [""; 0]);
    assert_eq!(
        complete(&of("safe_rollback"), "id", "", &json!({ "application": "checkout" })),
        ["2", "1", "0"]
    );
    let template = Reference::Template("argocd:///applications/{namespace}/{name}".into());
    assert_eq!(complete(&template, "namespace", "", &json!({})), ["argocd", "team-a"]);
    assert_eq!(complete(&template, "name", "", &json!({ "namespace": "team-a" })), ["billing"]);
}

#[test]
fn a_manifest_can_be_read_without_state_and_credentials() {
    let read = |uri: &str| {
        let contents = testing::read::<ArgoCd>(config(), &mock(shop()), uri, &testing::context())?;
        let [part] = contents.parts() else { panic!("one part") };
        let Body::Text(body) = &part.body else { panic!("a text") };
        Ok::<Value, Error>(serde_json::from_str(body).unwrap())
    };
    assert_eq!(
        read("argocd:///applications/argocd/broken"),
        Ok(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {
                "name": "broken", "namespace": "argocd", "labels": { "team": "shop" }, "annotations": { "notes": "kept" }
            },
            "spec": {
                "project": "shop", "destination": { "server": "https://kubernetes.default.svc", "namespace": "shop" },
                "source": {
                    "repoURL": "https://(redacted)@charts.example.com", "chart": "broken", "targetRevision": "1.2.3"
                }
            }
        }))
    );
    assert!(read("argocd:///applications/argocd/none").is_err());
}
