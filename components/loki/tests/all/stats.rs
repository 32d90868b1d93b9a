//! What a query costs, and what lines look like.

use super::*;

#[test]
fn a_selector_has_a_cost_and_volumes() {
    let mock = mock(shop());
    let told = call(&mock, "stats", json!({ "query": "{namespace=\"shop\"}", "by": ["app"] })).unwrap();
    assert_eq!(mock.in_flight_at_most(), 2);
    assert_eq!(
        (&told["streams"], &told["entries"], &told["cost"]),
        (&json!(6), &json!(262), &json!("cheap"))
    );
    assert_eq!(
        (&told["volumes_total"], each(&told["volumes"], "/labels/app")),
        (&json!(4), vec!["checkout", "web", "cart", "batch"])
    );
    let bytes = told["volumes"][0]["bytes"].as_f64().unwrap();
    assert_eq!(
        told["volumes"][0]["percent"],
        json!((bytes / told["bytes"].as_f64().unwrap() * 1000.0).round() / 10.0)
    );
}

#[test]
fn of_a_query_the_selector_counts() {
    let query = "rate({app=\"cart\"} |= \"x\" [5m]) / rate({app=\"web\"}[5m])";
    let told = answer("stats", json!({ "query": query }));
    assert_eq!((&told["selector"], &told["entries"]), (&json!("{app=\"cart\"}"), &json!(12)));
    assert_eq!(told["note"], "the query has further selectors, which are not counted");
    let none = answer("stats", json!({ "query": "{app=\"none\"}" }));
    assert_eq!(none["cost"], "nothing: no stream matches in this window");
}

#[test]
fn without_volumes_the_rest_is_told() {
    let shop = shop();
    let mock = Mock::new().at(clock()).serving(move |sent| match sent.url.contains("/index/volume") {
        true => Reply::text(404, "not found\n").into(),
        false => wire::serve(&*shop, &Request::from(sent)).into(),
    });
    let told = call(&mock, "stats", json!({ "query": "{app=\"cart\"}" })).unwrap();
    assert_eq!(told["volumes_unknown"], "the upstream has no such thing (404): not found");
    assert_eq!((&told["entries"], told.get("volumes")), (&json!(12), None));
}

#[test]
fn patterns_are_lokis_where_it_finds_them() {
    let mock = mock(shop());
    let told = call(&mock, "patterns", json!({ "query": "{app=\"checkout\"}" })).unwrap();
    assert_eq!(mock.in_flight_at_most(), 2);
    assert_eq!((&told["source"], &told["total"]), (&json!("Loki's pattern ingester"), &json!(3)));
    assert_eq!(
        told["patterns"],
        json!([
            { "pattern": "level=info msg=\"order <_>", "count": 120, "level": "info" },
            { "pattern": "level=error msg=\"payment <_>", "count": 38, "level": "error" },
            { "pattern": "panic: payment <_>", "count": 4, "level": "info" },
        ])
    );
}

#[test]
fn fields_are_told_with_their_parser() {
    let told = answer("patterns", json!({ "query": "{app=\"web\"}" }));
    assert_eq!(
        (&told["fields_total"], each(&told["fields"], "/name")),
        (&json!(4), vec!["level", "path", "status", "took_ms"])
    );
    assert_eq!(
        told["fields"][2],
        json!({ "name": "status", "type": "int", "cardinality": 2, "parsers": ["json"] })
    );
}

#[test]
fn elsewhere_patterns_are_made_of_the_latest_lines() {
    // Loki's own would not heed what follows the selector.
    let told = answer("patterns", json!({ "query": "{app=\"checkout\"} |= \"panic\"" }));
    assert_eq!(told["source"], "the latest 4 lines, which are all");
    assert_eq!(
        told["patterns"],
        json!([{ "pattern": "panic: payment client is nil", "count": 4, "sample": "panic: payment client is nil" }])
    );
    let loki = double_loki::Loki::empty().without_patterns();
    for item in 0..1010 {
        loki.push(&[("app", "x")], ago(MINUTE - item), &format!("item {item}"));
    }
    let told =
        call(&mock(below("/prefix", Arc::new(loki))), "patterns", json!({ "query": "{app=\"x\"}" })).unwrap();
    assert_eq!(
        (&told["source"], &told["patterns"][0]["count"]),
        (&json!("the latest 1000 lines"), &json!(1000))
    );
}

#[test]
fn numbers_have_no_patterns() {
    let error = call(&mock(shop()), "patterns", json!({ "query": "rate({a=\"b\"}[1m])" })).unwrap_err();
    assert_eq!(error, Error::invalid("query", "expected a query that gives lines, such as `{app=\"x\"}`"));
}

#[test]
fn rarer_patterns_and_smaller_volumes_are_counted() {
    let loki = double_loki::Loki::empty().without_patterns();
    for item in 0..60u8 {
        let word = format!("{}{}", char::from(b'a' + item / 26), char::from(b'a' + item % 26));
        loki.push(&[("app", &word)], ago(MINUTE), &format!("hello {word}"));
    }
    let mock = mock(below("/prefix", Arc::new(loki)));
    let patterns = call(&mock, "patterns", json!({ "query": "{app=~\".+\"}" })).unwrap();
    assert_eq!((&patterns["total"], patterns["patterns"].as_array().unwrap().len()), (&json!(60), 30));
    let stats = call(&mock, "stats", json!({ "query": "{app=~\".+\"}", "by": ["app"] })).unwrap();
    assert_eq!((&stats["volumes_total"], stats["volumes"].as_array().unwrap().len()), (&json!(60), 50));
}
