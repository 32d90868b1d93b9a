//! `make bench`: what a sandboxed call costs, side by side with the same work without a sandbox.
//!
//! One run measures, with one client and the same tools, all on one machine: the whole host over HTTP with everything
//! on and with nothing on; a native rmcp server with the tools in its own process; bare hyper answering the same
//! bytes; and bare wasmtime as the floor. Rounds alternate, so that a slow moment of the machine meets all of them;
//! each figure has its smallest, middle and largest round. Writes `target/bench.json`, one flat object with stable
//! keys, and `target/bench-curves.json`; with `UPDATE_README` also the README, `docs/performance.md` and its picture.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

mod account;
mod calls;
mod config;
mod curves;
mod egress;
mod figures;
mod floor;
mod front;
mod languages;
mod load;
mod native;
mod neighbours;
mod openapi;
mod pages;
mod picture;
mod policy;
mod process;
#[allow(dead_code, reason = "the instruction counts use the rest of it")]
mod ready;
mod sessions;
mod stages;
mod starts;
mod swap;
mod tenants;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;

use figures::Figures;

/// How long each round of load lasts; `BENCH_SECONDS` changes it.
fn round() -> Duration {
    seconds().unwrap_or(Duration::from_secs(2))
}

/// `BENCH_SECONDS`.
fn seconds() -> Option<Duration> {
    Some(Duration::from_secs_f64(std::env::var("BENCH_SECONDS").ok()?.parse().unwrap()))
}

const CLIENTS: usize = 16;
/// What `BENCH_ONLY` may say.
const PARTS: [&str; 12] = [
    "starts",
    "calls",
    "account",
    "inside",
    "egress",
    "front",
    "languages",
    "openapi",
    "tenants",
    "sessions",
    "swap",
    "curves",
];

/// The components that are called.
struct Guests {
    add: PathBuf,
    attacks: PathBuf,
    shop: PathBuf,
    prometheus: PathBuf,
    openapi: PathBuf,
}

impl Guests {
    fn build() -> Self {
        let built = |folder: &str| {
            guest_builder::build(&root().join(folder), None, &|line| eprintln!("{line}")).unwrap().wasm
        };
        Self {
            add: built("tests/guests/add"),
            attacks: built("tests/guests/attacks"),
            shop: built("tests/guests/shop"),
            prometheus: built("components/prometheus"),
            openapi: built("components/openapi"),
        }
    }
}

fn main() {
    // The mode of a child process, see `process`.
    if let Ok(role) = std::env::var("BENCH_ROLE") {
        return native::serve(&role);
    }
    let guests = Guests::build();
    // Looking into one attack needs none of the rest, and writes nothing.
    if let Ok(names) = std::env::var("BENCH_ATTACKS") {
        let mut figures = Figures::default();
        neighbours::add_to(&mut figures, &guests, round(), &names);
        return figures.print();
    }
    // For a profiler: one stage over and over, in this process.
    if let Ok(stage) = std::env::var("BENCH_LOOP") {
        return account::repeat(&stage, round());
    }
    let only = std::env::var("BENCH_ONLY").ok();
    if let Some(only) = &only {
        assert!(PARTS.contains(&only.as_str()), "BENCH_ONLY is one of {PARTS:?}, not `{only}`");
    }
    let wanted = |part: &str| only.as_ref().is_none_or(|only| only == part);
    let mut figures = Figures::default();
    figures.insert("cores", json!(std::thread::available_parallelism().map_or(0, usize::from)));
    figures.insert("cpu", json!(cpu()));

    if wanted("starts") {
        starts::add_to(&mut figures, &guests);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let servers = calls::Servers::start(&runtime, &guests.add);
    if wanted("calls") {
        calls::add_to(&mut figures, &runtime, &servers);
    }
    let account = wanted("account").then(|| account::measure(&runtime, &servers, &guests.add));
    if let Some(account) = &account {
        account.add_to(&mut figures);
    }
    if wanted("inside") {
        stages::add_to(&mut figures, &guests.add, CLIENTS);
    }
    if let (Some(inside), Some(floor)) = (figures.number("in_process_us"), figures.number("floor_us")) {
        figures.insert("host_over_floor_us", json!(figures::tenths(inside - floor)));
    }
    if wanted("egress") {
        egress::add_to(&mut figures, &runtime, servers.hyper.0.address);
    }
    let curves = wanted("curves").then(|| curves::measure(&runtime, &servers, &guests));
    drop(servers);
    if wanted("front") {
        front::add_to(&mut figures, &guests.add);
    }
    if wanted("languages") {
        languages::add_to(&mut figures);
    }
    if wanted("openapi") {
        openapi::add_to(&mut figures, &runtime, &guests.openapi);
    }
    if wanted("tenants") {
        tenants::add_to(&mut figures, &guests.add);
    }
    if wanted("sessions") {
        sessions::add_to(&mut figures, &guests.add);
    }
    if wanted("swap") {
        swap::add_to(&mut figures, &guests.add);
    }
    if only.is_none() {
        neighbours::add_to(&mut figures, &guests, round() / 3, "");
    }

    figures.print();
    // A part writes nothing: what is kept is of one run.
    let (Some(account), Some(curves), None) = (account, curves, only) else { return };
    let kept = |file: &str, value: &serde_json::Value| {
        std::fs::write(root().join(file), format!("{value:#}\n")).unwrap();
        println!("written to {file}");
    };
    kept("target/bench.json", &figures.as_json());
    kept("target/bench-curves.json", &curves::as_json(&curves));
    if std::env::var_os("UPDATE_README").is_some() {
        pages::update(&figures, &account, &curves);
        picture::draw(&root().join("docs/cost.svg"), &curves);
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find(|line| line.starts_with("model name")).unwrap_or("unknown");
    line.split(':').next_back().unwrap_or_default().trim().to_owned()
}
