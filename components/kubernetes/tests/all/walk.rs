//! Every tool against the double, with all that can be checked without knowing Kubernetes.

use double_kit::{Example, Walk, trouble, walk};
use double_kubernetes::{double, examples};

use super::*;

#[test]
fn every_tool_keeps_to_the_table_the_egress_and_the_schemas() {
    Walk::run::<Kubernetes>(&config(), &double(NOW as f64), clock(), &examples(NOW as f64));
}

#[test]
fn no_trouble_is_taken_for_an_answer() {
    let examples: Vec<Example> = examples(NOW as f64);
    trouble::nothing_is_taken_for_an_answer::<Kubernetes>(&config(), &examples, &[]);
}

#[test]
fn a_time_is_a_number_or_a_text() {
    let hour_ago = &[json!(NOW - 3600), json!("1769857200"), json!("2026-01-31T11:00:00Z"), json!("-1h")];
    walk::means_the_same::<Kubernetes>(
        &config(),
        &double(NOW as f64),
        clock(),
        ("events", &json!({ "limit": 500 }), "since"),
        hour_ago,
    );
}
