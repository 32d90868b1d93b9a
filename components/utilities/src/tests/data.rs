//! JSON, conversion and encoding.

use serde_json::{Value, json};

use super::{refusal, text, value};

#[test]
fn json_is_queried_by_path() {
    let shop = json!({"items": [{"name": "a", "price": 5}, {"name": "b", "price": 20}], "x": {"name": "c"}});
    assert_eq!(
        value("json_query", json!({"json": shop, "path": "$.items[?@.price < 10].name"})),
        json!({"matches": [{"path": "$['items'][0]['name']", "value": "a"}], "total": 1})
    );
    assert_eq!(
        value("json_query", json!({"json": shop.to_string(), "path": "$..name", "limit": 2}))["total"],
        json!(3)
    );
    assert_eq!(
        value("json_query", json!({"json": shop, "path": "$.none"})),
        json!({"matches": [], "total": 0})
    );
    assert!(
        refusal("json_query", json!({"json": {}, "path": "items"}))
            .starts_with("arguments.path: `items` is no JSONPath")
    );
    assert!(
        refusal("json_query", json!({"json": "{", "path": "$"}))
            .starts_with("arguments.json: is text but not JSON")
    );
}

#[test]
fn json_is_compared() {
    let (before, after) = (json!({"a": 1, "b": [1, 2], "c": "x"}), json!({"a": 2, "b": [1, 2, 3]}));
    assert_eq!(
        value("json_diff", json!({"before": before, "after": after})),
        json!({
            "equal": false,
            "patch": [
                {"op": "replace", "path": "/a", "value": 2},
                {"op": "add", "path": "/b/2", "value": 3},
                {"op": "remove", "path": "/c"}
            ],
            "changes": ["changed /a: 1 -> 2", "added /b/2: 3", "removed /c: \"x\""]
        })
    );
    assert_eq!(text("json_diff", json!({"before": before, "after": before})), "The two are equal.");
}

#[test]
fn json_is_patched_whole_or_not() {
    let patched = |patch: Value| {
        value("json_patch", json!({"json": {"a": 1, "b": 2}, "patch": patch}))["result"].clone()
    };
    assert_eq!(
        patched(json!([{"op": "replace", "path": "/a", "value": 9}, {"op": "remove", "path": "/b"}])),
        json!({"a": 9})
    );
    assert_eq!(patched(json!({"b": null, "c": 3})), json!({"a": 1, "c": 3}));
    let refused = refusal(
        "json_patch",
        json!({"json": {"a": 1}, "patch": [{"op": "remove", "path": "/a"}, {"op": "test", "path": "/x", "value": 1}]}),
    );
    assert!(refused.starts_with("arguments.patch: operation '/1' failed at path '/x'"), "{refused}");
    assert!(refusal("json_patch", json!({"json": {}, "patch": 3})).contains("expected an array"));
    assert!(
        refusal("json_patch", json!({"json": {}, "patch": [{"op": "grow"}]}))
            .contains("expected operations such as")
    );
}

#[test]
fn data_is_converted() {
    for (document, from, to, expected) in [
        (
            "b: [1, two]\na: null\n",
            "yaml",
            "json",
            "{\n  \"a\": null,\n  \"b\": [\n    1,\n    \"two\"\n  ]\n}",
        ),
        ("[t]\nx = 1\nd = 2026-01-01\n", "toml", "yaml", "t:\n  d: 2026-01-01\n  x: 1\n"),
        (r#"{"t":{"x":1.5},"s":"é"}"#, "json", "toml", "s = \"é\"\n\n[t]\nx = 1.5\n"),
    ] {
        assert_eq!(
            text("convert_data", json!({"text": document, "from": from, "to": to})),
            expected,
            "{document}"
        );
    }
    assert_eq!(
        text("convert_data", json!({"text": "a: 1", "from": "yaml", "to": "json", "compact": true})),
        r#"{"a":1}"#
    );
    assert!(
        refusal("convert_data", json!({"text": "a: [", "from": "yaml", "to": "json"}))
            .starts_with("arguments.text: ")
    );
    assert_eq!(
        refusal("convert_data", json!({"text": "[1]", "from": "json", "to": "toml"})),
        "arguments.text: cannot be TOML: its root is always a table"
    );
    assert_eq!(
        refusal("convert_data", json!({"text": r#"{"a":null}"#, "from": "json", "to": "toml"})),
        "arguments.text: cannot be TOML: it has no null"
    );
    assert!(
        refusal("convert_data", json!({"text": "", "from": "xml", "to": "json"}))
            .contains("unknown variant `xml`")
    );
}

#[test]
fn a_document_that_grows_when_read_is_refused() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let before = vec![format!("*a{}", level - 1); 9].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    assert!(
        refusal("convert_data", json!({"text": bomb, "from": "yaml", "to": "json"}))
            .contains("repetition limit")
    );
}

#[test]
fn sums_are_exact() {
    for (expression, expected) in [
        ("0.1 + 0.2", "0.3"),
        ("2^100", "1267650600228229401496703205376"),
        ("1/3 + 1/6", "0.5"),
        ("15% of 80", "12"),
        ("100 km/h to m/s to 2 dp", "approx. 27.78 m / s"),
        ("255 to hex", "ff"),
        ("10!", "3628800"),
    ] {
        assert_eq!(text("calculate", json!({"expression": expression})), expected, "{expression}");
    }
    assert_eq!(
        value("calculate", json!({"expression": "sqrt 2 to 5 dp"})),
        json!({"result": "1.41421", "exact": false})
    );
}

#[test]
fn a_sum_that_cannot_be_or_never_ends_is_refused() {
    assert_eq!(refusal("calculate", json!({"expression": "1/0"})), "arguments.expression: division by zero");
    assert!(refusal("calculate", json!({"expression": "2 +"})).starts_with("arguments.expression: "));
    assert!(refusal("calculate", json!({"expression": "9^9^9^9"})).starts_with("arguments.expression: "));
    assert!(refusal("calculate", json!({"expression": "(".repeat(900)})).contains("opening brackets"));
}
