//! What it costs to ask who calls, whether they may and how often, and to write it down: the same call with all of
//! that and with none of it, over HTTP with one client, and in process.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bulkhead::{app, auth::key, call::Host, config::load, request::Credentials};

use crate::{
    config::Front,
    figures::{Figures, pairs, tenths},
    load::{Target, check_all, run_all},
    process::{Serving, written},
    stages,
};

/// Short rounds, many of them: the difference is a few percent of a call.
const ROUNDS: usize = 15;
/// Calls of one host in a row, in process.
const BATCH: usize = 500;
const BATCHES: usize = 40;

const FRONTS: [Front; 3] = [Front::Nothing, Front::Callers, Front::Everything];

pub(crate) fn add_to(figures: &mut Figures, component: &Path) {
    eprintln!("the front door");
    let [nothing, callers, everything] = over_http(component);
    let less = |with: f64, without: f64| with - without;
    figures.spread("front_door_us", &pairs(&everything, &nothing, less), tenths);
    figures.spread("audit_us", &pairs(&everything, &callers, less), tenths);
    let [nothing, callers, everything] = in_process(component);
    figures.spread("front_door_in_process_us", &pairs(&everything, &nothing, less), tenths);
    figures.spread("audit_in_process_us", &pairs(&everything, &callers, less), tenths);
}

/// p50 of each round of each.
fn over_http(component: &Path) -> [Vec<f64>; 3] {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let secret = key::generate().unwrap();
    let servers = FRONTS.map(|front| {
        let dir = tempfile::tempdir().unwrap();
        let file = written(dir.path(), &front.one(component, &secret));
        let targets: Arc<[Target]> = [Target::add("bench_add", front.key(&secret))].into();
        let server = Serving::host(&file, dir);
        runtime.block_on(check_all(server.address, &targets));
        (server, targets)
    });
    let mut p50s: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for ((server, targets), p50s) in servers.iter().zip(&mut p50s) {
            let figures = runtime.block_on(run_all(server.address, targets, 1, crate::round() / 6));
            p50s.push(figures.p50_us);
        }
    }
    p50s
}

/// Median of each batch of calls of each, through [`Host::call`].
fn in_process(component: &Path) -> [Vec<f64>; 3] {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let secret = key::generate().unwrap();
    let hosts = FRONTS.map(|front| {
        let dir = tempfile::tempdir().unwrap();
        let file = written(dir.path(), &front.one(component, &secret));
        let host = runtime.block_on(app::build(load::file(&file).unwrap())).unwrap();
        (Arc::new(host), front.credentials(&secret), dir)
    });
    let mut p50s: [Vec<f64>; 3] = Default::default();
    for _ in 0..BATCHES {
        for ((host, credentials, _), p50s) in hosts.iter().zip(&mut p50s) {
            let measured = runtime.spawn(batch(host.clone(), credentials.clone()));
            p50s.push(runtime.block_on(measured).unwrap().as_secs_f64() * 1e6);
        }
    }
    p50s
}

async fn batch(host: Arc<Host>, credentials: Credentials) -> Duration {
    let mut took = Vec::with_capacity(BATCH);
    for _ in 0..BATCH {
        let credentials = credentials.clone();
        let start = Instant::now();
        stages::once(&host, credentials).await;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    took[BATCH / 2]
}
