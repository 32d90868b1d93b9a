//! Where each microsecond of a call goes: one client, everything on. Each stage is timed on its own, in rounds that
//! alternate; what cannot be told apart is one row, and the rows add up to the whole, which is measured as well.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::runtime::Runtime;

use crate::{
    calls::Servers,
    figures::{Figures, Spread, hundredths, tenths},
    floor::{Bare, Floor},
    load,
    ready::{self, Ready, Staged},
};

const ROUNDS: usize = 9;
/// Calls of a round; their median counts.
const CALLS: usize = 400;

/// A row: its key, what it is, and its microseconds.
pub(crate) struct Row {
    pub(crate) key: &'static str,
    pub(crate) what: &'static str,
    /// In each round.
    pub(crate) us: Vec<f64>,
}

/// A call by its parts. A row that is a difference may come out below zero where it is smaller than the noise.
pub(crate) struct Account {
    pub(crate) rows: Vec<Row>,
    /// A call over HTTP by one client.
    pub(crate) whole: Vec<f64>,
    /// The same in the native server.
    pub(crate) native: Vec<f64>,
    /// Bare wasmtime, of each round.
    floor: Vec<f64>,
}

impl Account {
    pub(crate) fn add_to(&self, figures: &mut Figures) {
        for row in &self.rows {
            figures.spread(&format!("stage_{}_us", row.key), &row.us, hundredths);
        }
        figures.spread("floor_us", &self.floor, tenths);
        figures.insert("stages_sum_us", json!(hundredths(self.sum())));
        figures.spread("stages_whole_us", &self.whole, hundredths);
    }

    /// Of the medians.
    pub(crate) fn sum(&self) -> f64 {
        self.rows.iter().map(|row| Spread::of(&row.us).median).sum()
    }
}

/// What was measured in each round.
#[derive(Default)]
struct Rounds {
    whole: Vec<f64>,
    native: Vec<f64>,
    hyper: Vec<f64>,
    request: Vec<f64>,
    parse: Vec<f64>,
    call: Vec<f64>,
    authenticate: Vec<f64>,
    route: Vec<f64>,
    check: Vec<f64>,
    guest: Vec<f64>,
    record: Vec<f64>,
    bare: Vec<Bare>,
}

pub(crate) fn measure(runtime: &Runtime, servers: &Servers, component: &Path) -> Account {
    eprintln!("the account of a call");
    let floor = Floor::new(component);
    ready::prepare();
    let ready = Ready::new();
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        let over_http = [&servers.host, &servers.native, &servers.hyper].map(|(server, target)| {
            runtime.block_on(load::run(server.address, target, 1, crate::round() / 8)).p50_us
        });
        let [whole, native, hyper] = over_http;
        rounds.whole.push(whole);
        rounds.native.push(native);
        rounds.hyper.push(hyper);
        rounds.request.push(median(|| timed(|| ready.answered())));
        rounds.parse.push(median(|| timed(|| ready.parse())));
        rounds.call.push(median(|| timed(|| ready.call())));
        let staged: Vec<_> = (0..CALLS).map(|_| ready.staged()).collect();
        let of = |part: fn(&Staged) -> Duration| {
            let mut parts = staged.iter().map(part);
            median(|| parts.next().unwrap())
        };
        rounds.authenticate.push(of(|staged| staged.authenticate));
        rounds.route.push(of(|staged| staged.route));
        rounds.check.push(of(|staged| staged.check));
        rounds.guest.push(of(|staged| staged.guest));
        rounds.record.push(of(|staged| staged.record));
        rounds.bare.push(floor.round(CALLS));
    }
    rounds.account()
}

impl Rounds {
    fn account(&self) -> Account {
        let mut rows = Vec::new();
        // Every row is worked out for each round, and then the middle one taken.
        let mut row = |key, what, us: &dyn Fn(usize) -> f64| {
            rows.push(Row { key, what, us: (0..ROUNDS).map(us).collect() });
        };
        row("http", "socket, HTTP/1.1 and the client: bare hyper, answering fixed bytes", &|i| self.hyper[i]);
        row("wire", "what HTTP costs the host beyond that: wake-ups, middleware, streams", &|i| {
            self.whole[i] - self.hyper[i] - self.request[i]
        });
        row("parse", "from the body to a message, checked and typed", &|i| self.parse[i]);
        row("dispatch", "the front door's credentials, what the request is about, the answer's JSON", &|i| {
            self.request[i] - self.parse[i] - self.call[i]
        });
        row("authenticate", "who calls, by API key", &|i| self.authenticate[i]);
        row("route", "from a name to a tool the caller may use", &|i| self.route[i]);
        row("check", "past every limit, the permit, the arguments by their schema", &|i| self.check[i]);
        for (key, what, part) in [
            ("store", "guest: a store", (|bare| bare.store) as fn(&Bare) -> f64),
            ("instantiate", "guest: instantiate", |bare| bare.instantiate),
            ("initialize", "guest: `initialize`", |bare| bare.initialize),
            ("guest_call", "guest: `call-tool`", |bare| bare.call),
            ("drop", "guest: drop", |bare| bare.drop),
        ] {
            row(key, what, &|i| part(&self.bare[i]));
        }
        row("mediate", "guest: what the host adds (limits, deadline, lane, conversion, fiber)", &|i| {
            self.guest[i] - self.bare[i].whole()
        });
        row("record", "the record: metrics, and the audit line, written", &|i| self.record[i]);
        row("rest", "the rest of a call: its snapshot, cache, shape", &|i| {
            let told = [&self.authenticate, &self.route, &self.check, &self.guest, &self.record];
            self.call[i] - told.iter().map(|rounds| rounds[i]).sum::<f64>()
        });
        Account {
            rows,
            whole: self.whole.clone(),
            native: self.native.clone(),
            floor: self.bare.iter().map(Bare::whole).collect(),
        }
    }
}

/// Repeats a stage for so long in this process, where a profiler can look at it, and prints its median.
pub(crate) fn repeat(stage: &str, lasting: Duration) {
    ready::prepare();
    let ready = Ready::new();
    let once = || match stage {
        "request" => ready.answered(),
        "refused" => ready.refused(),
        "call" => ready.call(),
        _ => panic!("BENCH_LOOP is `request`, `refused` or `call`, not `{stage}`"),
    };
    let (start, mut medians) = (Instant::now(), Vec::new());
    while start.elapsed() < lasting {
        medians.push(median(|| timed(once)));
    }
    println!("{stage}: {} µs", tenths(Spread::of(&medians).median));
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Microseconds.
fn median(mut once: impl FnMut() -> Duration) -> f64 {
    let mut took: Vec<_> = (0..CALLS).map(|_| once()).collect();
    took.sort_unstable();
    took[CALLS / 2].as_secs_f64() * 1e6
}
