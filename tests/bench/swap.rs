//! The hot-swap storm: calls at a steady rate while a component is replaced and the configuration edited, again and
//! again. No call may fail, and nothing may be left open. Then how long a component takes that is dropped in, and an
//! edit, under the same load.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{runtime::Runtime, time::interval_at};

use crate::{
    CLIENTS,
    figures::{Figures, tenths},
    load::{self, Connection},
    process::{Log, Serving, written},
};

/// Offered in all.
const PER_SECOND: u32 = 2000;
/// Of each kind: a component replaced, the configuration edited.
pub(crate) const CHANGES: usize = 100;
/// Changes before memory and descriptors are first looked at: what is made with the first ones stays.
const BEFORE: usize = 10;
/// Components that are dropped in, one after the other.
const DROPS: usize = 30;
/// What should take milliseconds and takes this long never ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// Calls at a steady rate, until they are to stop.
struct Load {
    running: Vec<tokio::task::JoinHandle<Vec<Duration>>>,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    failed: Arc<Mutex<Vec<String>>>,
}

/// A host whose configuration and components change.
struct Site<'a> {
    dir: &'a Path,
    wasm: Vec<u8>,
    server: Serving,
    log: Log,
}

pub(crate) fn add_to(figures: &mut Figures, component: &Path) {
    eprintln!("swap");
    let time = crate::seconds().unwrap_or(Duration::from_secs(60));
    let dir = tempfile::tempdir().unwrap();
    let mut site = Site::new(dir.path(), component);
    let address = site.server.address;
    let runtime = Runtime::new().unwrap();
    runtime.block_on(load::check(address, "bench_add"));

    let load = Load::start(&runtime, address);
    for number in 0..BEFORE {
        site.replace(CHANGES + number);
        site.edit(CHANGES + number);
    }
    let (rss, descriptors) = (site.server.rss_mib(), site.server.descriptors());
    let (start, answered) = (Instant::now(), load.answered());
    let mut edits = Vec::new();
    let mut next = start;
    let mut wait = || {
        next += time / (2 * CHANGES as u32);
        sleep(next.saturating_duration_since(Instant::now()));
    };
    for number in 0..CHANGES {
        site.replace(number);
        wait();
        edits.push(site.edit(number));
        wait();
    }
    let lasted = start.elapsed();
    let answered = load.answered() - answered;
    let grown = site.server.rss_mib() - rss;
    let mut drops: Vec<_> = (0..DROPS).map(|number| runtime.block_on(site.drop_in(number))).collect();
    let mut took = load.end(&runtime);
    let after = site.descriptors_once_at_rest(descriptors);
    assert!(after <= descriptors, "{after} descriptors after the storm, and {descriptors} before");

    figures.insert("swap_calls", json!(answered));
    figures.insert("swap_calls_per_second", json!((answered as f64 / lasted.as_secs_f64()).round()));
    figures.insert("swap_failed", json!(0)); // or there are no figures
    figures.insert("swap_rss_growth_mib", json!(tenths(grown)));
    figures.insert("swap_descriptors_before", json!(descriptors));
    figures.insert("swap_descriptors_after", json!(after));
    for (p50, worst, times) in [
        ("swap_call_p50_ms", "swap_call_worst_ms", &mut took),
        ("swap_config_p50_ms", "swap_config_worst_ms", &mut edits),
        ("swap_dropin_p50_ms", "swap_dropin_worst_ms", &mut drops),
    ] {
        times.sort_unstable();
        let at = |index: usize| json!(tenths(times[index].as_secs_f64() * 1e3));
        figures.insert(p50, at(times.len() / 2));
        figures.insert(worst, at(times.len() - 1));
    }
}

