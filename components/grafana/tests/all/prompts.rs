//! Prompts, their completions, and dashboards as resources.

use bulkhead_sdk::dispatch::Reference;
use double_kit::prompts;

use super::*;

fn text(name: &str, arguments: Value) -> String {
    prompts::text::<Grafana>(&config(), name, arguments)
}

#[test]
fn every_prompt_names_tools_that_are_there() {
    for (name, arguments, expected) in [
        (
            "dashboard_diagnosis",
            json!({ "dashboard": "checkout", "symptom": "no data", "time": "-6h" }),
            vec![
                "get_objects",
                "get_dashboard",
                "query_datasource",
                "get_objects",
                "what_changed",
                "diagnose_alerting",
            ],
        ),
        (
            "alert_rule_review",
            json!({ "folder": "shop" }),
            vec!["diagnose_alerting", "get_alert_rules", "query_datasource", "what_changed", "get_objects"],
        ),
        (
            "incident_timeline",
            json!({ "from": "-3h", "to": "-1h", "folder": "shop", "tag": "deploy" }),
            vec!["what_changed", "diagnose_alerting", "get_dashboard", "query_datasource", "get_link"],
        ),
    ] {
        assert_eq!(prompts::steps::<Grafana>(&config(), &text(name, arguments)), expected, "{name}");
    }
}

#[test]
fn prompts_say_what_they_were_asked() {
    let diagnosis = text("dashboard_diagnosis", json!({ "dashboard": "checkout" }));
    assert!(
        diagnosis.starts_with(
            "Find out what is behind this on Grafana dashboard `checkout`: something on it looks wrong. Time: the last hour."
        ),
        "{diagnosis}"
    );
    for (arguments, which) in [
        (json!({}), "Review the alert rules that fire, fail or have no data in Grafana."),
        (json!({ "rule": "slow" }), "Review the alert rule `slow` in Grafana."),
        (json!({ "datasource": "prom" }), "Review the alert rules that query datasource `prom` in Grafana."),
    ] {
        assert!(text("alert_rule_review", arguments).starts_with(which), "{which}");
    }
    let incident = text("incident_timeline", json!({ "from": "-3h", "tag": "deploy" }));
    assert!(
        incident.starts_with(
            "Write the timeline of the incident from -3h to now, out of what Grafana knows. Tag: `deploy`."
        ),
        "{incident}"
    );
}

#[test]
fn arguments_are_completed() {
    let complete = |reference: &Reference, argument: &str, prefix: &str| {
        prompts::completed::<Grafana>(&config(), &grafana(), reference, argument, prefix, &json!({}))
    };
    let of = |prompt: &str| Reference::Prompt(prompt.into());
    assert_eq!(complete(&of("dashboard_diagnosis"), "dashboard", ""), ["checkout", "nodes", "home"]);
    assert_eq!(complete(&of("dashboard_diagnosis"), "dashboard", "node h"), ["nodes"], "by title");
    assert_eq!(complete(&of("dashboard_diagnosis"), "dashboard", "ho"), ["home"], "by uid");
    assert_eq!(complete(&of("alert_rule_review"), "folder", "inf"), ["infra"]);
    assert_eq!(complete(&of("alert_rule_review"), "folder", "Dis"), ["disks"]);
    assert_eq!(complete(&of("alert_rule_review"), "datasource", "ord"), ["pg"]);
    assert_eq!(complete(&of("incident_timeline"), "folder", ""), ["disks", "infra", "shop"]);
    assert_eq!(complete(&of("incident_timeline"), "tag", "dep"), ["deploy"]);
    let reference = Reference::Template("grafana:///dashboards/{uid}".into());
    assert_eq!(complete(&reference, "uid", "check"), ["checkout"]);
}

#[test]
fn dashboards_are_resources() {
    let call = testing::context();
    let templates = testing::templates::<Grafana>(config()).unwrap();
    assert_eq!(templates[0].uri, "grafana:///dashboards/{uid}");
    let page = testing::resources::<Grafana>(config(), &grafana(), None, &call).unwrap();
    let told: Vec<(&str, &str)> = page
        .entries
        .iter()
        .map(|entry| (entry.uri.as_str(), entry.description.as_deref().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("grafana:///dashboards/checkout", "Dashboard in folder Shop; tags: shop, slo."),
            ("grafana:///dashboards/nodes", "Dashboard in folder Infrastructure; tags: linux."),
            ("grafana:///dashboards/home", "Dashboard at the root."),
        ]
    );
    assert_eq!((page.next, page.entries[0].title.as_deref()), (None, Some("Checkout")));
    let second = testing::resources::<Grafana>(config(), &grafana(), Some("2:2"), &call).unwrap();
    assert_eq!((second.entries[0].name.as_str(), second.next), ("home", None));
    let first = testing::resources::<Grafana>(config(), &grafana(), Some("1:2"), &call).unwrap();
    assert_eq!(first.next.as_deref(), Some("2:2"));
    let contents =
        testing::read::<Grafana>(config(), &grafana(), "grafana:///dashboards/checkout", &call).unwrap();
    let part = &contents.parts()[0];
    assert_eq!(part.mime_type.as_deref(), Some("application/json"));
    let bulkhead_sdk::resource::Body::Text(text) = &part.body else { panic!("{part:?}") };
    assert_eq!(serde_json::from_str::<Value>(text).unwrap()["title"], json!("Checkout"));
    let missing =
        testing::read::<Grafana>(config(), &grafana(), "grafana:///dashboards/nope", &call).unwrap_err();
    assert!(missing.to_string().starts_with("dashboard `nope`"), "{missing}");
}
