//! `make bench`: what a sandboxed call costs, side by side with the same work without a sandbox.
//!
//! One run measures, with one client and the same tool (`add`): the whole host over HTTP; a native rmcp
//! server with the tool in its own process; bare hyper answering the same bytes; and bare wasmtime (store,
//! instantiate, call, drop) as the floor. Rounds of the servers alternate, so that a slow moment of the
//! machine meets all of them. Writes `target/bench.json`, one flat object with stable keys.
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

mod egress;
mod floor;
mod front;
mod languages;
mod load;
mod native;
mod neighbours;
mod process;
mod sessions;
mod stages;
mod swap;
mod tenants;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

/// How long each round of load lasts; `BENCH_SECONDS` changes it.
fn round() -> Duration {
    seconds().unwrap_or(Duration::from_secs(3))
}

/// `BENCH_SECONDS`.
fn seconds() -> Option<Duration> {
    Some(Duration::from_secs_f64(std::env::var("BENCH_SECONDS").ok()?.parse().unwrap()))
}

const ROUNDS: usize = 3;
const CLIENTS: usize = 16;

fn main() {
    // The mode of a child process, see `process`.
    if let Ok(role) = std::env::var("BENCH_ROLE") {
        return native::serve(&role);
    }
    let guest = |name: &str| {
        let folder = root().join("tests/guests").join(name);
        guest_builder::build(&folder, None, &|line| eprintln!("{line}")).unwrap().wasm
    };
    let component = guest("add");
    // Looking into one attack needs none of the rest, and writes nothing.
    if let Ok(names) = std::env::var("BENCH_ATTACKS") {
        let server = process::Serving::role("hyper");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let attacks = guest("attacks");
        let attacked = neighbours::measure(&component, &attacks, server.address, round(), &names);
        return println!("neighbour_p99_ratio {}", hundredths(runtime.block_on(attacked).ratio));
    }
    let mut figures = BTreeMap::<&str, Value>::new();
    // Nor does looking into one of these.
    match std::env::var("BENCH_ONLY").as_deref() {
        Ok("front") => front::add_to(&mut figures, &component),
        Ok("tenants") => tenants::add_to(&mut figures, &component),
        Ok("sessions") => sessions::add_to(&mut figures, &component),
        Ok("swap") => swap::add_to(&mut figures, &component),
        Ok("languages") => languages::add_to(&mut figures),
        Ok(other) => {
            panic!("BENCH_ONLY is `front`, `languages`, `tenants`, `sessions` or `swap`, not `{other}`")
        }
        Err(_) => {}
    }
    if !figures.is_empty() {
        return print(&figures);
    }
    figures.insert("cores", json!(std::thread::available_parallelism().map_or(0, usize::from)));
    figures.insert("cpu", json!(cpu()));

    eprintln!("start-up");
    let starts = process::starts(&component);
    figures.insert("cold_start_ms", json!(starts.cold_ms));
    figures.insert("warm_start_ms", json!(starts.warm_ms));
    figures.insert("idle_rss_mib", json!(starts.idle_rss_mib));

    eprintln!("bare wasmtime");
    let floor = floor::measure(&component);
    figures.insert("floor_us", json!(tenths(floor)));

    let host = process::Serving::bulkhead(&component);
    let native = process::Serving::role("native");
    let hyper = process::Serving::role("hyper");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let servers =
        [("host", &host, "bench_add"), ("native", &native, "bench_add"), ("hyper", &hyper, "bench_add")];
    for (name, server, tool) in &servers {
        eprintln!("checking {name}");
        runtime.block_on(load::check(server.address, tool));
    }
    let mut many: [Vec<load::Figures>; 3] = Default::default();
    let mut one: [Vec<load::Figures>; 3] = Default::default();
    for number in 0..ROUNDS {
        for (i, (name, server, tool)) in servers.iter().enumerate() {
            eprintln!("round {} of {ROUNDS}: {name}", number + 1);
            many[i].push(runtime.block_on(load::run(server.address, tool, CLIENTS, round())));
            one[i].push(runtime.block_on(load::run(server.address, tool, 1, round() / 2)));
        }
    }
    let [host_many, native_many, hyper_many] = many.map(load::median);
    let [host_one, native_one, hyper_one] = one.map(load::median);
    figures.insert("clients", json!(CLIENTS));
    figures.insert("calls_per_second", json!(host_many.per_second.round()));
    figures.insert("native_calls_per_second", json!(native_many.per_second.round()));
    figures.insert("hyper_calls_per_second", json!(hyper_many.per_second.round()));
    figures.insert("sandboxed_over_native", json!(hundredths(host_many.per_second / native_many.per_second)));
    figures.insert("p50_us", json!(tenths(host_many.p50_us)));
    figures.insert("p99_us", json!(tenths(host_many.p99_us)));
    figures.insert("native_p50_us", json!(tenths(native_many.p50_us)));
    figures.insert("native_p99_us", json!(tenths(native_many.p99_us)));
    figures.insert("one_client_p50_us", json!(tenths(host_one.p50_us)));
    figures.insert("native_one_client_p50_us", json!(tenths(native_one.p50_us)));
    figures.insert("hyper_one_client_p50_us", json!(tenths(hyper_one.p50_us)));

    eprintln!("inside the host");
    let (inside, together) = stages::measure(&component, CLIENTS);
    figures.insert("in_process_calls_per_second", json!(together.round()));
    figures.insert("in_process_us", json!(tenths(inside)));
    figures.insert("host_over_floor_us", json!(tenths(inside - floor)));
    figures.insert("host_over_native_us", json!(tenths(host_one.p50_us - native_one.p50_us)));

    eprintln!("the way out");
    figures.insert("policy_check_us", json!(hundredths(egress::decision())));
    let (mediated, bare) = runtime.block_on(egress::exchange(hyper.address));
    figures.insert("egress_us", json!(tenths(mediated)));
    figures.insert("bare_client_us", json!(tenths(bare)));
    figures.insert("egress_overhead_us", json!(tenths(mediated - bare)));

    front::add_to(&mut figures, &component);
    tenants::add_to(&mut figures, &component);
    sessions::add_to(&mut figures, &component);
    swap::add_to(&mut figures, &component);
    languages::add_to(&mut figures);

    eprintln!("neighbours");
    let attacks = guest("attacks");
    let attacked = neighbours::measure(&component, &attacks, hyper.address, round() / 4, "");
    let attacked = runtime.block_on(attacked);
    figures.insert("neighbour_p99_ratio", json!(hundredths(attacked.ratio)));
    figures.insert("neighbour_worst_attack", json!(attacked.worst));
    figures.insert("neighbour_quiet_p99_us", json!(tenths(attacked.quiet_p99_us)));
    figures.insert("neighbour_worst_p99_us", json!(tenths(attacked.worst_p99_us)));

    let file = root().join("target/bench.json");
    std::fs::write(&file, format!("{:#}\n", json!(figures))).unwrap();
    print(&figures);
    println!("\nwritten to target/bench.json");
    if std::env::var_os("UPDATE_README").is_some() {
        update_readme(&figures);
    }
}

