//! `diagnose`: each finding with its evidence, and silence when all is well.

use super::*;

fn findings(told: &Value) -> Vec<&str> {
    each(&told["findings"], "/finding")
}

#[test]
fn a_failing_dependency_is_found_behind_a_service() {
    let mock = mock(shop(false));
    let told = call(&mock, "diagnose", json!({ "service": "frontend" })).unwrap();
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (3, 2));
    assert_eq!(
        findings(&told),
        [
            "payment payment.Charge failed in 6 of 46 sampled traces: gateway timeout after 3000 ms",
            "p95 is 3033 ms, p50 110 ms; slow requests wait 2934 ms more for payment payment.Charge (100 % of the difference)",
        ]
    );
    assert_eq!(
        told["verdict"],
        "2 findings, first: payment payment.Charge failed in 6 of 46 sampled traces: gateway timeout after 3000 ms"
    );
    let evidence = told["findings"][0]["evidence"].as_array().unwrap();
    assert_eq!((evidence.len(), &evidence[0]), (3, &json!(FAILED)));
    assert_eq!(
        told["operations"],
        json!([{
            "operation": "POST /checkout", "requests": 46, "errors": 6, "p50_ms": 110, "p95_ms": 3033, "max_ms": 3035
        }])
    );
    assert_eq!(
        told["errors"],
        json!([{
            "service": "payment", "operation": "payment.Charge", "message": "gateway timeout after 3000 ms", "spans": 6,
            "traces": 6, "evidence": evidence,
        }])
    );
    assert_eq!(told["critical_path"][0]["service"], "payment");
    assert_eq!(told["slowest"][0]["duration_ms"], 3035);
    assert_eq!(told["sampled"], json!({ "traces": 46, "requests": 46, "failed_or_slow_beside": 0 }));
}

#[test]
fn both_dialects_find_the_same() {
    let told =
        answer("diagnose", json!({ "service": "checkout", "operation": "checkout.Place", "limit": 20 }));
    assert_eq!(told["sampled"]["requests"], 20);
    assert_eq!(findings(&told).len(), 1, "{told}");
}

#[test]
fn an_operation_within_a_service_can_be_asked_about() {
    let told = answer("diagnose", json!({ "service": "checkout", "operation": "SELECT orders" }));
    assert_eq!(told["verdict"], "nothing unusual in 46 requests");
    assert_eq!(told["operations"][0]["p95_ms"], 4);
}

#[test]
fn failures_and_slow_requests_beside_the_sample_are_seen() {
    // Only what is asked for by attribute or duration is not in a sample of ten.
    let told = answer("diagnose", json!({ "service": "frontend", "limit": 10 }));
    assert_eq!(told["sampled"], json!({ "traces": 10, "requests": 10, "failed_or_slow_beside": 12 }));
    assert_eq!(
        findings(&told),
        [
            "payment payment.Charge failed in 0 of 10 sampled traces and 6 that were searched for: gateway timeout after 3000 ms"
        ]
    );
    assert_eq!(told["slowest"][0]["error"], true);
}

#[test]
fn a_loop_of_calls_is_found() {
    let told = answer("diagnose", json!({ "service": "cart" }));
    assert_eq!(
        told["findings"],
        json!([{
            "finding": "cart GET /cart calls cart SELECT item 25 times, one after the other in one request",
            "evidence": [LOOPING]
        }])
    );
}

#[test]
fn missing_spans_are_found() {
    let told = answer("diagnose", json!({ "service": "stock" }));
    assert_eq!(findings(&told), ["1 of 1 traces lack spans: times and causes may be elsewhere"]);
}

#[test]
fn a_tail_without_errors_is_found() {
    let spans = (1..=20u8).flat_map(|n| {
        let (trace, slow) = (format!("{n:x}"), if n > 18 { 500 } else { 0 });
        [
            span((&trace, "a", None, "shop", 0, 100 + slow)),
            span((&trace, "b", Some("a"), "stock", 10, 60 + slow)),
        ]
    });
    let mock = with(spans);
    let told = call(&mock, "diagnose", json!({ "service": "shop" })).unwrap();
    assert_eq!(
        told["findings"],
        json!([{
            "finding": "p95 is 600 ms, p50 100 ms; slow requests wait 500 ms more for stock work (100 % of the difference)",
            "evidence": ["13", "14"],
        }])
    );
    assert_eq!(
        told["critical_path"][0],
        json!({ "service": "stock", "operation": "work", "slow_ms": 550, "usual_ms": 50 })
    );
}

#[test]
fn all_is_well_says_so() {
    let spans = (1..=20u8).flat_map(|n| {
        let trace = format!("{n:x}");
        let long = 100 + i64::from(n);
        [span((&trace, "a", None, "shop", 0, long)), span((&trace, "b", Some("a"), "stock", 10, 60))]
    });
    let told = call(&with(spans), "diagnose", json!({ "service": "shop" })).unwrap();
    assert_eq!((&told["verdict"], &told["findings"]), (&json!("nothing unusual in 20 requests"), &json!([])));
    assert_eq!((&told["errors"], &told["operations"][0]["p95_ms"]), (&json!([]), &json!(119)));
}

#[test]
fn errors_elsewhere_are_not_this_services() {
    let mut other = span(("1", "c", Some("a"), "ads", 10, 20));
    other.error = Some("no ads".into());
    let spans = [span(("1", "a", None, "front", 0, 100)), span(("1", "b", Some("a"), "shop", 30, 60)), other];
    let mock = with(spans);
    let told = call(&mock, "diagnose", json!({ "service": "shop" })).unwrap();
    assert_eq!(told["findings"], json!([]));
    let told = call(&mock, "diagnose", json!({ "service": "front" })).unwrap();
    assert_eq!(findings(&told), ["ads work failed in 1 of 1 sampled traces: no ads"]);
}

#[test]
fn no_traces_are_explained() {
    let told = answer("diagnose", json!({ "service": "Check" }));
    assert_eq!((&told["verdict"], &told["findings"]), (&json!("no traces"), &json!([])));
    assert_eq!(
        told["hint"],
        "Jaeger knows no service `Check`; it knows checkout, cart, frontend, payment, stock (5 in all)"
    );
    let told = answer("diagnose", json!({ "service": "cart", "start": "-30s" }));
    assert!(text(&told, "/hint").starts_with("`cart` is traced"), "{told}");
}
