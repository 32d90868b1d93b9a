//! How a guest with an upstream is tried.

use http_body_util::Full;
use hyper::{Response, body::Bytes};
use serde_json::{Value, json};

use super::trial::Trial;
use crate::support::Upstream;

pub(super) const DENIED: &str = "HttpRequestDenied";

/// An upstream that says hello.
pub(super) async fn hello() -> Upstream {
    Upstream::start(|_| Response::new(Full::from("hello"))).await
}

pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::from(body.to_owned())).unwrap()
}

/// Tries `guest` with the upstream at `url`.
pub(super) fn with_upstream(guest: &str, url: &str, rest: &str) -> Trial {
    Trial::with(&format!("guest: {guest}, url: '{url}'"), rest)
}

impl Trial {
    /// What the requests of one call came to.
    pub(super) async fn outcomes(&self, arguments: Value) -> Vec<String> {
        strings(&self.structured(arguments).await["outcomes"])
    }
}

pub(super) fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// The requests of `guest` come to this, and nothing arrives: not at its upstream, not at `other`.
pub(super) async fn nothing_arrives(guest: &str, expected: &[&str]) -> Trial {
    let (upstream, other) = (hello().await, hello().await);
    let config = format!("guest: {guest}, url: '{}', other: '{}'", upstream.url(), other.url());
    let trial = Trial::with(&config, "");
    assert_eq!(trial.outcomes(json!({})).await, expected);
    assert_eq!((upstream.received().len(), other.received().len()), (0, 0));
    trial
}