fn print(figures: &BTreeMap<&str, Value>) {
    for (key, value) in figures {
        println!("{key:26} {value}");
    }
}

/// Puts the table of this run between the README's markers; figures get there in no other way.
fn update_readme(figures: &BTreeMap<&str, Value>) {
    let file = root().join("README.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once("<!-- bench -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /bench -->").unwrap();
    let f = |key: &str| &figures[key];
    let table = format!(
        "{} cores ({}), {CLIENTS} clients on the same machine:\n\n\
         | | sandboxed | native rmcp server |\n|---|---|---|\n\
         | calls per second | {} | {} |\n\
         | p50 / p99, {CLIENTS} clients | {} / {} µs | {} / {} µs |\n\
         | p50, one client | {} µs | {} µs |\n\n\
         Sandboxed over native: **{}**. Bare hyper, answering fixed bytes, takes {} µs for one client.\n\n\
         | | |\n|---|---|\n\
         | bare wasmtime: store, instantiate, call, drop | {} µs |\n\
         | the host's whole line, from credentials to record, in process | {} µs |\n\
         | start to first answer, compiled code cached / not | {} / {} ms |\n\
         | idle memory | {} MiB |\n\n\
         | what the bulkheads cost | |\n|---|---|\n\
         | deciding whether a request may go out, {} rules | {} µs |\n\
         | a request through the whole of the way out / a bare client | {} / {} µs |\n\
         | p99 of a neighbour's calls, quiet / during the worst of {} attacks (`{}`) | {} / {} µs: **{}** |\n\n\
         | what the front door costs | |\n|---|---|\n\
         | API key, rights, limits, audit and metrics, a call | {} µs |\n\
         | of that the audit log | {} µs |\n\
         | p50 of calls over {} tenants with {} services each / over 1 with as many | {} / {} µs: **{}** |\n\
         | memory of a service of a tenant | {} bytes |\n\
         | start with all of them | {} ms |\n\n\
         | what lasts, and what changes | |\n|---|---|\n\
         | memory of an idle session | {} bytes |\n\
         | calls that failed, of {} at {} a second, while a component was replaced {} times and the configuration edited as often | {} |\n\
         | memory that grew meanwhile | {} MiB |\n\
         | from a configuration that is written to its being in force, p50 / worst | {} / {} ms |\n\
         | from a compiled component that is dropped in to its first answer, p50 / worst | {} / {} ms |\n",
        f("cores"),
        f("cpu").as_str().unwrap(),
        f("calls_per_second"),
        f("native_calls_per_second"),
        f("p50_us"),
        f("p99_us"),
        f("native_p50_us"),
        f("native_p99_us"),
        f("one_client_p50_us"),
        f("native_one_client_p50_us"),
        f("sandboxed_over_native"),
        f("hyper_one_client_p50_us"),
        f("floor_us"),
        f("in_process_us"),
        f("warm_start_ms"),
        f("cold_start_ms"),
        f("idle_rss_mib"),
        egress::RULES,
        f("policy_check_us"),
        f("egress_us"),
        f("bare_client_us"),
        neighbours::ATTACKS.len(),
        f("neighbour_worst_attack").as_str().unwrap(),
        f("neighbour_quiet_p99_us"),
        f("neighbour_worst_p99_us"),
        f("neighbour_p99_ratio"),
        f("front_door_us"),
        f("audit_us"),
        tenants::TENANTS,
        tenants::SERVICES,
        f("tenants_p50_us"),
        f("one_tenant_p50_us"),
        f("tenants_p50_ratio"),
        f("bytes_per_tenant_service"),
        f("tenants_start_ms"),
        f("bytes_per_session"),
        f("swap_calls"),
        f("swap_calls_per_second"),
        swap::CHANGES,
        f("swap_failed"),
        f("swap_rss_growth_mib"),
        f("swap_config_p50_ms"),
        f("swap_config_worst_ms"),
        f("swap_dropin_p50_ms"),
        f("swap_dropin_worst_ms"),
    );
    std::fs::write(file, format!("{before}<!-- bench -->\n{table}<!-- /bench -->{after}")).unwrap();
}

fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find(|line| line.starts_with("model name")).unwrap_or("unknown");
    line.split(':').next_back().unwrap_or_default().trim().to_owned()
}

fn tenths(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

fn hundredths(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}
