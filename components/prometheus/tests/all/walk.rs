//! Everything that can be checked without knowing the service, and what the tools take of a model's context.

use double_kit::{Walk, trouble, walk};
use double_prometheus::{double, examples};

use super::*;

const BUDGET: usize = 2000;

fn played() -> Value {
    json!({ "url": "http://up:9090" })
}

#[test]
fn every_tool_works_and_asks_only_for_what_it_may() {
    let now = NOW as f64;
    Walk::run::<Prometheus>(&played(), &double(now), clock(), &examples(now));
}

#[test]
fn the_tools_fit_their_share_of_the_context() {
    let tokens = walk::tokens::<Prometheus>(&played(), "prometheus");
    assert!(tokens <= BUDGET, "{tokens} tokens");
}

#[test]
fn no_trouble_is_taken_for_an_answer() {
    trouble::nothing_is_taken_for_an_answer::<Prometheus>(&played(), &examples(NOW as f64), &[]);
}

#[test]
fn a_time_or_a_length_is_a_number_or_a_text() {
    let double = double(NOW as f64);
    let hour_ago = &[json!(NOW - 3600), json!("1769857200"), json!("2026-01-31T11:00:00Z"), json!("-1h")];
    let minute = &[json!(60), json!(60.0), json!("60"), json!("60s"), json!("1m"), json!("0.5m30s")];
    for (tool, arguments, argument, forms) in [
        ("query", json!({ "query": "up" }), "time", &hour_ago[..]),
        ("query_range", json!({ "query": "up" }), "start", hour_ago),
        ("query_range", json!({ "query": "up", "start": "-2h" }), "end", hour_ago),
        ("query_range", json!({ "query": "up" }), "step", minute),
        ("labels", json!({ "label": "job" }), "start", hour_ago),
        ("labels", json!({ "label": "job" }), "end", hour_ago),
    ] {
        let call = (tool, &arguments, argument);
        walk::means_the_same::<Prometheus>(&played(), &double, clock(), call, forms);
    }
}
