//! `labels`: names, values and series.

use super::*;

#[test]
fn label_names_come_in_pages() {
    let rest = "labels?match[]=up&start=1769857200&end=1769860800";
    let arguments = |cursor: Option<&Value>| {
        let mut arguments = json!({ "match": ["up"], "start": "-1h", "end": "now", "limit": 2 });
        if let Some(cursor) = cursor {
            arguments["cursor"] = cursor.clone();
        }
        arguments
    };
    let data = json!(["__name__", "instance", "job"]);
    let first = answer(rest, &data, "labels", arguments(None));
    assert_eq!(
        [&first["total"], &first["shown"], &first["names"]],
        [&json!(3), &json!(2), &json!(["__name__", "instance"])]
    );
    let last = answer(rest, &data, "labels", arguments(Some(&first["next_cursor"])));
    assert_eq!(last, json!({ "total": 3, "shown": 1, "names": ["job"] }));
}

#[test]
fn a_cursor_is_for_the_same_arguments_whatever_the_limit() {
    let data = json!(["a", "b", "c"]);
    let first = answer("labels", &data, "labels", json!({ "limit": 1 }));
    let cursor = &first["next_cursor"];
    let more = answer("labels", &data, "labels", json!({ "limit": 5, "cursor": cursor }));
    assert_eq!(more["names"], json!(["b", "c"]));
    let mock = answering("labels?match[]=up", &data);
    let error = call(&mock, "labels", json!({ "match": ["up"], "cursor": cursor })).unwrap_err();
    assert_eq!(
        error,
        Error::invalid(
            "cursor",
            "belongs to a call with other arguments: repeat that call's arguments, or leave `cursor` out"
        )
    );
}

#[test]
fn label_values_can_be_searched() {
    let data = json!(["go_goroutines", "node_cpu_seconds_total", "process_CPU_seconds_total"]);
    assert_eq!(
        answer(
            "label/__name__/values?limit=100000",
            &data,
            "labels",
            json!({ "label": "__name__", "contains": "cpu" })
        ),
        json!({ "total": 2, "shown": 2, "values": ["node_cpu_seconds_total", "process_CPU_seconds_total"] })
    );
    answer(
        "label/job/values?match[]=up&match[]=go_info&start=1&end=2&limit=100000",
        &json!([]),
        "labels",
        json!({ "label": "job", "match": ["up", "go_info"], "start": "1", "end": "2" }),
    );
}

#[test]
fn a_label_name_cannot_leave_its_path() {
    answer(
        "label/U___2e__2e__2f_admin/values?limit=100000",
        &json!([]),
        "labels",
        json!({ "label": "../admin" }),
    );
    let error = call(&mock(), "labels", json!({ "label": "" })).unwrap_err();
    assert_eq!(error, Error::invalid("label", "is empty: give a label name such as `job`"));
}

#[test]
fn a_bad_label_or_selector_is_named() {
    let reply = |words: &str| json!({ "status": "error", "errorType": "bad_data", "error": words });
    let mock = mock()
        .on(
            Method::Get,
            &at("label/U__9lives/values?limit=100000"),
            400,
            reply("invalid label name: \"9lives\""),
        )
        .on(Method::Get, &at("labels?match[]=up{"), 400, reply("1:4: parse error"));
    let error = call(&mock, "labels", json!({ "label": "9lives" })).unwrap_err();
    assert_eq!(error, Error::invalid("label", "bad_data: invalid label name: \"9lives\""));
    let error = call(&mock, "labels", json!({ "match": ["up{"] })).unwrap_err();
    assert_eq!(error, Error::invalid("match", "bad_data: 1:4: parse error"));
}

#[test]
fn series_are_selectors() {
    let rest = "series?match[]=up&match[]=down&start=1769774400&limit=20000";
    let data = json!([
        { "__name__": "up", "job": "node", "instance": "b:1" },
        { "__name__": "up", "job": "node", "instance": "a:1" },
    ]);
    let arguments = json!({ "series": true, "match": ["up", "down"], "start": "-1d" });
    assert_eq!(
        answer(rest, &data, "labels", arguments),
        json!({ "total": 2, "shown": 2,
                "series": [r#"up{instance="a:1", job="node"}"#, r#"up{instance="b:1", job="node"}"#] })
    );
}

#[test]
fn series_page_and_need_a_selector() {
    let rest = "series?match[]=up&limit=20000";
    let data = json!([{ "i": "1" }, { "i": "2" }, { "i": "3" }]);
    let first = answer(rest, &data, "labels", json!({ "series": true, "match": ["up"], "limit": 2 }));
    assert_eq!(first["series"], json!([r#"{i="1"}"#, r#"{i="2"}"#]));
    let rest_of_it = answer(
        rest,
        &data,
        "labels",
        json!({ "series": true, "match": ["up"], "limit": 2, "cursor": first["next_cursor"] }),
    );
    assert_eq!(rest_of_it, json!({ "total": 3, "shown": 1, "series": [r#"{i="3"}"#] }));
    let error = call(&mock(), "labels", json!({ "series": true, "match": [] })).unwrap_err();
    assert_eq!(error, Error::invalid("match", "is empty: give at least one selector such as `up`"));
}

#[test]
fn null_is_an_empty_list() {
    let mock = mock().on(Method::Get, &at("labels"), 200, json!({ "status": "success", "data": null }));
    let answer = call(&mock, "labels", json!({})).unwrap();
    assert_eq!(answer, json!({ "total": 0, "shown": 0, "names": [] }));
}

#[test]
fn a_server_that_truncated_says_so() {
    let reply = json!({ "status": "success", "data": ["a"], "warnings": ["results truncated due to limit"] });
    let mock = mock().on(Method::Get, &at("label/job/values?limit=100000"), 200, reply);
    let answer = call(&mock, "labels", json!({ "label": "job" })).unwrap();
    assert_eq!(answer["warnings"], json!(["results truncated due to limit"]));
}

#[test]
fn values_and_series_are_two_lists() {
    let error =
        call(&mock(), "labels", json!({ "label": "job", "series": true, "match": ["up"] })).unwrap_err();
    assert_eq!(error, Error::invalid("series", "and `label` ask for different lists: give one of them"));
}

#[test]
fn series_and_names_can_be_searched_too() {
    let data = json!([{ "__name__": "up", "job": "node" }, { "__name__": "up", "job": "API" }]);
    let arguments = json!({ "series": true, "match": ["up"], "contains": "api" });
    let found = answer("series?match[]=up&limit=20000", &data, "labels", arguments);
    assert_eq!(found["series"], json!([r#"up{job="API"}"#]));
    let found = answer("labels", &json!(["instance", "job"]), "labels", json!({ "contains": "JO" }));
    assert_eq!(found["names"], json!(["job"]));
}
