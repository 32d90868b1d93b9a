//! Lines and numbers.

use super::*;

#[test]
fn lines_are_told_by_stream() {
    let told = answer("query", json!({ "query": "{app=\"checkout\"} |~ \"error|panic\"", "start": "-30m" }));
    assert_eq!((&told["kind"], &told["shown"], told.get("next_cursor")), (&json!("lines"), &json!(40), None));
    assert_eq!(told["window"], json!({ "start": "2026-01-31T11:30:00Z", "end": "2026-01-31T12:00:00Z" }));
    assert_eq!(
        told["common_labels"],
        json!({ "app": "checkout", "namespace": "shop", "service_name": "checkout" })
    );
    assert_eq!(
        told["streams"][0],
        json!({
            "labels": { "pod": "checkout-1" }, "count": 28,
            "first": "2026-01-31T11:48:20Z", "last": "2026-01-31T11:59:40Z",
            "sample": [
                "level=error msg=\"payment gateway timeout\" order=235 took=5035ms",
                "panic: payment client is nil"
            ]
        })
    );
    assert_eq!(told["streams"][1]["count"], 12);
}

#[test]
fn in_full_every_line_is_there_in_time_order() {
    let told = answer(
        "query",
        json!({ "query": "{app=\"cart\"}", "view": "full", "direction": "forward", "limit": 2, "line_length": 20 }),
    );
    assert_eq!(
        told["lines"],
        json!([
            { "time": "2026-01-31T11:02:00Z", "stream": 0, "line": "ERROR could not load…" },
            { "time": "2026-01-31T11:07:00Z", "stream": 0, "line": "ERROR could not load…" },
        ])
    );
    assert_eq!(each(&told["streams"], "/pod"), ["cart-1"]);
    assert!(told["next_cursor"].is_string());
}

/// Every line of the batch, read page by page.
fn paged(direction: &str, limit: u32) -> Vec<(String, String)> {
    let (mock, mut cursor, mut lines) = (mock(shop()), Value::Null, Vec::new());
    for _ in 0..40 {
        let mut arguments = json!({
            "query": "{app=\"batch\"}", "view": "full", "direction": direction, "limit": limit, "start": "-1h"
        });
        if cursor.is_string() {
            arguments["cursor"] = cursor;
        }
        let page = call(&mock, "query", arguments).unwrap();
        for line in page["lines"].as_array().unwrap() {
            lines
                .push((line["time"].as_str().unwrap().to_owned(), line["line"].as_str().unwrap().to_owned()));
        }
        match page.get("next_cursor") {
            Some(next) => cursor = next.clone(),
            None => return lines,
        }
    }
    panic!("the pages do not end");
}

#[test]
fn no_line_of_an_instant_is_lost_or_told_twice() {
    for limit in [1, 4, 25, 26, 27, 30] {
        let mut forward = paged("forward", limit);
        assert_eq!((forward.len(), &*forward[0].1, &*forward[26].1), (27, "begin", "end"), "limit {limit}");
        assert_eq!(forward[0].0, "2026-01-31T11:50:00.000000006Z");
        let mut backward = paged("backward", limit);
        assert_eq!((&*backward[0].1, &*backward[26].1), ("end", "begin"));
        forward.sort();
        backward.sort();
        assert_eq!(forward, backward);
        forward.dedup();
        assert_eq!(forward.len(), 27);
    }
}

#[test]
fn pages_keep_to_the_window_of_the_first() {
    let shop = shop();
    let first =
        call(&mock(shop.clone()), "query", json!({ "query": "{app=\"batch\"}", "limit": 20 })).unwrap();
    let later = mock(shop).at(clock() + Duration::from_secs(7200));
    let arguments = json!({ "query": "{app=\"batch\"}", "limit": 20, "cursor": first["next_cursor"] });
    let second = call(&later, "query", arguments).unwrap();
    assert_eq!((&second["shown"], &second["window"]), (&json!(7), &first["window"]));
    let other = json!({ "query": "{app=\"cart\"}", "cursor": first["next_cursor"] });
    let error = call(&later, "query", other).unwrap_err().to_string();
    assert!(error.starts_with("arguments.cursor: belongs to a call with other arguments"), "{error}");
    for cursor in ["", "AAAA", "AAAAAAAAAAA"] {
        let error =
            call(&later, "query", json!({ "query": "{app=\"cart\"}", "cursor": cursor })).unwrap_err();
        assert!(error.to_string().starts_with("arguments.cursor: "), "{error}");
    }
}

