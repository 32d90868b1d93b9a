//! `query`.

use super::*;

fn vector(samples: &[(&str, &str)]) -> Value {
    let result = samples.iter().map(|(job, value)| {
        json!({ "metric": { "__name__": "up", "job": job }, "value": [1_769_860_800.5, value] })
    });
    json!({ "resultType": "vector", "result": result.collect::<Vec<_>>() })
}

fn jobs(answer: &Value) -> Vec<&str> {
    answer["result"].as_array().unwrap().iter().map(|one| one["labels"]["job"].as_str().unwrap()).collect()
}

#[test]
fn a_vector_is_sorted_and_its_numbers_are_numbers() {
    let data = vector(&[("a", "0"), ("b", "1.5"), ("c", "NaN"), ("d", "+Inf")]);
    assert_eq!(
        answer("query?query=up", &data, "query", json!({ "query": "up" })),
        json!({
            "type": "vector", "total": 4, "shown": 4, "time": "2026-01-31T12:00:00.500Z",
            "result": [
                { "metric": "up", "labels": { "job": "d" }, "value": "+Inf" },
                { "metric": "up", "labels": { "job": "b" }, "value": 1.5 },
                { "metric": "up", "labels": { "job": "a" }, "value": 0 },
                { "metric": "up", "labels": { "job": "c" }, "value": "NaN" },
            ],
        })
    );
}

#[test]
fn what_is_over_the_limit_is_counted() {
    let names: Vec<String> = (0..60).map(|i| format!("j{i:02}")).collect();
    let samples: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let usual = answer("query?query=up", &vector(&samples), "query", json!({ "query": "up" }));
    assert_eq!([&usual["total"], &usual["shown"], &usual["left_out"]], [60, 50, 10]);
    assert_eq!(jobs(&usual).len(), 50);
    let few = answer("query?query=up", &vector(&samples), "query", json!({ "query": "up", "limit": 2 }));
    assert_eq!([&few["total"], &few["shown"], &few["left_out"]], [60, 2, 58]);
    assert_eq!(jobs(&few), ["j00", "j01"]);
}

#[test]
fn a_query_that_sorts_keeps_its_order() {
    let data = vector(&[("b", "2"), ("a", "1"), ("c", "3")]);
    for (query, expected) in
        [("up", ["c", "b", "a"]), ("topk(3, up)", ["b", "a", "c"]), (" sort_desc(up)", ["b", "a", "c"])]
    {
        let rest = format!("query?query={}", query.replace(' ', "+"));
        assert_eq!(jobs(&answer(&rest, &data, "query", json!({ "query": query }))), expected, "{query}");
    }
}

#[test]
fn scalars_and_strings_have_one_value() {
    let scalar = json!({ "resultType": "scalar", "result": [1_769_860_800, "+Inf"] });
    assert_eq!(
        answer("query?query=1/0", &scalar, "query", json!({ "query": "1/0" })),
        json!({ "type": "scalar", "time": "2026-01-31T12:00:00Z", "value": "+Inf" })
    );
    let string = json!({ "resultType": "string", "result": [1_769_860_800, "1"] });
    assert_eq!(
        answer("query?query=%221%22", &string, "query", json!({ "query": "\"1\"" })),
        json!({ "type": "string", "time": "2026-01-31T12:00:00Z", "value": "1" })
    );
}

#[test]
fn a_range_selector_gives_series() {
    let values: Vec<Value> = (0..100).map(|i| json!([i, i.to_string()])).collect();
    let data = json!({ "resultType": "matrix", "result": [{ "metric": { "job": "a" }, "values": values }] });
    let answer = answer("query?query=up[5m]", &data, "query", json!({ "query": "up[5m]" }));
    assert_eq!([&answer["type"], &answer["total"]], [&json!("matrix"), &json!(1)]);
    assert!(answer["downsampled"].as_str().unwrap().starts_with("min-max"));
    assert_eq!(answer["result"][0]["stats"]["count"], 100);
    assert_eq!(answer["result"][0]["stats"]["max"], 99);
    assert_eq!(answer["result"][0]["points"].as_array().unwrap().len(), 50); // runs of four, two points each
}

#[test]
fn a_native_histogram_stands_in_place_of_a_value() {
    let histogram = json!({ "count": "12.5", "sum": "42.1", "buckets": [[0, "0.7", "1", "5"]] });
    let data = json!({ "resultType": "vector", "result": [{ "metric": {}, "histogram": [0, histogram] }] });
    assert_eq!(
        answer("query?query=h", &data, "query", json!({ "query": "h" }))["result"],
        json!([{ "labels": {}, "histogram": { "count": 12.5, "sum": 42.1, "buckets": [[0, "0.7", "1", "5"]] } }])
    );
}

#[test]
fn times_are_sent_as_unix_seconds() {
    for (time, sent) in [
        (json!("2026-01-31T12:00:00Z"), "1769860800"),
        (json!(1_700_000_000), "1700000000"),
        (json!(1_700_000_000.25), "1700000000.25"),
        (json!("-1h"), "1769857200"),
        (json!("now"), "1769860800"),
        (json!("now-15m"), "1769859900"),
    ] {
        let rest = format!("query?query=up&time={sent}");
        answer(&rest, &vector(&[]), "query", json!({ "query": "up", "time": time }));
    }
}

#[test]
fn a_long_query_goes_in_a_form() {
    let query = format!("up{{job=~\"{}\"}}", "a|".repeat(1200));
    let mock = mock().on(Method::Post, &at("query"), 200, success(&vector(&[])));
    call(&mock, "query", json!({ "query": query, "time": 5 })).unwrap();
    let sent = &mock.requests()[0];
    assert_eq!(sent.header("content-type"), Some("application/x-www-form-urlencoded"));
    let body = String::from_utf8(sent.body.clone()).unwrap();
    assert!(body.starts_with("query=up%7Bjob%3D~%22a%7Ca%7C") && body.ends_with("&time=5"), "{body}");
}

#[test]
fn warnings_and_infos_are_passed_on() {
    let reply = json!({
        "status": "success", "data": vector(&[]),
        "warnings": ["remote read failed"], "infos": ["metric might not be a counter"],
    });
    let mock = mock().on(Method::Get, &at("query?query=up"), 200, reply);
    let answer = call(&mock, "query", json!({ "query": "up" })).unwrap();
    assert_eq!(answer["warnings"], json!(["remote read failed"]));
    assert_eq!(answer["infos"], json!(["metric might not be a counter"]));
}