impl Load {
    fn start(runtime: &Runtime, address: SocketAddr) -> Self {
        let mut load = Self {
            running: Vec::new(),
            stop: Arc::default(),
            answered: Arc::default(),
            failed: Arc::default(),
        };
        let each = Duration::from_secs(1) * CLIENTS as u32 / PER_SECOND;
        for client in 0..CLIENTS as u32 {
            let (stop, answered, failed) = (load.stop.clone(), load.answered.clone(), load.failed.clone());
            load.running.push(runtime.spawn(async move {
                let mut took = Vec::new();
                let mut connection = Connection::open(address).await;
                // Not all at one moment. A client that is late makes up for it.
                let first = tokio::time::Instant::now() + each * client / CLIENTS as u32;
                let mut ticks = interval_at(first, each);
                while !stop.load(Ordering::SeqCst) {
                    let due = ticks.tick().await;
                    match connection.sum("bench_add").await {
                        Ok(()) => {
                            answered.fetch_add(1, Ordering::SeqCst);
                            took.push(due.elapsed());
                        }
                        Err(error) => {
                            failed.lock().unwrap().push(error);
                            connection = Connection::open(address).await;
                        }
                    }
                }
                took
            }));
        }
        load
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    /// How long each call took from when it was due.
    fn end(self, runtime: &Runtime) -> Vec<Duration> {
        self.stop.store(true, Ordering::SeqCst);
        let running = self.running.into_iter();
        let took = running.flat_map(|client| runtime.block_on(client).unwrap()).collect();
        let failed = self.failed.lock().unwrap();
        assert!(failed.is_empty(), "{} calls failed; the first: {}", failed.len(), failed[0]);
        took
    }
}

impl<'a> Site<'a> {
    fn new(dir: &'a Path, component: &Path) -> Self {
        let wasm = fs::read(component).unwrap();
        fs::create_dir(dir.join("components")).unwrap();
        fs::write(dir.join("bench.wasm"), &wasm).unwrap();
        let server = Serving::host(&written(dir, &config(0)), tempfile::tempdir().unwrap());
        let log = server.log();
        Self { dir, wasm, server, log }
    }

    /// The same component with another digest: a section of its own at the end.
    fn variant(&self, number: usize) -> Vec<u8> {
        let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
        [&self.wasm[..], &[0, 4, 1, b'v', high, low]].concat()
    }

    /// Replaces the component: in place, so that it is half written for a moment, or by another name, as installers do.
    fn replace(&mut self, number: usize) {
        let (new, file) = (self.variant(number), self.dir.join("bench.wasm"));
        self.log.forget();
        if number.is_multiple_of(2) {
            fs::write(file, new).unwrap();
        } else {
            fs::write(self.dir.join("new"), new).unwrap();
            fs::rename(self.dir.join("new"), file).unwrap();
        }
        self.in_force("loaded", "bench/bench");
    }

    /// From the write to its being in force.
    fn edit(&mut self, number: usize) -> Duration {
        self.log.forget();
        written(self.dir, &config(number + 1));
        let start = Instant::now();
        self.in_force("loaded", "bench/bench");
        start.elapsed()
    }

    /// From the write of a component whose compiled code is kept to its first answer.
    async fn drop_in(&mut self, number: usize) -> Duration {
        let file = self.dir.join(format!("components/drop{number}.wasm"));
        let (wasm, tool) = (self.variant(number), format!("drop{number}_add"));
        let address = self.server.address;
        let mut connection = Connection::open(address).await;
        self.log.forget();
        fs::write(&file, wasm).unwrap();
        let start = Instant::now();
        while let Err(error) = connection.sum(&tool).await {
            assert!(start.elapsed() < PATIENCE, "{error}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let took = start.elapsed();
        self.in_force("loaded", &format!("bench/drop{number}"));
        fs::remove_file(file).unwrap();
        self.in_force("removed", &format!("bench/drop{number}"));
        took
    }

    /// Waits until the log says of a service that it was loaded, or removed.
    fn in_force(&mut self, what: &str, service: &str) {
        let said =
            |entry: &Value| entry["message"] == "the configuration is in force" && entry[what] == service;
        assert!(self.log.waits_for(PATIENCE, said), "it was not {what}: {service}");
    }

    /// What is open for a moment, a file that is read say, is waited for.
    fn descriptors_once_at_rest(&self, most: usize) -> usize {
        let start = Instant::now();
        loop {
            let now = self.server.descriptors();
            if now <= most || start.elapsed() > Duration::from_secs(5) {
                return now;
            }
            sleep(Duration::from_millis(10));
        }
    }
}

/// The configuration; each number is another.
fn config(number: usize) -> String {
    let cpu = 5 + number;
    format!(
        "components: {{ dir: components, serve: true, trust: folder, cache_dir: cache }}\n\
         tenants: {{ bench: {{ services: {{ bench: {{ component: bench.wasm, limits: {{ cpu: {cpu}s }} }} }} }} }}\n"
    )
}
