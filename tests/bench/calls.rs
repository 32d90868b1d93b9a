//! A sandboxed call next to a native one: the host with everything on, the host with nothing around its service, a
//! native rmcp server with the same tool, and bare hyper that answers fixed bytes. Their rounds alternate, so that a
//! slow moment of the machine meets all of them, and ratios are of rounds that followed each other.

use std::path::Path;

use bulkhead::auth::key;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::{
    CLIENTS,
    config::Front,
    figures::{Figures, hundredths, pairs, tenths, whole},
    load::{self, Round, Target},
    process::{Serving, written},
};

const ROUNDS: usize = 5;

/// The servers, and how each is called.
pub(crate) struct Servers {
    pub(crate) host: (Serving, Target),
    pub(crate) bare: (Serving, Target),
    pub(crate) native: (Serving, Target),
    pub(crate) hyper: (Serving, Target),
}

impl Servers {
    pub(crate) fn start(runtime: &Runtime, component: &Path) -> Self {
        let host = |front: Front| {
            let (dir, secret) = (tempfile::tempdir().unwrap(), key::generate().unwrap());
            let file = written(dir.path(), &front.one(component, &secret));
            (Serving::host(&file, dir), Target::add("bench_add", front.key(&secret)))
        };
        let role = |role| (Serving::role(role), Target::add("bench_add", None));
        let servers = Self {
            host: host(Front::Everything),
            bare: host(Front::Nothing),
            native: role("native"),
            hyper: role("hyper"),
        };
        for (server, target) in servers.all() {
            runtime.block_on(load::check_all(server.address, std::slice::from_ref(target)));
        }
        servers
    }

    fn all(&self) -> [&(Serving, Target); 4] {
        [&self.host, &self.bare, &self.native, &self.hyper]
    }
}

const NAMES: [&str; 4] = ["", "bare_", "native_", "hyper_"];

pub(crate) fn add_to(figures: &mut Figures, runtime: &Runtime, servers: &Servers) {
    let mut many: [Vec<Round>; 4] = Default::default();
    let mut one: [Vec<Round>; 4] = Default::default();
    for number in 0..ROUNDS {
        eprintln!("calls, round {} of {ROUNDS}", number + 1);
        for (i, (server, target)) in servers.all().into_iter().enumerate() {
            many[i].push(runtime.block_on(load::run(server.address, target, CLIENTS, crate::round())));
            one[i].push(runtime.block_on(load::run(server.address, target, 1, crate::round() / 2)));
        }
    }
    figures.insert("clients", json!(CLIENTS));
    figures.insert("rounds", json!(ROUNDS));
    let of = |rounds: &[Round], figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
    let throughput = many.each_ref().map(|rounds| of(rounds, |round| round.per_second));
    for (i, name) in NAMES.into_iter().enumerate() {
        figures.spread(&format!("{name}calls_per_second"), &throughput[i], whole);
        figures.spread(&format!("{name}p50_us"), &of(&many[i], |round| round.p50_us), tenths);
        figures.spread(&format!("{name}p99_us"), &of(&many[i], |round| round.p99_us), tenths);
        figures.spread(&format!("{name}one_client_p50_us"), &of(&one[i], |round| round.p50_us), tenths);
    }
    let [host, bare, native, _] = &throughput;
    figures.spread("sandboxed_over_native", &pairs(host, native, |host, native| host / native), hundredths);
    figures.spread("bare_over_native", &pairs(bare, native, |bare, native| bare / native), hundredths);
    let alone = one.each_ref().map(|rounds| of(rounds, |round| round.p50_us));
    let [host, _, native, _] = &alone;
    figures.spread("host_over_native_us", &pairs(host, native, |host, native| host - native), tenths);
    // Half of what the native server just reached, for all of them.
    half(figures, runtime, servers, figures.number("native_calls_per_second").unwrap() / 2.0);
}

/// Calls at a steady rate, the same for each.
fn half(figures: &mut Figures, runtime: &Runtime, servers: &Servers, per_second: f64) {
    let servers = [("", &servers.host), ("bare_", &servers.bare), ("native_", &servers.native)];
    let mut p50s: [Vec<f64>; 3] = Default::default();
    let mut p99s: [Vec<f64>; 3] = Default::default();
    for number in 0..ROUNDS {
        eprintln!("half load, round {} of {ROUNDS}", number + 1);
        for (i, (_, (server, target))) in servers.iter().enumerate() {
            let clients = CLIENTS as u32;
            let paced = load::paced(server.address, target, clients, per_second, crate::round());
            let round = runtime.block_on(paced);
            p50s[i].push(round.p50_us);
            p99s[i].push(round.p99_us);
        }
    }
    figures.insert("half_load_calls_per_second", json!(whole(per_second)));
    for (i, (name, _)) in servers.into_iter().enumerate() {
        figures.spread(&format!("{name}half_load_p50_us"), &p50s[i], tenths);
        figures.spread(&format!("{name}half_load_p99_us"), &p99s[i], tenths);
    }
    let [host, bare, native] = &p99s;
    figures.spread("p99_over_native", &pairs(host, native, |host, native| host / native), hundredths);
    figures.spread("bare_p99_over_native", &pairs(bare, native, |bare, native| bare / native), hundredths);
}
