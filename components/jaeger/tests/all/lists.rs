//! Services, operations and dependencies.

use super::*;

#[test]
fn services_are_named_and_counted() {
    assert_eq!(
        answer("services", json!({})),
        json!({ "total": 5, "shown": 5, "items": ["cart", "checkout", "frontend", "payment", "stock"] })
    );
    assert_eq!(answer("services", json!({ "contains": "C" }))["items"], json!(["cart", "checkout", "stock"]));
    let full = answer("services", json!({ "view": "full", "limit": 3 }));
    assert_eq!(
        full["items"],
        json!([
            { "service": "cart", "operations": 2, "kinds": { "client": 1, "server": 1 } },
            { "service": "checkout", "operations": 2, "kinds": { "client": 1, "server": 1 } },
            { "service": "frontend", "operations": 2, "kinds": { "client": 1, "server": 1 } },
        ])
    );
    let rest = answer("services", json!({ "view": "full", "limit": 3, "cursor": full["next_cursor"] }));
    assert_eq!((each(&rest["items"], "/service"), rest.get("next_cursor")), (vec!["payment", "stock"], None));
}

#[test]
fn services_are_counted_at_once_and_few_to_a_page() {
    let spans = (0..30).map(|n| span(("1", &format!("{n:x}"), None, &format!("s{n:02}"), 0, 1)));
    let mock = with(spans);
    let told = call(&mock, "services", json!({ "view": "full", "limit": 1000 })).unwrap();
    assert_eq!((&told["total"], &told["shown"]), (&json!(30), &json!(25)));
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (26, 25));
}

#[test]
fn a_service_has_operations() {
    assert_eq!(
        answer("services", json!({ "service": "checkout" }))["items"],
        json!([{ "operation": "SELECT orders", "kind": "client" }, { "operation": "checkout.Place", "kind": "server" }])
    );
    assert_eq!(answer("services", json!({ "service": "checkout", "contains": "place" }))["total"], 1);
    assert_eq!(
        answer("services", json!({ "service": "chekout" }))["hint"],
        "Jaeger knows no service `chekout`; it knows cart, checkout, frontend, payment, stock (5 in all)"
    );
}

#[test]
fn dependencies_have_counts_and_a_window() {
    let told = answer("dependencies", json!({}));
    assert_eq!(
        told["calls"],
        json!([
            { "caller": "checkout", "called": "payment", "calls": 46 },
            { "caller": "frontend", "called": "checkout", "calls": 46 },
        ])
    );
    assert_eq!(told["window"], json!({ "start": "2026-01-30T12:00:00Z", "end": "2026-01-31T12:00:00Z" }));
    let recent = answer("dependencies", json!({ "service": "payment", "start": "-10m" }));
    assert_eq!(recent["calls"], json!([{ "caller": "checkout", "called": "payment", "calls": 6 }]));
    let first = answer("dependencies", json!({ "limit": 1 }));
    let second = answer("dependencies", json!({ "limit": 1, "cursor": first["next_cursor"] }));
    assert_eq!((each(&second["calls"], "/caller"), second.get("next_cursor")), (vec!["frontend"], None));
    assert!(
        text(&answer("dependencies", json!({ "service": "none" })), "/hint")
            .starts_with("none is known; with most")
    );
}

#[test]
fn a_window_is_asked_for_in_each_dialects_unit() {
    let asked = |published: bool, tool: &str, arguments: Value| {
        let mock = mock(shop(published));
        testing::call::<Jaeger>(config(published), &mock, tool, arguments).unwrap();
        mock.requests()[0].url.replace("http://up:1234/prefix", "")
    };
    assert_eq!(
        asked(false, "dependencies", json!({})),
        "/api/dependencies?endTs=1769860800000&lookback=86400000"
    );
    assert_eq!(
        asked(true, "dependencies", json!({})),
        "/api/v3/dependencies?startTime=2026-01-30T12%3A00%3A00Z&endTime=2026-01-31T12%3A00%3A00Z"
    );
    let search = json!({ "service": "frontend", "attributes": { "a": "b" }, "min_duration": "1500ms" });
    assert_eq!(
        asked(false, "find_traces", search.clone()),
        "/api/traces?service=frontend&tags=%7B%22a%22%3A%22b%22%7D&minDuration=1.5s&start=1769857200000000&end=1769860800000000&limit=20"
    );
    assert_eq!(
        asked(true, "find_traces", search),
        "/api/v3/traces?query.serviceName=frontend&query.attributes=%7B%22a%22%3A%22b%22%7D&query.durationMin=1.5s&\
         query.startTimeMin=2026-01-31T11%3A00%3A00Z&query.startTimeMax=2026-01-31T12%3A00%3A00Z&query.searchDepth=20"
    );
}
