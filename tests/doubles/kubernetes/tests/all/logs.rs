//! What containers wrote.

use serde_json::Value;

use super::{POD, ask, cluster, send, told};
use double_kubernetes::Cluster;

fn log(cluster: &Cluster, target: &str) -> String {
    let reply = ask(cluster, "GET", target, &[], &Value::Null);
    let text = String::from_utf8(reply.body).unwrap();
    assert_eq!(reply.status, 200, "{target}: {text}");
    text
}

const CART: &str = "/api/v1/namespaces/shop/pods/cart-6f5b8d9c7-zx2qv/log";

#[test]
fn a_log_is_cut_by_lines_time_and_bytes() {
    let cluster = cluster();
    let log = |query: &str| log(&cluster, &format!("{POD}/log{query}"));
    assert_eq!(log("").lines().count(), 5);
    assert_eq!(log("?tailLines=1"), "level=info msg=\"GET /ready\" status=200 duration=1ms\n");
    assert_eq!(log("?sinceSeconds=100").lines().count(), 3);
    assert_eq!(log("?sinceTime=2026-01-31T11:59:20Z").lines().count(), 2);
    assert_eq!(log("?tailLines=1&limitBytes=10"), "level=info");
    assert!(log("?tailLines=1&timestamps=true").starts_with("2026-01-31T11:59:55.000000000Z level=info"));
    assert_eq!(log("?tailLines=0"), "");
}

#[test]
fn the_one_before_is_read_when_it_is_asked_for_or_all_there_is() {
    let cluster = cluster();
    let before = log(&cluster, &format!("{CART}?previous=true"));
    assert!(before.contains("cannot allocate memory"));
    assert_eq!(log(&cluster, CART), before);
    assert_eq!(log(&cluster, "/api/v1/namespaces/shop/pods/report-55dd8c7f6-p4ghj/log"), "");
}

#[test]
fn what_cannot_be_read_is_told() {
    let cluster = cluster();
    let pod = |name: &str| format!("/api/v1/namespaces/shop/pods/{name}/log");
    for (target, message) in [
        (pod("db-0"), "a container name must be specified for pod db-0, choose one of: [db exporter]"),
        (pod("db-0") + "?container=web", "container web is not valid for pod db-0"),
        (
            pod("db-0") + "?container=db&previous=true",
            "previous terminated container \"db\" in pod \"db-0\" not found",
        ),
        (
            pod("checkout-7d9c6b5f4-m8rkt"),
            "container \"checkout\" in pod \"checkout-7d9c6b5f4-m8rkt\" is waiting to start: trying and failing to \
             pull image",
        ),
    ] {
        let refused = told(send(&cluster, "GET", &target, &Value::Null));
        assert_eq!(refused, (400, "BadRequest".into(), message.into()), "{target}");
    }
    assert_eq!(told(send(&cluster, "GET", &pod("none"), &Value::Null)).0, 404);
    let (code, _, message) = told(send(&cluster, "GET", &format!("{CART}?tailLines=-1"), &Value::Null));
    assert_eq!(code, 422);
    assert_eq!(
        message,
        "PodLogOptions \"\" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0"
    );
}
