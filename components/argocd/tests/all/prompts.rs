//! The prompts, their references, and what their arguments could be; applications as resources.

use bulkhead_sdk::dispatch::Reference;
use bulkhead_sdk::resource::Body;
use bulkhead_sdk::{Completing, Content, Role};

use super::*;

fn prompt(name: &str, arguments: Value) -> String {
    let call = testing::context();
    let messages = testing::prompt::<ArgoCd>(config(), &mock(shop()), name, arguments, &call).unwrap();
    let [(Role::User, Content::Text(text))] = messages.messages() else { panic!("one message of the user") };
    text.clone()
}

#[test]
fn each_tool_has_a_line_of_its_own() {
    let own: Vec<String> =
        testing::list::<ArgoCd>(config()).unwrap().into_iter().map(|tool| tool.name).collect();
    for text in [
        prompt("delivery_diagnosis", json!({ "problem": "x" })),
        prompt("safe_rollback", json!({ "application": "checkout" })),
    ] {
        let steps: Vec<&str> = text.lines().filter(|line| line.contains("{tool:")).collect();
        for (place, line) in steps.iter().enumerate() {
            assert!(line.starts_with(&format!("{}. Call {{tool:", place + 1)), "{line}");
            let name = line.split("{tool:").nth(1).unwrap().split('}').next().unwrap();
            assert!(name.contains('/') || own.iter().any(|tool| tool == name), "{name}");
        }
        assert!(steps.len() >= 6);
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
    let typed = Completing { prefix: prefix.into(), settled: settled.as_object().unwrap().clone() };
    let call = testing::context();
    let found = testing::complete::<ArgoCd>(config(), &mock(shop()), reference, argument, &typed, &call);
    found.unwrap().values().to_vec()
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
