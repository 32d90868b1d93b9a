//! Everything that can be checked without knowing the service, and what the tools take of a model's context.

use double_alertmanager::{double, examples};
use double_kit::{Walk, trouble, walk};

use super::*;

const BUDGET: usize = 1450;

fn played() -> Value {
    json!({ "url": "http://up:9093" })
}

#[test]
fn every_tool_works_and_asks_only_for_what_it_may() {
    let now = NOW as f64;
    Walk::run::<Alertmanager>(&played(), &double(now), clock(), &examples(now));
}

#[test]
fn the_tools_fit_their_share_of_the_context() {
    let tokens = walk::tokens::<Alertmanager>(&played(), "alertmanager");
    assert!(tokens <= BUDGET, "{tokens} tokens");
}

#[test]
fn no_trouble_is_taken_for_an_answer() {
    trouble::nothing_is_taken_for_an_answer::<Alertmanager>(&played(), &examples(NOW as f64), &[]);
}

#[test]
fn a_time_is_a_number_or_a_text() {
    let double = double(NOW as f64);
    let hour_ago = &[json!(NOW - 3600), json!("1769857200"), json!("2026-01-31T11:00:00Z"), json!("-1h")];
    let hence = &[json!(NOW + 3600), json!("1769864400"), json!("2026-01-31T13:00:00Z"), json!("+1h")];
    for (tool, argument, forms) in [
        ("alerts", "since", &hour_ago[..]),
        ("alerts", "until", hour_ago),
        ("silences", "ends_before", hence),
    ] {
        let call = (tool, &json!({}), argument);
        walk::means_the_same::<Alertmanager>(&played(), &double, clock(), call, forms);
    }
}
