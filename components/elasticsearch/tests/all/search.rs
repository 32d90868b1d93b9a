//! `search`: what is sent, what comes back, pages, counts and aggregations.

use super::*;

#[test]
fn a_query_is_sent_with_its_time_range_and_newest_first() {
    let mock = upstream(&troubled());
    call(
        &mock,
        "search",
        json!({ "query": "log.level:error", "from": "-1h", "to": 1_769_860_000, "fields": ["message"] }),
    )
    .unwrap();
    let sent = &mock.requests()[0];
    assert_eq!(sent.url, "http://up:9200/prefix/logs-app/_search");
    assert_eq!(
        sent.json(),
        json!({
            "query": { "bool": {
                "must": [{ "query_string": { "query": "log.level:error", "lenient": true, "analyze_wildcard": true } }],
                "filter": [{ "range": { "@timestamp": {
                    "gte": "2026-01-31T11:00:00Z", "lt": "2026-01-31T11:46:40Z", "format": "strict_date_optional_time",
                } } }],
            } },
            "sort": [{ "@timestamp": { "order": "desc", "unmapped_type": "date" } }],
            "size": 21, "track_total_hits": 10_000, "timeout": "20s", "_source": ["message"],
        })
    );
}

#[test]
fn hits_are_flat_and_hold_the_fields_asked_for() {
    let found = answer(
        "search",
        json!({ "query": "log.level:error AND service.name:web", "fields": ["message", "host.*"] }),
    );
    assert_eq!(
        found,
        json!({
            "total": 2, "shown": 2,
            "hits": [
                { "_index": ".ds-logs-app-2026.01.31-000002", "_id": "log-43", "message": "upstream reset", "host.name": "host-1" },
                { "_index": ".ds-logs-app-2026.01.31-000002", "_id": "log-44", "message": "upstream reset", "host.name": "host-0" },
            ],
        })
    );
}

#[test]
fn a_long_text_is_cut_and_told_and_whole_by_its_id() {
    let found = answer("search", json!({ "query": "log.level:error", "limit": 1 }));
    let message = found["hits"][0]["message"].as_str().unwrap();
    assert_eq!((message.chars().count(), message.ends_with('…')), (1001, true));
    assert_eq!(found["cut"], json!(["message"]));
    let whole = answer("search", json!({ "id": "log-31" }));
    assert!(whole["hits"][0]["message"].as_str().unwrap().len() > 1800);
    assert_eq!((whole.get("cut"), &whole["total"]), (None, &json!(1)));
}

