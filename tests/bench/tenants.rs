//! Many tenants: what a call costs among a thousand of them next to a call in a host with one, what a service of
//! a tenant weighs, and how long all of them take to load. Both hosts have keys, rights and limits, and no audit log,
//! whose own cost would hide a difference.

use std::{fmt::Write, path::Path, sync::Arc, time::Instant};

use bulkhead::{auth::key, secret::Secret};
use serde_json::json;

use crate::{
    CLIENTS,
    config::LIMITS,
    figures::{Figures, hundredths, tenths},
    load::{Target, check_all, run_all},
    process::{Serving, written},
};

pub(crate) const TENANTS: usize = 1000;
pub(crate) const SERVICES: usize = 10;
const ROUNDS: usize = 9;

/// A host with many tenants, and what they call.
pub(crate) struct Side {
    pub(crate) server: Serving,
    pub(crate) targets: Arc<[Target]>,
    start_ms: f64,
}

pub(crate) fn add_to(figures: &mut Figures, component: &Path) {
    eprintln!("tenants");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let cache = tempfile::tempdir().unwrap();
    // Compiles the component: a host that does that is heavier afterwards.
    drop(side(component, 1, cache.path()));
    let sides = [1, TENANTS].map(|tenants| side(component, tenants, cache.path()));
    // As many calls to each, and in the large one a call of each service: what is made with the first is there.
    for Side { server, targets, .. } in &sides {
        for _ in 0..TENANTS * SERVICES / targets.len() {
            runtime.block_on(check_all(server.address, targets));
        }
    }
    let mut ratios = Vec::new();
    let mut p50s: [Vec<f64>; 2] = Default::default();
    for _ in 0..ROUNDS {
        let [one, many] = [0, 1].map(|i: usize| {
            let Side { server, targets, .. } = &sides[i];
            let figures = runtime.block_on(run_all(server.address, targets, CLIENTS, crate::round() / 3));
            p50s[i].push(figures.p50_us);
            figures.p50_us
        });
        ratios.push(many / one);
    }
    let [one, many] = &p50s;
    let [small, large] = [0, 1].map(|i: usize| sides[i].server.rss_mib());
    let bytes = (large - small) * f64::from(1 << 20) / (TENANTS * SERVICES - SERVICES) as f64;
    figures.spread("one_tenant_p50_us", one, tenths);
    figures.spread("tenants_p50_us", many, tenths);
    figures.spread("tenants_p50_ratio", &ratios, hundredths);
    figures.insert("one_tenant_rss_mib", json!(tenths(small)));
    figures.insert("tenants_rss_mib", json!(tenths(large)));
    figures.insert("bytes_per_tenant_service", json!(bytes.round()));
    figures.insert("tenants_start_ms", json!(sides[1].start_ms.round()));
}

/// A host with so many tenants, each with its key.
pub(crate) fn side(component: &Path, tenants: usize, cache: &Path) -> Side {
    let dir = tempfile::tempdir().unwrap();
    let keys: Vec<Secret> = (0..tenants).map(|_| key::generate().unwrap()).collect();
    let file = written(dir.path(), &config(component, &keys, cache));
    let targets = keys.iter().flat_map(|key| {
        (0..SERVICES).map(|service| Target::add(&format!("s{service}_add"), Some(key.expose().to_owned())))
    });
    let targets: Arc<[Target]> = targets.collect();
    let start = Instant::now();
    let server = Serving::host(&file, dir);
    Side { server, targets, start_ms: start.elapsed().as_secs_f64() * 1e3 }
}

fn config(component: &Path, keys: &[Secret], cache: &Path) -> String {
    let mut text = format!(
        "components: {{ cache_dir: '{}' }}\ndefaults:\n  {LIMITS}\n  service: {{ component: '{}', {LIMITS} }}\nauth:\n  api_keys:\n",
        cache.display(),
        component.display()
    );
    for (tenant, key) in keys.iter().enumerate() {
        let hash = key::fingerprint(key);
        writeln!(
            text,
            "    - {{ id: agent-{tenant}, sha256: {hash}, tenant: t{tenant}, tools: ['*'], {LIMITS} }}"
        )
        .unwrap();
    }
    let services: Vec<String> = (0..SERVICES).map(|service| format!("s{service}: {{}}")).collect();
    let services = services.join(", ");
    text.push_str("tenants:\n");
    for tenant in 0..keys.len() {
        writeln!(text, "  t{tenant}: {{ services: {{ {services} }} }}").unwrap();
    }
    text
}
