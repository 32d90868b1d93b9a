//! Every tool, every operation, the egress, what it takes of a model's context, and that no credential is told.

use double_kit::{Walk, trouble, walk};

use super::*;

#[test]
fn every_tool_does_what_it_says_within_what_it_asks_for() {
    let examples = double_argocd::examples(f64::from(NOW));
    let walk = Walk::run::<ArgoCd>(&config(), &shop(), clock(), &examples);
    for (example, result) in examples.iter().zip(&walk.results) {
        assert!(!result.to_string().contains("canary"), "{}: {result}", example.tool);
    }
}

#[test]
fn tools_take_little_of_a_context() {
    let tokens = walk::tokens::<ArgoCd>(&config(), "argocd");
    assert!(tokens <= 1600, "{tokens} tokens");
}

#[test]
fn what_changes_something_says_so() {
    let listed = testing::list::<ArgoCd>(config()).unwrap();
    let named = |wanted: fn(&testing::ToolInfo) -> bool| -> Vec<&str> {
        listed.iter().filter(|tool| wanted(tool)).map(|tool| tool.name.as_str()).collect()
    };
    assert_eq!(named(|tool| tool.annotations.destructive), ["sync", "rollback"]);
    assert_eq!(named(|tool| !tool.annotations.read_only), ["refresh", "sync", "rollback"]);
    assert_eq!(named(|tool| tool.tags == ["write"]), ["refresh", "sync", "rollback"]);
    assert_eq!(named(|tool| !tool.annotations.open_world), [""; 0]);
}

#[test]
fn nothing_is_taken_for_an_answer() {
    let examples = double_argocd::examples(f64::from(NOW));
    trouble::nothing_is_taken_for_an_answer::<ArgoCd>(&config(), &examples, &[]);
}

#[test]
fn a_config_that_cannot_work_is_refused() {
    let refused = |config: Value| testing::configure::<ArgoCd>(config).unwrap_err();
    assert!(refused(json!({ "url": "argocd" })).starts_with("config.url: "));
    assert!(refused(json!({ "url": "http://up", "token": "x" })).contains("token"));
}

#[test]
fn a_connection_is_told_with_what_is_known() {
    let expected =
        json!({ "connected": true, "applications": 5, "version": "v3.6.0+37ee009", "user": "bulkhead" });
    let mock = mock(shop());
    assert_eq!(call(&mock, "test_connection", json!({})).unwrap(), expected);
    assert_eq!(mock.in_flight_at_most(), 3);
    let empty = super::mock(below(double_argocd::ArgoCd::empty(0.0)));
    let told = call(&empty, "test_connection", json!({})).unwrap();
    assert!(text(&told, "/note").starts_with("it answers, but this credential sees no application"));
}

#[test]
fn the_health_check_reads() {
    let healthy = testing::health::<ArgoCd>(config(), &mock(shop()));
    assert_eq!(healthy, Ok("Argo CD v3.6.0+37ee009 answers; 5 applications".to_owned()));
    let closed = Mock::new().at(clock()).serving(|_| Reply::text(503, "closed").into());
    let error = testing::health::<ArgoCd>(config(), &closed).unwrap_err();
    assert_eq!(error, "the upstream is unavailable (503): closed");
}
