//! Finding traces, and one of them.

use super::*;

#[test]
fn a_trace_in_a_list_says_what_failed_and_where_the_time_went() {
    let told = answer(
        "find_traces",
        json!({ "service": "payment", "attributes": { "error": "true" }, "limit": 10 }),
    );
    assert_eq!((&told["shown"], told.get("more")), (&json!(6), None));
    assert_eq!(
        told["traces"][0],
        json!({
            "trace_id": FAILED, "root": "frontend: POST /checkout", "start": "2026-01-31T11:59:00Z", "duration_ms": 3030,
            "spans": 5, "error_spans": 4, "services": { "checkout": 2, "frontend": 2, "payment": 1 },
            "error": {
                "service": "payment", "operation": "payment.Charge", "span_id": "0000000000000005", "duration_ms": 3000,
                "message": "gateway timeout after 3000 ms"
            },
            "critical_path": [
                { "service": "payment", "operation": "payment.Charge", "own_ms": 3000, "percent": 99, "spans": 1 },
                { "service": "checkout", "operation": "checkout.Place", "own_ms": 12, "percent": 0.4, "spans": 1 },
                { "service": "frontend", "operation": "POST /checkout", "own_ms": 10, "percent": 0.3, "spans": 1 },
            ]
        })
    );
}

#[test]
fn traces_are_found_by_everything_that_is_asked() {
    let count = |arguments: Value| answer("find_traces", arguments)["shown"].as_u64().unwrap();
    assert_eq!(count(json!({ "service": "frontend", "limit": 200 })), 46);
    assert_eq!(count(json!({ "service": "frontend", "limit": 200, "min_duration": "1s" })), 6);
    assert_eq!(count(json!({ "service": "frontend", "limit": 200, "max_duration": "100ms" })), 24);
    assert_eq!(count(json!({ "service": "frontend", "limit": 200, "start": "-30m", "end": "-20m" })), 11);
    assert_eq!(count(json!({ "service": "cart", "operation": "SELECT item" })), 2);
    assert_eq!(
        count(json!({ "service": "frontend", "attributes": { "http.response.status_code": "504" } })),
        6
    );
    let asked = |arguments| call(&mock(shop(false)), "find_traces", arguments).unwrap_err();
    assert_eq!(
        asked(json!({ "service": "a", "min_duration": "2s", "max_duration": "1s" })),
        Error::invalid("min_duration", "is longer than `max_duration`")
    );
    assert_eq!(
        asked(json!({ "service": "a", "start": "now" })).to_string(),
        "arguments.start: 2026-01-31T12:00:00Z is not before `end`, 2026-01-31T12:00:00Z"
    );
}

#[test]
fn more_and_nothing_are_told() {
    let told = answer("find_traces", json!({ "service": "frontend", "limit": 3 }));
    assert_eq!(told["more"], "there may be more that fit: raise `limit` or narrow the search");
    let hint =
        |service: &str| answer("find_traces", json!({ "service": service, "start": "-30s" }))["hint"].clone();
    assert_eq!(hint("cart"), "`cart` is traced, but nothing in this window fits: widen it, or ask for less");
    assert_eq!(
        hint("Pay"),
        "Jaeger knows no service `Pay`; it knows payment, cart, checkout, frontend, stock (5 in all)"
    );
}

#[test]
fn fields_are_picked_and_unknown_ones_told() {
    let fields = json!(["trace_id", "tree", "critical_path.service", "nothing"]);
    let told = answer("find_traces", json!({ "service": "stock", "view": "full", "fields": fields }));
    assert_eq!(
        told["traces"],
        json!([{
            "trace_id": "000000000000000000000000000000d1", "tree": ["stock: reserve 8 ms *"],
            "critical_path": [{ "service": "stock" }],
        }])
    );
    assert_eq!(told["unknown_fields"], json!(["nothing"]));
}

