//! What a call of a guest in JavaScript or Python costs, a fresh instance each, with everything on: over HTTP with one
//! client, and in process. The guests are those of `tests/guests/languages`, on the contract's bare bindings.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use bulkhead::{app, auth::key, config::load, request::Credentials};

use crate::{
    CLIENTS,
    config::Front,
    figures::{Figures, tenths, whole},
    load::{Round, Target, check_all, run},
    process::{Serving, written},
    root, round, stages,
};

/// Guests, and how their figures begin.
const LANGUAGES: [(&str, &str); 2] = [("add-js", "js"), ("add-py", "python")];
const ROUNDS: usize = 5;

pub(crate) fn add_to(figures: &mut Figures) {
    for (name, language) in LANGUAGES {
        eprintln!("{name}");
        let component = guest(name);
        let (dir, secret) = (tempfile::tempdir().unwrap(), key::generate().unwrap());
        let front = Front::Everything;
        // Compiled once, for both.
        let file = written(dir.path(), &front.one(&component, &secret));
        figures.spread(
            &format!("{language}_in_process_us"),
            &inside(&file, &front.credentials(&secret)),
            tenths,
        );
        let host = Serving::host(&file, dir);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let target = Target::add("bench_add", front.key(&secret));
        runtime.block_on(check_all(host.address, std::slice::from_ref(&target)));
        let rounds = |clients| -> Vec<Round> {
            (0..ROUNDS).map(|_| runtime.block_on(run(host.address, &target, clients, round() / 2))).collect()
        };
        let told =
            |rounds: &[Round], of: &dyn Fn(&Round) -> f64| -> Vec<f64> { rounds.iter().map(of).collect() };
        let one = rounds(1);
        figures.spread(&format!("{language}_call_us"), &told(&one, &|round| round.p50_us), tenths);
        figures.spread(&format!("{language}_call_p99_us"), &told(&one, &|round| round.p99_us), tenths);
        let many = told(&rounds(CLIENTS), &|round| round.per_second);
        figures.spread(&format!("{language}_calls_per_second"), &many, whole);
    }
}

/// A guest of `tests/guests/languages`, built anew if its source has changed.
fn guest(name: &str) -> PathBuf {
    let built = Command::new(root().join("tests/guests/languages")).status().unwrap();
    assert!(built.success(), "tests/guests/languages failed");
    root().join("target/guests").join(name).with_extension("wasm")
}

/// Microseconds of one call through the host's own line, the median of each round.
fn inside(file: &Path, credentials: &Credentials) -> Vec<f64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let host = runtime.block_on(app::build(load::file(file).unwrap())).unwrap();
    let credentials = credentials.clone();
    let measured = runtime.spawn(async move {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let mut took = Vec::new();
            let end = Instant::now() + Duration::from_millis(400);
            while Instant::now() < end {
                let credentials = credentials.clone();
                let start = Instant::now();
                stages::once(&host, credentials).await;
                took.push(start.elapsed());
            }
            took.sort_unstable();
            rounds.push(took[took.len() / 2].as_secs_f64() * 1e6);
        }
        rounds
    });
    runtime.block_on(measured).unwrap()
}
