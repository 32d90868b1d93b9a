//! What is asked of every component: the contract, the schemas, the troubles, the cost.

use std::sync::Arc;

use double_kit::walk::{means_the_same, tokens};
use double_kit::{Double, Walk, trouble};
use elasticsearch::Elasticsearch;
use serde_json::{Value, json};

use super::*;

/// Without a prefix: the contract's paths have none.
fn plain() -> Value {
    json!({ "url": "http://up:9200" })
}

#[test]
fn every_tool_keeps_the_contract() {
    let double: Arc<dyn Double> = troubled();
    Walk::run::<Elasticsearch>(&plain(), &double, clock(), &double_elasticsearch::examples(AT));
}

#[test]
fn nothing_is_taken_for_an_answer() {
    trouble::nothing_is_taken_for_an_answer::<Elasticsearch>(
        &plain(),
        &double_elasticsearch::examples(AT),
        &[],
    );
}

#[test]
fn tools_take_little_of_a_context() {
    let tokens = tokens::<Elasticsearch>(&plain(), "elasticsearch");
    assert!(tokens <= 1800, "{tokens}");
}

#[test]
fn a_time_is_a_number_or_a_text() {
    let double: Arc<dyn Double> = troubled();
    let hour_ago = &[json!(NOW - 3600), json!("1769857200"), json!("2026-01-31T11:00:00Z"), json!("-1h")];
    means_the_same::<Elasticsearch>(
        &plain(),
        &double,
        clock(),
        ("search", &json!({ "index": "logs-app", "query": "log.level:error", "limit": 200 }), "from"),
        hour_ago,
    );
}
