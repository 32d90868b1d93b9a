//! `error_spikes`: what it finds, with evidence, and that it is silent when all is well.

use super::*;

#[test]
fn a_service_that_began_to_fail_is_found_with_evidence() {
    let mock = mock(shop());
    let told = call(&mock, "error_spikes", json!({})).unwrap();
    assert_eq!(told["verdict"], "1 spiking, most of all checkout: 40 error lines in 30m, 2 before");
    assert_eq!(told["before"], json!({ "start": "2026-01-31T11:00:00Z", "end": "2026-01-31T11:30:00Z" }));
    assert_eq!((&told["errors"], &told["spikes_total"]), (&json!({ "now": 46, "before": 8 }), &json!(1)));
    let spike = &told["spikes"][0];
    assert_eq!(spike["labels"], json!({ "service_name": "checkout" }));
    assert_eq!((&spike["now"], &spike["before"], &spike["ratio"]), (&json!(40), &json!(2), &json!(20)));
    assert_eq!((&spike["since"], &spike["lines_read"]), (&json!("2026-01-31T11:47:30Z"), &json!(40)));
    assert_eq!(
        spike["patterns"],
        json!([
            {
                "pattern": "level=error msg=\"payment gateway timeout\" order=<_> took=<_>", "count": 36,
                "sample": "level=error msg=\"payment gateway timeout\" order=235 took=5035ms"
            },
            { "pattern": "panic: payment client is nil", "count": 4, "sample": "panic: payment client is nil" },
        ])
    );
    // Cart fails as it always does.
    assert_eq!(
        told["steady"],
        json!([{ "labels": { "service_name": "cart" }, "now": 6, "before": 6, "ratio": 1 }])
    );
    assert_eq!(mock.requests().len(), 2);
    // The query of the evidence is one to go on with.
    let more = answer("query", json!({ "query": spike["query"], "start": "-30m" }));
    assert_eq!(more["shown"], 40);
}

#[test]
fn spikes_are_looked_into_at_once_and_the_rest_counted() {
    let loki = double_loki::Loki::empty();
    for (service, errors) in [("a", 9), ("b", 8), ("c", 7), ("d", 6), ("e", 5), ("f", 4)] {
        for item in 0..errors {
            loki.push(&[("service_name", service)], ago(MINUTE + item * SECOND), "fatal: it broke");
        }
    }
    let mock = mock(below("/prefix", Arc::new(loki)));
    let told = call(&mock, "error_spikes", json!({})).unwrap();
    assert_eq!(
        (&told["spikes_total"], each(&told["spikes"], "/labels/service_name")),
        (&json!(5), vec!["a", "b", "c", "d"])
    );
    assert_eq!(
        told["further_spikes"],
        json!([{ "labels": { "service_name": "e" }, "now": 5, "before": 0, "ratio": null }])
    );
    assert_eq!(
        (&told["spikes"][0]["ratio"], each(&told["steady"], "/labels/service_name")),
        (&Value::Null, vec!["f"])
    );
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (5, 4));
}

#[test]
fn all_is_well_says_so() {
    let loki = double_loki::Loki::empty();
    for item in 0..120 {
        let line = if item % 12 == 0 { "error: retried" } else { "ok" };
        loki.push(&[("service_name", "a")], ago(item * MINUTE + SECOND), line);
    }
    let mock = mock(below("/prefix", Arc::new(loki)));
    let told = call(&mock, "error_spikes", json!({})).unwrap();
    assert_eq!(told["verdict"], "no spike: 3 error lines in 30m, 2 in the 30m before");
    assert_eq!((&told["spikes"], told.get("hint"), mock.requests().len()), (&json!([]), None, 1));
}

#[test]
fn nothing_at_all_is_told_apart_from_nothing_wrong() {
    let hint = |loki: double_loki::Loki| {
        let told = call(&mock(below("/prefix", Arc::new(loki))), "error_spikes", json!({})).unwrap();
        assert_eq!(told["verdict"], "no spike: 0 error lines in 30m, 0 in the 30m before");
        told["hint"].as_str().unwrap().to_owned()
    };
    let loki = double_loki::Loki::empty();
    loki.push(&[("service_name", "a")], ago(MINUTE), "fine");
    assert_eq!(hint(loki), "{service_name=~\".+\"} matches 1 streams with 1 lines, none of them an error");
    let loki = double_loki::Loki::empty();
    loki.push(&[("app", "a"), ("env", "p")], ago(MINUTE), "error");
    assert_eq!(
        hint(loki),
        "no stream matches {service_name=~\".+\"}; pass `query` and `by` with other labels: app, env"
    );
}

#[test]
fn the_caller_says_where_by_what_and_what_an_error_is() {
    let told = answer(
        "error_spikes",
        json!({ "query": "{namespace=\"shop\"} | json | status>=500", "by": ["app", "path"], "start": "-10m" }),
    );
    assert_eq!(told["verdict"], "no spike: 1 error lines in 10m, 0 in the 10m before");
    assert_eq!(told["steady"][0]["labels"], json!({ "app": "web", "path": "/pay" }));
    let told = answer("error_spikes", json!({ "query": "{namespace=\"shop\"} |= \"panic\"", "by": ["pod"] }));
    assert_eq!(told["verdict"], "no spike: 4 error lines in 30m, 0 in the 30m before");
    let error = call(&mock(shop()), "error_spikes", json!({ "query": "rate({a=\"b\"}[1m])" })).unwrap_err();
    assert_eq!(
        error,
        Error::invalid(
            "query",
            "expected a selector and what follows it, such as `{app=\"x\"} |= \"error\"`"
        )
    );
}

#[test]
fn counts_stand_when_the_lines_cannot_be_read() {
    let shop = shop();
    let mock = Mock::new().at(clock()).serving(move |sent| match sent.url.contains("direction=") {
        true => Reply::text(503, "closed").into(),
        false => wire::serve(&*shop, &Request::from(sent)).into(),
    });
    let told = call(&mock, "error_spikes", json!({})).unwrap();
    assert_eq!(told["spikes"][0]["now"], 40);
    assert_eq!(told["spikes"][0]["patterns_unknown"], "the upstream is unavailable (503): closed");
}
