//! The egress policy that is measured: 64 rules, of which the last one matches, and a credential.

use bulkhead::{
    breaker::Trip,
    config::{Caps, Network, secrets::Filled},
    egress::{Policy, credential::Credential, dial::Dialer, resolve::System, target::Target},
    grant::{EgressRequest, Grant},
    secret::Secret,
};
use http::{HeaderMap, Method};

/// Rules of the policy; the last one matches.
pub(crate) const RULES: usize = 64;

/// A policy for an upstream.
pub(crate) fn policy(upstream: &str) -> Policy {
    let asked = |path: String| EgressRequest {
        url: format!("{{config.url}}/api/v1/{path}/*/items/**"),
        methods: vec!["GET".into(), "POST".into()],
        reason: String::new(),
    };
    let asked: Vec<_> = (0..RULES).map(|n| asked(format!("resource{n}"))).collect();
    let grant = Grant::new(&asked, &serde_json::json!({ "url": upstream }), None).unwrap();
    let token = Secret::new("a-token-of-the-usual-length-0123456789".into());
    let token = Filled { text: token.clone(), secrets: vec![token] };
    let credentials = vec![Credential::bearer(upstream.parse().unwrap(), &token).unwrap()];
    // Only the rate limit would be in the way.
    let caps = Caps { requests_per_call: u32::MAX, requests_per_second: 1_000_000, ..Caps::default() };
    let dialer = Dialer::new(Network::default(), &caps, System::shared());
    Policy::new("bench".into(), grant, credentials, caps, Trip::default(), dialer)
}

/// A URL that the last rule matches.
pub(crate) fn url(upstream: &str) -> String {
    format!("{upstream}/api/v1/resource{}/some-id/items/list?limit=100&q=a%20b", RULES - 1)
}

/// Headers as an SDK sends them.
pub(crate) fn headers() -> HeaderMap {
    [("accept", "application/json"), ("user-agent", "bench"), ("content-type", "application/json")]
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect()
}

/// One decision: normalise, match, look at the headers.
pub(crate) fn decide(policy: &Policy, url: &str, headers: &HeaderMap) {
    let target = Target::parse(std::hint::black_box(url)).unwrap();
    std::hint::black_box(policy.decide(&Method::GET, &target, headers).unwrap());
}
