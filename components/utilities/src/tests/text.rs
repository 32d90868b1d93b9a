//! Patterns, differences, counts and sums.

use serde_json::{Value, json};

use super::{refusal, text, value};

#[test]
fn text_is_encoded_and_decoded() {
    for (encoding, plain, encoded) in [
        ("base64", "Grüße?>", "R3LDvMOfZT8+"),
        ("base64url", "Grüße?>", "R3LDvMOfZT8-"),
        ("hex", "Hé", "48c3a9"),
        ("url", "a b/é&", "a%20b%2F%C3%A9%26"),
    ] {
        assert_eq!(text("encode", json!({"text": plain, "encoding": encoding})), encoded);
        assert_eq!(text("encode", json!({"text": encoded, "encoding": encoding, "decode": true})), plain);
    }
    for (encoded, encoding) in
        [("SGk", "base64"), ("SGk=", "base64url"), ("S G\nk=", "base64"), ("0x4869", "hex")]
    {
        assert_eq!(
            text("encode", json!({"text": encoded, "encoding": encoding, "decode": true})),
            "Hi",
            "{encoded}"
        );
    }
    assert_eq!(
        value("encode", json!({"text": "ff00", "encoding": "hex", "decode": true})),
        json!({"hex": "ff00", "bytes": 2})
    );
    assert!(
        refusal("encode", json!({"text": "f", "encoding": "hex", "decode": true})).contains("expected pairs")
    );
    assert!(
        refusal("encode", json!({"text": "%%", "encoding": "base64", "decode": true}))
            .contains("is not that encoding")
    );
}

#[test]
fn hashes_are_the_published_ones() {
    for (algorithm, expected) in [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("crc32", "352441c2"),
    ] {
        assert_eq!(text("hash", json!({"text": "abc", "algorithm": algorithm})), expected);
    }
    assert!(
        text("hash", json!({"text": "abc", "algorithm": "sha512"}))
            .starts_with("ddaf35a193617abacc417349ae204131")
    );
    // RFC 4231, test case 2.
    assert_eq!(
        text("hash", json!({"text": "what do ya want for nothing?", "key": "Jefe"})),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    assert_eq!(
        value("hash", json!({"text": "YWJj", "encoding": "base64", "algorithm": "crc32"}))["hex"],
        json!("352441c2")
    );
    assert_eq!(
        value("hash", json!({"text": "abc", "algorithm": "crc32", "expected": "352441C2"}))["matches"],
        json!(true)
    );
    assert!(refusal("hash", json!({"text": "a", "algorithm": "crc32", "key": "k"})).contains("takes no key"));
}

#[test]
fn patterns_match_replace_and_split() {
    let run = |operation: &str, pattern: &str, on: &str, more: Value| {
        let mut arguments = json!({"operation": operation, "pattern": pattern, "text": on});
        for (key, value) in more.as_object().unwrap() {
            arguments[key] = value.clone();
        }
        value("regex", arguments)
    };
    assert_eq!(run("test", "^b", "a\nb", json!({"flags": "m"})), json!({"matches": true}));
    assert_eq!(
        run("match", r"(?<year>\d{4})-(\d\d)", "2026-11, 2027-01", json!({"limit": 1})),
        json!({
            "matches": [{"text": "2026-11", "at": 0, "groups": ["2026", "11"], "named": {"year": "2026"}}],
            "more": true
        })
    );
    assert_eq!(
        run("replace", r"(\w+)@(\w+)", "me@home", json!({"replacement": "$2 at ${1}"})),
        json!({"text": "home at me", "replaced": 1})
    );
    assert_eq!(run("split", r"\s*,\s*", "a , b,c", json!({})), json!({"pieces": ["a", "b", "c"]}));
    assert_eq!(run("test", "STRASSE|straße", "STRAẞE", json!({"flags": "i"})), json!({"matches": true}));
}

#[test]
fn a_pattern_that_cannot_be_is_refused() {
    let refused =
        |pattern: &str| refusal("regex", json!({"operation": "test", "pattern": pattern, "text": ""}));
    assert!(refused("(").starts_with("arguments.pattern: "));
    assert!(refused("(?=a)").contains("look-around is not supported: match more and use a group"));
    assert!(refused(r"(\w{1000}){1000}").contains("size limit"));
    assert!(
        refusal("regex", json!({"operation": "test", "pattern": "a", "text": "", "flags": "q"}))
            .contains("`q` is no flag")
    );
    assert!(
        refusal("regex", json!({"operation": "replace", "pattern": "a", "text": ""}))
            .contains("arguments.replacement")
    );
}

#[test]
fn versions_are_compared_matched_sorted_and_raised() {
    let ask = |arguments: Value| text("semver", arguments);
    assert_eq!(
        ask(json!({"operation": "compare", "versions": ["1.0.0-rc.2", "v1.0"]})),
        "1.0.0-rc.2 is older than 1.0.0."
    );
    assert_eq!(
        ask(json!({"operation": "sort", "versions": ["1.10.0", "1.9.0", "1.10.0-alpha", "0.1"]})),
        "0.1.0\n1.9.0\n1.10.0-alpha\n1.10.0"
    );
    assert_eq!(
        value("semver", json!({"operation": "satisfies", "range": "^1.2", "versions": ["1.9.9", "2.0.0"]}))["results"],
        json!([{"version": "1.9.9", "satisfies": true}, {"version": "2.0.0", "satisfies": false}])
    );
    for (from, part, to) in [
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3+b", "patch", "1.2.4"),
        ("2.0.0-rc.1", "major", "2.0.0"),
        ("2.0.1-rc.1", "minor", "2.1.0"),
    ] {
        assert_eq!(ask(json!({"operation": "bump", "versions": [from], "part": part})), to, "{from} {part}");
    }
    assert!(
        refusal("semver", json!({"operation": "sort", "versions": ["1.x"]}))
            .starts_with("arguments.versions[0]: `1.x`")
    );
    assert!(
        refusal("semver", json!({"operation": "compare", "versions": ["1"]})).contains("compare takes two")
    );
}

#[test]
fn texts_are_compared_line_by_line() {
    assert_eq!(
        value("text_diff", json!({"before": "a\nb\nc\n", "after": "a\nB\nc\n", "context": 1})),
        json!({
            "equal": false, "added": 1, "removed": 1,
            "diff": "--- before\n+++ after\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"
        })
    );
    assert_eq!(text("text_diff", json!({"before": "a", "after": "a"})), "The two are equal.");
}

#[test]
fn text_is_counted() {
    assert_eq!(
        value("count_text", json!({"text": "Grüße, Welt!\nzwei"})),
        json!({"characters": 17, "words": 3, "lines": 2, "bytes": 19, "estimated_tokens": 6})
    );
    assert!(
        refusal("count_text", json!({"text": "x".repeat(1_000_001)})).contains("expected at most 1000000")
    );
}
