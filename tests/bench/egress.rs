//! What the way out costs: the decision alone, and the whole of it beside a bare client of the same upstream.

use std::{net::SocketAddr, pin::Pin, sync::Arc, time::Instant};

use bulkhead::{
    breaker::Trip,
    config::{Caps, Network, secrets::Filled},
    egress::{
        Egress, Policy, credential::Credential, dial::Dialer, log::EgressLog, resolve::System, target::Target,
    },
    grant::{EgressRequest, Grant},
    request::CallId,
    secret::Secret,
};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use wasmtime_wasi_http::{WasiBody, WasiHttpHooks};

/// Rules of the policy; the last one matches.
pub(crate) const RULES: usize = 64;
const TIMES: usize = 4000;

fn policy(upstream: &str) -> Policy {
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

fn url(upstream: &str) -> String {
    format!("{upstream}/api/v1/resource{}/some-id/items/list?limit=100&q=a%20b", RULES - 1)
}

/// Microseconds of one decision with 64 rules: normalise, match, look at the headers.
pub(crate) fn decision() -> f64 {
    let upstream = "https://api.example.com:8443";
    let (policy, url) = (policy(upstream), url(upstream));
    let headers: HeaderMap =
        [("accept", "application/json"), ("user-agent", "bench"), ("content-type", "application/json")]
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
    let mut rounds: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..TIMES {
                std::hint::black_box(
                    policy
                        .decide(&Method::GET, &Target::parse(std::hint::black_box(&url)).unwrap(), &headers)
                        .unwrap(),
                );
            }
            start.elapsed().as_secs_f64() * 1e6 / TIMES as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

/// Median microseconds of a request through the host's hook, and through a bare client.
pub(crate) async fn exchange(upstream: SocketAddr) -> (f64, f64) {
    let upstream = format!("http://{upstream}");
    let url = url(&upstream);
    let mut hook = Egress::new(Arc::new(policy(&upstream)), CallId::new(), EgressLog::default());
    let bare: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let (mut mediated, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let start = Instant::now();
        let body: WasiBody = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = Request::get(&url).header("accept", "application/json").body(body).unwrap();
        let sent = Pin::from(hook.send_request(request, None, Box::new(async { Ok(()) }))).await;
        let (response, _) = sent.unwrap_or_else(|error| panic!("{error}"));
        response.into_body().collect().await.unwrap_or_else(|error| panic!("{error}"));
        mediated.push(start.elapsed());
        let start = Instant::now();
        let request = Request::get(&url).header("accept", "application/json").body(Empty::new()).unwrap();
        bare.request(request).await.unwrap().into_body().collect().await.unwrap();
        plain.push(start.elapsed());
    }
    let median = |mut times: Vec<std::time::Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e6
    };
    (median(mediated), median(plain))
}
