//! What it costs to ask who calls, whether they may and how often, and to write it down: the same call with all of
//! that and with none of it, over HTTP with one client, and in process.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bulkhead::{app, auth::key, call::Host, config::load, request::Credentials, secret::Secret};
use serde_json::{Value, json};

use crate::{
    load::{Target, check_all, run_all},
    process::{Serving, written},
    stages, tenths,
};

/// Short rounds, many of them: the difference is a few percent of a call.
const ROUNDS: usize = 15;
/// Calls of one host in a row, in process.
const BATCH: usize = 500;
const BATCHES: usize = 40;

/// What is on.
#[derive(Clone, Copy)]
enum Front {
    Nothing,
    /// Everything but the audit log.
    Callers,
    Everything,
}

const FRONTS: [Front; 3] = [Front::Nothing, Front::Callers, Front::Everything];

impl Front {
    fn config(self, component: &Path, secret: &Secret) -> String {
        let file = component.display();
        let limits =
            "limits: { calls_per_second: 1000000, concurrent_calls: 1000, calls_per_day: 4000000000 }";
        if let Self::Nothing = self {
            return format!(
                "components: {{ cache_dir: cache }}\nmetrics: {{ per_tenant: false, per_tool: false }}\n\
                 tenants: {{ bench: {{ services: {{ bench: {{ component: '{file}' }} }} }} }}\n"
            );
        }
        let audit = if let Self::Everything = self { "audit: {}\n" } else { "" };
        let hash = key::fingerprint(secret);
        format!(
            "components: {{ cache_dir: cache }}\n{audit}\
             auth: {{ api_keys: [{{ id: agent, sha256: {hash}, tenant: bench, tools: ['bench_*'], deny_tools: \
             ['*_drop'], {limits} }}] }}\n\
             tenants: {{ bench: {{ {limits}, services: {{ bench: {{ component: '{file}', {limits}, tools: {{ limits: \
             {{ bench_add: {{ calls_per_second: 1000000 }} }} }} }} }} }} }}\n"
        )
    }

    fn credentials(self, secret: &Secret) -> Credentials {
        match self {
            Self::Nothing => Credentials::Local,
            _ => Credentials::ApiKey(secret.clone()),
        }
    }
}

pub(crate) fn add_to(figures: &mut BTreeMap<&str, Value>, component: &Path) {
    eprintln!("the front door");
    let [nothing, callers, everything] = over_http(component);
    figures.insert("front_door_us", json!(tenths(median(&everything, &nothing))));
    figures.insert("audit_us", json!(tenths(median(&everything, &callers))));
    let [nothing, callers, everything] = in_process(component);
    figures.insert("front_door_in_process_us", json!(tenths(median(&everything, &nothing))));
    figures.insert("audit_in_process_us", json!(tenths(median(&everything, &callers))));
}

/// The middle one of the differences of rounds that followed each other.
fn median(with: &[f64], without: &[f64]) -> f64 {
    let mut differences: Vec<f64> = with.iter().zip(without).map(|(with, without)| with - without).collect();
    differences.sort_by(f64::total_cmp);
    differences[differences.len() / 2]
}

/// p50 of each round of each.
fn over_http(component: &Path) -> [Vec<f64>; 3] {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let secret = key::generate().unwrap();
    let servers = FRONTS.map(|front| {
        let dir = tempfile::tempdir().unwrap();
        let file = written(dir.path(), &front.config(component, &secret));
        let key = match front {
            Front::Nothing => None,
            _ => Some(secret.expose().to_owned()),
        };
        let targets: Arc<[Target]> = [Target { tool: "bench_add".to_owned(), key }].into();
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
        let file = written(dir.path(), &front.config(component, &secret));
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
