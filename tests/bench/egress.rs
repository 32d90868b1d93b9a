//! What the way out costs: the decision alone, and the whole of it beside a bare client of the same upstream.

use std::{net::SocketAddr, pin::Pin, sync::Arc, time::Instant};

use bulkhead::{
    egress::{Egress, log::EgressLog},
    request::CallId,
};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::runtime::Runtime;
use wasmtime_wasi_http::{WasiBody, WasiHttpHooks};

use crate::{
    figures::{Figures, Spread, hundredths, pairs, tenths},
    policy::{decide, headers, policy, url},
};

const TIMES: u32 = 4000;
/// Decisions of a batch.
const BATCH: u32 = 20;
const ROUNDS: usize = 9;

pub(crate) fn add_to(figures: &mut Figures, runtime: &Runtime, upstream: SocketAddr) {
    eprintln!("the way out");
    figures.spread("policy_check_us", &decisions(), hundredths);
    let (mediated, bare) = runtime.block_on(exchanges(upstream));
    figures.spread("egress_us", &mediated, tenths);
    figures.spread("bare_client_us", &bare, tenths);
    figures.spread("egress_overhead_us", &pairs(&mediated, &bare, |with, without| with - without), tenths);
}

/// Microseconds of one decision: normalise, match, look at the headers.
fn decisions() -> Vec<f64> {
    let upstream = "https://api.example.com:8443";
    let (policy, url, headers) = (policy(upstream), url(upstream), headers());
    // Many short batches: one that another process interrupts is not the middle one.
    let batch = || {
        let start = Instant::now();
        for _ in 0..BATCH {
            decide(&policy, &url, &headers);
        }
        start.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH)
    };
    let round = |_| Spread::of(&(0..TIMES / BATCH).map(|_| batch()).collect::<Vec<_>>()).median;
    (0..ROUNDS).map(round).collect()
}

/// Median microseconds of a request through the host's hook, and through a bare client, of each round. Requests
/// alternate.
async fn exchanges(upstream: SocketAddr) -> (Vec<f64>, Vec<f64>) {
    let upstream = format!("http://{upstream}");
    let url = url(&upstream);
    let mut hook = Egress::new(Arc::new(policy(&upstream)), CallId::new(), EgressLog::default());
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let (mut mediated, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..TIMES / 8 {
            let start = Instant::now();
            let body: WasiBody = Empty::new().map_err(|never| match never {}).boxed_unsync();
            let request = Request::get(&url).header("accept", "application/json").body(body).unwrap();
            let sent = Pin::from(hook.send_request(request, None, Box::new(async { Ok(()) }))).await;
            let (response, _) = sent.unwrap_or_else(|error| panic!("{error}"));
            response.into_body().collect().await.unwrap_or_else(|error| panic!("{error}"));
            with.push(start.elapsed());
            let start = Instant::now();
            let request = Request::get(&url).header("accept", "application/json").body(Empty::new()).unwrap();
            client.request(request).await.unwrap().into_body().collect().await.unwrap();
            without.push(start.elapsed());
        }
        for (round, mut took) in [(&mut mediated, with), (&mut bare, without)] {
            took.sort_unstable();
            round.push(took[took.len() / 2].as_secs_f64() * 1e6);
        }
    }
    (mediated, bare)
}
