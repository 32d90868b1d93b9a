//! Every tool, every operation, the egress, the tenant, and what it takes of a model's context.

use double_kit::{Walk, trouble, walk};

use super::*;

#[test]
fn every_tool_does_what_it_says_within_what_it_asks_for() {
    let examples = double_loki::examples(f64::from(NOW));
    Walk::run::<Loki>(&config(), &shop(), clock(), &examples);
}

#[test]
fn tools_take_little_of_a_context() {
    let tokens = walk::tokens::<Loki>(&config(), "loki");
    assert!(tokens <= 1300, "{tokens} tokens");
}

#[test]
fn all_tools_only_read() {
    for tool in testing::list::<Loki>(config()).unwrap() {
        assert!(tool.annotations.read_only && tool.annotations.idempotent && tool.annotations.open_world);
        assert_eq!(tool.tags, ["read"], "{}", tool.name);
    }
}

#[test]
fn nothing_is_taken_for_an_answer() {
    let examples = double_loki::examples(f64::from(NOW));
    trouble::nothing_is_taken_for_an_answer::<Loki>(&config(), &examples, &[]);
}

#[test]
fn a_tenant_is_sent_with_each_request() {
    let tenants = below("/prefix", Arc::new(double_loki::Loki::empty().with_tenants()));
    let error = call(&mock(tenants.clone()), "labels", json!({})).unwrap_err();
    assert_eq!(
        error,
        Error::denied(
            "no org id (401): this Loki has tenants; the operator names one in the service's `tenant`"
        )
    );
    let config = json!({ "url": "http://up:1234/prefix", "tenant": "team-a|team-b" });
    let mock = mock(tenants);
    let output = testing::call::<Loki>(config, &mock, "test_connection", json!({})).unwrap();
    assert_eq!(output.structured().unwrap()["tenant"], "team-a|team-b");
    assert_eq!(mock.requests().len(), 3);
    assert!(mock.requests().iter().all(|sent| sent.header("x-scope-orgid") == Some("team-a|team-b")));
}

#[test]
fn a_config_that_cannot_work_is_refused() {
    let refused = |config: Value| testing::configure::<Loki>(config).unwrap_err();
    assert!(refused(json!({ "url": "loki:3100" })).starts_with("config.url: "));
    assert_eq!(
        refused(json!({ "url": "http://up", "tenant": "a b" })),
        "config.tenant: `a b` is not a tenant id: letters, digits and !-_.*'(), several as `a|b`"
    );
    assert!(refused(json!({ "url": "http://up", "tenant": "" })).starts_with("config.tenant: "));
}

#[test]
fn the_health_check_reads() {
    let healthy = testing::health::<Loki>(config(), &mock(shop()));
    assert_eq!(healthy, Ok("Loki 3.5.0 answers".to_owned()));
    let closed = Mock::new().at(clock()).serving(|_| Reply::text(503, "closed").into());
    let error = testing::health::<Loki>(config(), &closed).unwrap_err();
    assert_eq!(error, "the upstream is unavailable (503): closed");
}

#[test]
fn a_connection_is_told_with_what_is_known() {
    let mock = mock(shop());
    assert_eq!(
        call(&mock, "test_connection", json!({})).unwrap(),
        json!({ "connected": true, "labels": 4, "version": "3.5.0", "ready": "ready" })
    );
    assert_eq!(mock.in_flight_at_most(), 3);
    let empty = super::mock(below("/prefix", Arc::new(double_loki::Loki::empty())));
    let told = call(&empty, "test_connection", json!({})).unwrap();
    assert_eq!(told["note"], "it answers, but this tenant has had no streams for six hours");
}

#[test]
fn a_time_is_a_number_or_a_text() {
    let hour_ago = &[json!(NOW - 3600), json!("1769857200"), json!("2026-01-31T11:00:00Z"), json!("-1h")];
    walk::means_the_same::<Loki>(
        &config(),
        &shop(),
        clock(),
        ("stats", &json!({ "query": "{app=\"checkout\"}" }), "start"),
        hour_ago,
    );
}