#[test]
fn pages_go_to_the_end_and_repeat_nothing() {
    let elastic = troubled();
    for (limit, sort) in [(4, "created:asc"), (1, "created:desc"), (3, "_score"), (7, "amount:desc")] {
        let asked = json!({ "index": "orders-2026", "limit": limit, "sort": sort });
        let pages = pages(&elastic, "search", asked, "hits");
        assert!(pages.iter().rev().skip(1).all(|page| page.len() == limit), "{sort}");
        let mut ids: Vec<String> =
            pages.iter().flatten().map(|hit| hit["_id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        assert_eq!(ids, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], "{limit} by {sort}");
    }
}

#[test]
fn a_cursor_is_of_its_query() {
    let first = answer("search", json!({ "limit": 1 }));
    let other = json!({ "limit": 1, "query": "x", "cursor": first["next_cursor"] });
    assert!(refused("search", other).starts_with("arguments.cursor: belongs to a call with other arguments"));
    assert!(refused("search", json!({ "cursor": "x" })).starts_with("arguments.cursor: is not a cursor"));
}

#[test]
fn a_limit_of_zero_counts_exactly() {
    let mock = upstream(&troubled());
    let counted =
        call(&mock, "search", json!({ "query": "log.level:error", "from": "-15m", "limit": 0 })).unwrap();
    assert_eq!(counted, json!({ "total": 12, "hits": [] }));
    assert_eq!(mock.requests()[0].url, "http://up:9200/prefix/logs-app/_count");
}

#[test]
fn a_total_beyond_what_is_counted_is_a_lower_bound() {
    let body = json!({ "_shards": { "total": 1, "failed": 0 }, "hits": { "total": { "value": 10_000, "relation": "gte" }, "hits": [] } });
    let mock = Mock::new().on(bulkhead_sdk::Method::Post, "/prefix/logs-app/_search", 200, body);
    let found = call(&mock, "search", json!({})).unwrap();
    assert_eq!(found["total_is"], "at least; `limit: 0` counts exactly");
}

#[test]
fn aggregations_come_without_hits_unless_asked_for() {
    let found =
        answer("search", json!({ "query": "log.level:error", "aggs": "terms:service.name > avg:took" }));
    assert_eq!(
        found,
        json!({
            "total": 14, "shown": 0, "hits": [],
            "aggs": { "terms:service.name": { "buckets": [
                { "key": "checkout", "count": 12, "avg:took": 365.0 },
                { "key": "web", "count": 2, "avg:took": 435.0 },
            ] } },
        })
    );
    let timeline = answer("search", json!({ "from": "-20m", "aggs": "date_histogram:10m" }));
    assert_eq!(
        timeline["aggs"]["date_histogram:10m"]["buckets"],
        json!([{ "key": "2026-01-31T11:40:00Z", "count": 14 }, { "key": "2026-01-31T11:50:00Z", "count": 20 }])
    );
    let own = json!({ "aggs": { "by": { "terms": { "field": "log.level", "size": 1 } } }, "limit": 1 });
    let found = answer("search", own);
    assert_eq!(
        found["aggs"]["by"],
        json!({ "buckets": [{ "key": "info", "count": 31 }], "in_other_buckets": 14 })
    );
    assert_eq!((&found["shown"], found["next_cursor"].is_string()), (&json!(1), true));
}

#[test]
fn what_is_partial_is_told() {
    let body = json!({
        "timed_out": true,
        "_shards": { "total": 5, "failed": 2, "failures": [
            { "shard": 0, "index": "a", "reason": { "type": "circuit_breaking_exception", "reason": "Data too large" } } ] },
        "hits": { "total": { "value": 0, "relation": "eq" }, "hits": [] },
    });
    let mock = Mock::new().on(bulkhead_sdk::Method::Post, "/prefix/logs-app/_search", 200, body);
    assert_eq!(
        call(&mock, "search", json!({})).unwrap()["warnings"],
        json!([
            "partial: 2 of 5 shards failed: circuit_breaking_exception: Data too large",
            "partial: the search ran out of time; narrow the time range or the query",
        ])
    );
    assert_eq!(
        answer("search", json!({ "index": "nothing-*" }))["warnings"],
        json!(["no index fits that pattern; `indices` lists what there is"])
    );
}

#[test]
fn a_time_field_may_be_configured_or_named() {
    let config =
        json!({ "url": "http://up:9200/prefix", "default_index": "orders", "time_field": "created" });
    let mock = upstream(&troubled());
    let args = json!({ "from": "-997s", "limit": 2 });
    let found = testing::call::<Elasticsearch>(config, &mock, "search", args).unwrap();
    assert_eq!(found.structured().unwrap()["total"], 1);
    let named = answer(
        "search",
        json!({ "index": "orders-2026", "from": "-997s", "time_field": "created", "limit": 0 }),
    );
    assert_eq!(named["total"], 1);
}

#[test]
fn what_cannot_be_sent_is_refused_by_its_argument() {
    for (arguments, why) in [
        (json!({ "from": "now", "to": "-1h" }), "arguments.to: 2026-01-31T11:00:00Z is not after"),
        (json!({ "from": "yesterday" }), "arguments.from: `yesterday` is not a time"),
        (json!({ "index": "_cluster" }), "arguments.index: `_cluster` is no index"),
        (json!({ "aggs": "top:x" }), "arguments.aggs: `top:x` is not"),
        (json!({ "sort": "a:up" }), "arguments.sort: `up` is neither"),
    ] {
        let said = refused("search", arguments);
        assert!(said.starts_with(why), "{said}");
    }
    let bare = json!({ "url": "http://up:9200" });
    let said =
        testing::call::<Elasticsearch>(bare, &Mock::new(), "search", json!({})).unwrap_err().to_string();
    assert!(said.starts_with("arguments.index: is needed"), "{said}");
}
