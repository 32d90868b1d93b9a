//! What a call of a guest in JavaScript or Python costs, a fresh instance each: over HTTP with one client, and in
//! process. The guests are those of `tests/guests/languages`, on the contract's bare bindings.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use bulkhead::{app, config::load as config, request::Credentials};
use serde_json::{Value, json};

use super::{ROUNDS, load, process, root, round, stages, tenths};

const LANGUAGES: [(&str, [&str; 4]); 2] = [
    ("add-js", ["js_call_us", "js_call_p99_us", "js_calls_per_second", "js_in_process_us"]),
    ("add-py", ["python_call_us", "python_call_p99_us", "python_calls_per_second", "python_in_process_us"]),
];

/// Measures both, as they come after the start.
pub(crate) fn add_to(figures: &mut BTreeMap<&str, Value>) {
    for (name, [p50, p99, per_second, in_process]) in LANGUAGES {
        eprintln!("{name}");
        let component = guest(name);
        // Compiled once, for both.
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "components: {{ cache_dir: '{}' }}\n\
             tenants: {{ bench: {{ services: {{ bench: {{ component: '{}' }} }} }} }}\n",
            dir.path().join("cache").display(),
            component.display()
        );
        let file = process::written(dir.path(), &text);
        figures.insert(in_process, json!(tenths(inside(&file))));
        let host = process::Serving::host(&file, dir);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(load::check(host.address, "bench_add"));
        let run = |clients| runtime.block_on(load::run(host.address, "bench_add", clients, round()));
        let one = load::median((0..ROUNDS).map(|_| run(1)).collect());
        figures.insert(p50, json!(tenths(one.p50_us)));
        figures.insert(p99, json!(tenths(one.p99_us)));
        figures.insert(per_second, json!(run(super::CLIENTS).per_second.round()));
    }
}

/// A guest of `tests/guests/languages`, built anew if its source has changed.
fn guest(name: &str) -> PathBuf {
    let built = Command::new(root().join("tests/guests/languages")).status().unwrap();
    assert!(built.success(), "tests/guests/languages failed");
    root().join("target/guests").join(name).with_extension("wasm")
}

/// Microseconds of one call through the host's own line, the median of many.
fn inside(file: &Path) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let host = runtime.block_on(app::build(config::file(file).unwrap())).unwrap();
    let measured = runtime.spawn(async move {
        let mut took = Vec::new();
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end {
            let start = Instant::now();
            stages::once(&host, Credentials::Local).await;
            took.push(start.elapsed());
        }
        took.sort_unstable();
        took[took.len() / 2].as_secs_f64() * 1e6
    });
    runtime.block_on(measured).unwrap()
}
