//! Every call at once: schemas, egress, the vendor's document, the number of requests, and every trouble.

use double_kit::{Walk, trouble, walk};

use super::*;

/// Of a model's context.
const BUDGET: usize = 3000;

#[test]
fn every_call_keeps_the_contract() {
    Walk::run::<Grafana>(&config(), &double(), clock(), &examples());
}

#[test]
fn the_tools_fit_their_budget() {
    let tokens = walk::tokens::<Grafana>(&config(), "grafana");
    println!("{tokens} tokens");
    assert!(tokens <= BUDGET, "{tokens} tokens");
}

/// What asks nothing in order to answer.
fn asks(example: &Example) -> bool {
    let dry = example.arguments.get("dry_run").is_some_and(|dry| *dry == json!(true));
    !(dry && example.arguments.get("uid").is_none() && example.tool != "delete")
}

#[test]
fn no_trouble_is_taken_for_an_answer() {
    let examples: Vec<Example> = examples().into_iter().filter(asks).collect();
    trouble::nothing_is_taken_for_an_answer::<Grafana>(&config(), &examples, &[]);
}

#[test]
fn a_time_is_a_number_or_a_text() {
    let hour_ago = &[json!(NOW - 3600), json!("1769857200"), json!("2026-01-31T11:00:00Z"), json!("-1h")];
    walk::means_the_same::<Grafana>(
        &config(),
        &double(),
        clock(),
        ("what_changed", &json!({}), "from"),
        hour_ago,
    );
}
