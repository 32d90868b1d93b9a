//! The host's own line, from credentials to record, without a transport around it.

use std::{path::Path, sync::Arc, time::Instant};

use bulkhead::{app, auth::key, call::Host, config::load, operation::Operation, request::Credentials};
use serde_json::json;

use crate::{
    config::Front,
    figures::{Figures, tenths, whole},
    process::written,
    ready::call_request,
};

const ROUNDS: usize = 5;

/// Microseconds of one call through [`Host::call`], with nothing around the service, and calls per second of
/// `callers` at once.
pub(crate) fn add_to(figures: &mut Figures, component: &Path, callers: usize) {
    eprintln!("inside the host");
    let dir = tempfile::tempdir().unwrap();
    let secret = key::generate().unwrap();
    let file = written(dir.path(), &Front::Nothing.one(component, &secret));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let host = Arc::new(runtime.block_on(app::build(load::file(&file).unwrap())).unwrap());
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let one =
            runtime.block_on(runtime.spawn(alone_until(host.clone(), Instant::now() + crate::round() / 4)));
        alone.push(one.unwrap());
        let time = crate::round() / 4;
        let end = Instant::now() + time;
        let callers: Vec<_> = (0..callers).map(|_| runtime.spawn(calls_until(host.clone(), end))).collect();
        let calls: u32 = callers.into_iter().map(|caller| runtime.block_on(caller).unwrap()).sum();
        together.push(f64::from(calls) / time.as_secs_f64());
    }
    figures.spread("in_process_us", &alone, tenths);
    figures.spread("in_process_calls_per_second", &together, whole);
}

/// The median of one call after another.
async fn alone_until(host: Arc<Host>, end: Instant) -> f64 {
    let mut took = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        once(&host, Credentials::Local).await;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    took[took.len() / 2].as_secs_f64() * 1e6
}

async fn calls_until(host: Arc<Host>, end: Instant) -> u32 {
    let mut calls = 0;
    while Instant::now() < end {
        once(&host, Credentials::Local).await;
        calls += 1;
        tokio::task::yield_now().await;
    }
    calls
}

/// One call, with these credentials.
pub(crate) async fn once(host: &Host, credentials: Credentials) {
    let arguments = json!({ "a": 1, "b": 2 });
    let arguments = arguments.as_object().unwrap().clone();
    let operation = Operation::CallTool { name: "bench_add".into(), arguments };
    host.call(call_request(credentials, operation)).await.unwrap();
}
