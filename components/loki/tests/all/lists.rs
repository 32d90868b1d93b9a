//! Labels and streams.

use super::*;

#[test]
fn labels_are_names_or_values() {
    assert_eq!(
        answer("labels", json!({})),
        json!({ "total": 4, "shown": 4, "values": ["app", "namespace", "pod", "service_name"] })
    );
    let values = |arguments: Value| answer("labels", arguments)["values"].clone();
    assert_eq!(values(json!({ "label": "app" })), json!(["batch", "cart", "checkout", "web"]));
    assert_eq!(values(json!({ "label": "app", "contains": "C" })), json!(["batch", "cart", "checkout"]));
    assert_eq!(
        values(json!({ "label": "pod", "match": ["{app=\"checkout\"} |= \"x\"", "{app=\"cart\"}"] })),
        json!(["cart-1", "checkout-1", "checkout-2"])
    );
    assert_eq!(values(json!({ "label": "app", "start": "-2h", "end": "-100m" })), json!(["checkout"]));
    assert_eq!(values(json!({ "label": "none" })), json!([]));
}

#[test]
fn labels_page_to_the_end() {
    let first = answer("labels", json!({ "label": "app", "limit": 3 }));
    assert_eq!((&first["total"], &first["shown"]), (&json!(4), &json!(3)));
    let last = answer("labels", json!({ "label": "app", "limit": 3, "cursor": first["next_cursor"] }));
    assert_eq!((&last["values"], last.get("next_cursor")), (&json!(["web"]), None));
}

#[test]
fn a_label_stays_one_segment_of_the_path() {
    let mock = mock(shop());
    call(&mock, "labels", json!({ "label": "a/b" })).unwrap();
    assert!(
        mock.requests()[0].url.starts_with("http://up:1234/prefix/loki/api/v1/label/a%2Fb/values?start=")
    );
}

#[test]
fn streams_are_selectors_ready_to_paste() {
    let told = answer(
        "labels",
        json!({ "streams": true, "match": ["{app=\"checkout\"}", "{app=\"cart\"}"], "limit": 2 }),
    );
    assert_eq!(
        told["values"],
        json!([
            "{app=\"cart\", namespace=\"shop\", pod=\"cart-1\", service_name=\"cart\"}",
            "{app=\"checkout\", namespace=\"shop\", pod=\"checkout-1\", service_name=\"checkout\"}",
        ])
    );
    assert_eq!(
        (&told["total"], &told["cardinality"]),
        (&json!(3), &json!({ "app": 2, "namespace": 1, "pod": 3, "service_name": 2 }))
    );
    let arguments = json!({
        "streams": true, "match": ["{app=\"checkout\"}", "{app=\"cart\"}"], "cursor": told["next_cursor"]
    });
    assert_eq!(answer("labels", arguments)["shown"], 1);
    assert_eq!(answer("labels", json!({ "streams": true, "contains": "CART" }))["total"], 1);
}

#[test]
fn selectors_are_asked_at_once() {
    let mock = mock(shop());
    let arguments = json!({ "label": "app", "match": ["{app=\"cart\"}", "{app=\"web\"}"] });
    assert_eq!(call(&mock, "labels", arguments).unwrap()["values"], json!(["cart", "web"]));
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (2, 2));
}

#[test]
fn what_contradicts_itself_is_not_asked() {
    let refusal = |arguments| call(&mock(shop()), "labels", arguments).unwrap_err();
    assert_eq!(
        refusal(json!({ "streams": true, "label": "app" })),
        Error::invalid("streams", "gives streams, and `label` values: one of the two")
    );
    assert_eq!(
        refusal(json!({ "match": ["app"] })),
        Error::invalid("match", "has no stream selector: begin with one, such as `{app=\"x\"}`")
    );
}