#[test]
fn one_trace_is_explained() {
    let told = answer("trace", json!({ "trace_id": "A0" }));
    assert_eq!(told["services"][2], json!({ "service": "payment", "spans": 1, "errors": 1 }));
    assert_eq!(each(&told["error_origins"], "/message"), ["gateway timeout after 3000 ms"]);
    assert_eq!(
        told["tree"],
        json!([
            "frontend: POST /checkout 3030 ms * !",
            "  frontend: checkout.Place 3020 ms * !",
            "    checkout: checkout.Place 3016 ms * !",
            "      checkout: SELECT orders 4 ms *",
            "      payment: payment.Charge 3000 ms * !",
        ])
    );
    assert_eq!((told.get("incomplete"), told.get("repeated_calls")), (None, None));
}

#[test]
fn loops_and_gaps_are_told() {
    let told = answer("trace", json!({ "trace_id": LOOPING }));
    assert_eq!(
        told["repeated_calls"],
        json!([{ "finding": "cart GET /cart calls cart SELECT item 25 times, one after the other", "total_ms": 50 }])
    );
    let told = answer("trace", json!({ "trace_id": "d1" }));
    assert_eq!(told["incomplete"], "1 spans lack their parent");
}

#[test]
fn spans_are_listed_in_full_without_secrets() {
    let told = answer("trace", json!({ "trace_id": FAILED, "view": "full", "limit": 1 }));
    assert_eq!((&told["total"], &told["shown"]), (&json!(5), &json!(1)));
    assert_eq!(
        told["spans"][0],
        json!({
            "span_id": "0000000000000001", "service": "frontend", "operation": "POST /checkout", "kind": "server",
            "start": "2026-01-31T11:59:00Z", "duration_ms": 3030, "error": true, "message": "http.response.status_code 504",
            "attributes": told["spans"][0]["attributes"], "resource": { "host.name": "frontend-0" },
        })
    );
    let attributes = &told["spans"][0]["attributes"];
    assert_eq!(attributes["http.request.header.authorization"], "[redacted]");
    assert_eq!(attributes["http.response.status_code"], 504);
    let mut cursor = told["next_cursor"].clone();
    let mut seen = 1;
    while cursor.is_string() {
        let page =
            answer("trace", json!({ "trace_id": FAILED, "view": "full", "limit": 2, "cursor": cursor }));
        seen += page["shown"].as_u64().unwrap();
        cursor = page.get("next_cursor").cloned().unwrap_or_default();
    }
    assert_eq!(seen, 5);
}

#[test]
fn spans_are_filtered_and_picked() {
    let fields = json!(["operation", "events.name", r"events.attributes.exception\.message", "x"]);
    let told = answer("trace", json!({ "trace_id": FAILED, "service": "payment", "fields": fields }));
    assert_eq!(
        told["spans"],
        json!([{
            "operation": "payment.Charge",
            "events": [{
                "name": "exception", "attributes": { "exception.message": "gateway timeout after 3000 ms (exception)" }
            }]
        }])
    );
    assert_eq!(told["unknown_fields"], json!(["x"]));
}

#[test]
fn two_traces_are_compared() {
    let mock = mock(shop(false));
    let told = call(&mock, "trace", json!({ "trace_id": FAILED, "against": "5" })).unwrap();
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (2, 2));
    let against = &told["against"];
    assert_eq!((&against["other"]["duration_ms"], &against["total"]), (&json!(90), &json!(5)));
    assert_eq!(
        against["critical_path"][0],
        json!({
            "service": "payment", "operation": "payment.Charge", "own_ms": 3000, "other_ms": 60, "difference_ms": 2940
        })
    );
    let error = call(&mock, "trace", json!({ "trace_id": FAILED, "against": "no" })).unwrap_err();
    assert_eq!(
        error,
        Error::invalid("against", "`no` is not a trace id: expected up to 32 hexadecimal digits")
    );
    let error =
        call(&mock, "trace", json!({ "trace_id": FAILED, "against": "5", "view": "full" })).unwrap_err();
    assert_eq!(error, Error::invalid("against", "goes with the summary only: leave out what is about spans"));
}
