//! Hashes, UUIDs, random values and versions.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{refusal, text, value};

#[test]
fn uuids_are_of_their_version_and_differ() {
    let made = value("uuid", json!({"count": 50, "version": "v7"}))["uuids"].clone();
    let made: Vec<&str> = made.as_array().unwrap().iter().map(|uuid| uuid.as_str().unwrap()).collect();
    assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), 50);
    assert!(made.is_sorted());
    let read = value("uuid", json!({"parse": made[0]}));
    assert_eq!((&read["version"], &read["time"]), (&json!(7), &json!("2026-11-21T12:34:56.789Z")));
    assert_eq!(value("uuid", json!({"parse": text("uuid", json!({}))}))["version"], json!(4));
}

#[test]
fn what_is_no_uuid_is_refused() {
    assert!(refusal("uuid", json!({"parse": "f81d4fae"})).starts_with("arguments.parse: "));
    assert_eq!(refusal("uuid", json!({"count": 1001})), "arguments.count: is 1001; expected 1 to 1000");
}

#[test]
fn random_values_keep_to_what_was_asked() {
    let one = |arguments: Value| value("random", arguments)["values"][0].clone();
    for _ in 0..50 {
        let number = one(json!({"kind": "integer", "min": -2, "max": 2})).as_i64().unwrap();
        assert!((-2..=2).contains(&number));
        let word = one(json!({"kind": "string", "alphabet": "xyé", "length": 9}));
        assert!(
            word.as_str().unwrap().chars().count() == 9
                && word.as_str().unwrap().chars().all(|c| "xyé".contains(c))
        );
        let password = one(json!({"kind": "password", "length": 8}));
        let password = password.as_str().unwrap();
        assert!(
            password.contains(|c: char| c.is_ascii_digit())
                && password.contains(|c: char| c.is_ascii_uppercase())
        );
        assert!(["a", "b"].contains(&one(json!({"kind": "choice", "from": ["a", "b"]})).as_str().unwrap()));
    }
    assert_eq!(one(json!({"kind": "hex", "length": 7})).as_str().unwrap().len(), 7);
    assert!(one(json!({"kind": "integer", "min": i64::MIN, "max": i64::MAX})).is_i64());
    let mut shuffled = one(json!({"kind": "shuffle", "from": [3, 1, 2]})).as_array().unwrap().clone();
    shuffled.sort_by_key(Value::as_i64);
    assert_eq!(shuffled, [1, 2, 3]);
}

#[test]
fn random_values_that_cannot_be_are_refused() {
    assert_eq!(
        refusal("random", json!({"kind": "integer", "min": 3, "max": 1})),
        "arguments.min: is 3, above max 1"
    );
    assert!(refusal("random", json!({"kind": "choice"})).starts_with("arguments.from: is empty"));
    assert!(refusal("random", json!({"kind": "password", "length": 4})).contains("expected at least 8"));
    assert!(
        refusal("random", json!({"kind": "string", "alphabet": ""}))
            .starts_with("arguments.alphabet: is empty")
    );
    assert!(
        refusal("random", json!({"kind": "string", "length": 10_000, "count": 1000}))
            .starts_with("arguments.count: ")
    );
}
