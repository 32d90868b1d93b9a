//! Every tool, every operation of both dialects, the egress, and what it takes of a model's context.

use double_kit::{Walk, trouble, walk};

use super::*;

#[test]
fn every_tool_does_what_it_says_within_what_it_asks_for() {
    for published in [false, true] {
        let examples = double_jaeger::examples(f64::from(NOW));
        Walk::run::<Jaeger>(&config(published), &shop(published), clock(), &examples);
    }
}

#[test]
fn the_ui_s_dialect_is_the_default() {
    let mock = mock(shop(false));
    testing::call::<Jaeger>(json!({ "url": "http://up:1234/prefix" }), &mock, "services", json!({})).unwrap();
    assert_eq!(mock.requests()[0].url, "http://up:1234/prefix/api/services");
    let error = testing::configure::<Jaeger>(json!({ "url": "http://up", "api": "v2" })).unwrap_err();
    assert!(error.starts_with("config.api: unknown variant `v2`"), "{error}");
    assert!(testing::configure::<Jaeger>(json!({ "url": "up" })).unwrap_err().starts_with("config.url: "));
}

#[test]
fn tools_take_little_of_a_context() {
    let tokens = walk::tokens::<Jaeger>(&config(false), "jaeger");
    assert!(tokens <= 1200, "{tokens} tokens");
}

#[test]
fn all_tools_only_read() {
    for tool in testing::list::<Jaeger>(config(false)).unwrap() {
        assert!(tool.annotations.read_only && tool.annotations.idempotent && tool.annotations.open_world);
        assert_eq!(tool.tags, ["read"], "{}", tool.name);
    }
}

#[test]
fn nothing_is_taken_for_an_answer() {
    for published in [false, true] {
        let examples = double_jaeger::examples(f64::from(NOW));
        trouble::nothing_is_taken_for_an_answer::<Jaeger>(&config(published), &examples, &[]);
    }
}

#[test]
fn the_health_check_asks_for_services() {
    let healthy = |published| testing::health::<Jaeger>(config(published), &mock(shop(published)));
    let said = "Jaeger answers and knows 5 services".to_owned();
    assert_eq!((healthy(false), healthy(true)), (Ok(said.clone()), Ok(said)));
    let closed = Mock::new().at(clock()).serving(|_| Reply::text(503, "closed").into());
    let error = testing::health::<Jaeger>(config(false), &closed).unwrap_err();
    assert_eq!(error, "the upstream is unavailable (503): closed");
}

#[test]
fn a_time_or_a_length_is_a_number_or_a_text() {
    let shop = shop(false);
    let of = json!({ "service": "checkout" });
    let hour_ago = &[json!(NOW - 3600), json!("1769857200"), json!("2026-01-31T11:00:00Z"), json!("-1h")];
    let half_a_second = &[json!(0.5), json!("0.5"), json!("0.5s"), json!("500ms")];
    for (argument, forms) in
        [("start", &hour_ago[..]), ("min_duration", half_a_second), ("max_duration", half_a_second)]
    {
        let call = ("find_traces", &of, argument);
        walk::means_the_same::<Jaeger>(&config(false), &shop, clock(), call, forms);
    }
}
