//! How much an attack costs a neighbour: the p99 of an honest service's calls while another service's guests
//! misbehave as fast as they can, over the p99 when they are quiet.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use crate::{
    Guests,
    figures::{Figures, hundredths, tenths},
    load::{self, Connection, Target, holds},
    process::{Serving, configured},
};

/// Guests and their arguments. What each does: see `tests/guests/attacks/src/guests`.
pub(crate) const ATTACKS: [(&str, &str); 14] = [
    ("spin", "{}"),
    ("clock_abuse", "{}"),
    ("busy_poll", "{}"),
    ("random_flood", "{}"),
    ("endless_recursion", "{}"),
    ("allocate", "{}"),
    ("grow_in_small_steps", "{}"),
    ("hoard_handles", r#"{"count":100000}"#),
    ("huge_result", r#"{"bytes":1000000}"#),
    ("huge_panic_message", "{}"),
    ("log_flood", "{}"),
    ("print_flood", "{}"),
    ("traps_always", "{}"),
    ("request_flood", r#"{"times":1000}"#),
];
/// Callers of the attacking service; each calls again as soon as it has its answer.
const ATTACKERS: usize = 8;
/// Callers of the neighbour.
const CALLERS: usize = 2;

/// Rounds of each attack, quiet and attacked by turns; the middle one counts.
const ROUNDS: usize = 3;

struct Neighbours {
    /// Worst p99 under attack over the quiet one.
    ratio: f64,
    /// By which attack.
    worst: &'static str,
    /// In microseconds.
    quiet_p99_us: f64,
    worst_p99_us: f64,
}

/// `only` names the attacks to run, with spaces between them; all if it is empty.
pub(crate) fn add_to(figures: &mut Figures, guests: &Guests, round: Duration, only: &str) {
    eprintln!("neighbours");
    let upstream = Serving::role("hyper");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let attacked = runtime.block_on(measure(&guests.add, &guests.attacks, upstream.address, round, only));
    figures.insert("neighbour_p99_ratio", json!(hundredths(attacked.ratio)));
    figures.insert("neighbour_worst_attack", json!(attacked.worst));
    figures.insert("neighbour_quiet_p99_us", json!(tenths(attacked.quiet_p99_us)));
    figures.insert("neighbour_worst_p99_us", json!(tenths(attacked.worst_p99_us)));
}

/// `add` is the neighbour, `attacks` the hostile component, `upstream` answers whatever it is asked.
async fn measure(
    add: &Path,
    attacks: &Path,
    upstream: SocketAddr,
    round: Duration,
    only: &str,
) -> Neighbours {
    let mut all = Vec::new();
    let wanted = |name: &str| only.is_empty() || only.split(' ').any(|one| one == name);
    for (attack, arguments) in ATTACKS.into_iter().filter(|(name, _)| wanted(name)) {
        let dir = tempfile::tempdir().unwrap();
        let config = configured(
            dir.path(),
            &format!(
                "bench: {{ component: '{}' }}, attack: {{ component: '{}', \
                 config: {{ guest: {attack}, url: 'http://{upstream}' }}, limits: {{ deadline: 2s }} }}",
                add.display(),
                attacks.display()
            ),
        );
        let server = Serving::host(&config, dir);
        load::check(server.address, "bench_add").await;
        let neighbour = Target::add("bench_add", None);
        let (mut quiet, mut attacked) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            quiet.push(load::run(server.address, &neighbour, CALLERS, round).await.p99_us);
            let attackers = Attackers::start(server.address, arguments);
            attacked.push(load::run(server.address, &neighbour, CALLERS, round).await.p99_us);
            drop(attackers);
        }
        let [quiet, attacked] = [quiet, attacked].map(median);
        eprintln!("  {attack}: p99 {attacked:.0} µs, quiet {quiet:.0} µs");
        all.push((attack, quiet, attacked));
    }
    let quiet_p99_us = median(all.iter().map(|(_, quiet, _)| *quiet).collect());
    let (worst, _, worst_p99_us) = all.into_iter().max_by(|a, b| a.2.total_cmp(&b.2)).unwrap();
    Neighbours { ratio: worst_p99_us / quiet_p99_us, worst, quiet_p99_us, worst_p99_us }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Callers of the attacking service, on a thread of the lowest priority: what they cost themselves is not what
/// is measured.
struct Attackers {
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Attackers {
    fn start(address: SocketAddr, arguments: &'static str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let until = over.clone();
        let attacking = move || {
            rustix::process::setpriority_process(None, 19).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for _ in 0..ATTACKERS {
                    tokio::spawn(attack(address, arguments));
                }
                while !until.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            });
        };
        Self { over, thread: Some(std::thread::spawn(attacking)) }
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Calls the attacking service without a pause; a refused call waits a second, as it is told.
async fn attack(address: SocketAddr, arguments: &str) {
    let mut connection = Connection::open(address).await;
    let target = Target { tool: "attack_run".to_owned(), arguments: arguments.to_owned(), key: None };
    loop {
        let answer = connection.call(&target).await.unwrap();
        if holds(answer, b"retryAfterMs") {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}
