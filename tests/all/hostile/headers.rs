//! Guests that write headers which are not theirs to write.

use serde_json::json;

use super::outgoing::{hello, nothing_arrives, with_upstream};

const SYNTAX: &str = "InvalidSyntax";
const FORBIDDEN: &str = "Forbidden";

pub(super) async fn header_smuggling() {
    // Six values three ways, seven names, two methods, two paths and an authority.
    let mut expected = vec![SYNTAX; 6 * 3 + 7];
    expected.extend(["unbuilt: method"; 2]);
    expected.extend(["unbuilt: path"; 2]);
    expected.push("unbuilt: authority");
    nothing_arrives("header_smuggling", &expected).await;
}

pub(super) async fn obs_fold() {
    nothing_arrives("obs_fold", &[SYNTAX; 4]).await;
}

pub(super) async fn duplicate_host() {
    nothing_arrives("duplicate_host", &[FORBIDDEN; 4]).await;
}

pub(super) async fn transfer_encoding() {
    nothing_arrives("transfer_encoding", &[FORBIDDEN; 7]).await;
}

pub(super) async fn forwarded_headers() {
    nothing_arrives("forwarded_headers", &[FORBIDDEN; 5]).await;
}

pub(super) async fn override_headers() {
    nothing_arrives("override_headers", &[FORBIDDEN; 5]).await;
}

pub(super) async fn upgrade_request() {
    nothing_arrives("upgrade_request", &[FORBIDDEN; 4]).await;
}

pub(super) async fn content_length_lie() {
    let upstream = hello().await;
    let trial = with_upstream("content_length_lie", &upstream.url(), "");
    let mut expected = vec![FORBIDDEN; 7];
    expected.push("200");
    assert_eq!(trial.outcomes(json!({})).await, expected);
    let [request] = &upstream.received()[..] else { panic!("one request") };
    assert_eq!(request.body, "hello");
    assert_eq!(request.headers.get_all("host").iter().count(), 1);
}