#[test]
fn an_instant_with_more_lines_than_loki_gives_is_an_error_and_no_loop() {
    let loki = double_loki::Loki::empty();
    for item in 0..5200 {
        loki.push(&[("app", "x")], ago(MINUTE), &format!("{item:04}"));
    }
    let (mock, mut cursor, mut shown) = (mock(below("/prefix", Arc::new(loki))), Value::Null, 0);
    let error = loop {
        let mut arguments = json!({ "query": "{app=\"x\"}", "limit": 4000 });
        if cursor.is_string() {
            arguments["cursor"] = cursor;
        }
        match call(&mock, "query", arguments) {
            Ok(page) => {
                shown += page["shown"].as_u64().unwrap();
                cursor = page["next_cursor"].clone();
            }
            Err(error) => break error,
        }
    };
    assert!(error.to_string().starts_with("more than 5000 lines share one instant"), "{error}");
    assert!((4000..=5200).contains(&shown), "{shown}");
}

#[test]
fn streams_beyond_thirty_are_counted() {
    let loki = double_loki::Loki::empty();
    for item in 0..40 {
        loki.push(&[("app", "x"), ("pod", &format!("p{item}"))], ago(MINUTE + item), "hello");
    }
    let told =
        call(&mock(below("/prefix", Arc::new(loki))), "query", json!({ "query": "{app=\"x\"}" })).unwrap();
    assert_eq!(told["streams"].as_array().unwrap().len(), 30);
    assert_eq!(told["other_streams"], json!({ "streams": 10, "lines": 10 }));
}

#[test]
fn no_lines_are_explained() {
    let hint = |query: &str| answer("query", json!({ "query": query }))["hint"].as_str().unwrap().to_owned();
    assert_eq!(
        hint("{app=\"chekout\"} |= \"x\""),
        "no stream matches {app=\"chekout\"} in this window: see what there is with labels and series"
    );
    assert_eq!(
        hint("{app=\"cart\"} |= \"x\""),
        "{app=\"cart\"} matches 1 streams with 12 lines in this window; what follows it leaves none"
    );
}

#[test]
fn numbers_at_one_moment_are_the_highest_first() {
    let query = "sum by (app) (count_over_time({namespace=\"shop\"} |~ \"(?i)error\" [1h]))";
    let told = answer("query", json!({ "query": query, "limit": 1 }));
    assert_eq!(told["series"], json!([{ "labels": { "app": "checkout" }, "value": 38 }]));
    assert_eq!(
        (&told["kind"], &told["total"], &told["time"]),
        (&json!("vector"), &json!(2), &json!("2026-01-31T12:00:00Z"))
    );
    let second = answer("query", json!({ "query": query, "limit": 1, "cursor": told["next_cursor"] }));
    assert_eq!(each(&second["series"], "/labels/app"), ["cart"]);
    let scalar = answer("query", json!({ "query": "2", "end": "-1h" }));
    assert_eq!((&scalar["series"][0]["value"], &scalar["time"]), (&json!(2), &json!("2026-01-31T11:00:00Z")));
}

#[test]
fn numbers_over_time_have_statistics_and_points() {
    let query = "sum by (app) (count_over_time({app=\"checkout\"} |= \"error\" [1m]))";
    let told = answer("query", json!({ "query": query, "start": "-20m", "step": "1m" }));
    let series = &told["series"][0];
    assert_eq!((&told["kind"], &series["labels"]), (&json!("matrix"), &json!({ "app": "checkout" })));
    assert_eq!(
        (&series["count"], &series["min"], &series["max"], &series["avg"]),
        (&json!(13), &json!(1), &json!(3), &json!(2.769231))
    );
    assert_eq!(series["points"][0], json!(["2026-01-31T11:48:00Z", 1]));
    // Without a step one is chosen: an hour has sixty points, of which a summary shows the highest of each three.
    let mock = mock(shop());
    let query = "count_over_time({app=\"cart\"} [1h])";
    let all = call(&mock, "query", json!({ "query": query, "start": "-1h", "view": "full" })).unwrap();
    assert!(mock.requests()[0].url.ends_with("&step=60"), "{}", mock.requests()[0].url);
    let short = answer("query", json!({ "query": query, "start": "-1h" }));
    let points = |told: &Value| told["series"][0]["points"].as_array().unwrap().len();
    assert_eq!((points(&all), points(&short)), (59, 20));
}

#[test]
fn a_long_query_is_posted() {
    let mock = mock(shop());
    let query = format!("{{app=\"cart\"}} != \"{}\"", "x".repeat(2100));
    assert_eq!(call(&mock, "query", json!({ "query": query })).unwrap()["shown"], 12);
    let sent = &mock.requests()[0];
    assert_eq!((sent.method.as_str(), &*sent.url), ("POST", "http://up:1234/prefix/loki/api/v1/query_range"));
}
