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

use super::{
    load,
    process::{Serving, configured},
};

/// Guests and their arguments. What each does: see `tests/guests/attacks/src/guests`.
const ATTACKS: [(&str, &str); 14] = [
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

pub(crate) struct Neighbours {
    /// Worst p99 under attack over the quiet one.
    pub(crate) ratio: f64,
    /// By which attack.
    pub(crate) worst: &'static str,
    /// All of them, in microseconds.
    pub(crate) quiet_p99_us: f64,
    pub(crate) p99_us: Vec<(&'static str, f64)>,
}

/// `add` is the neighbour, `attacks` the hostile component, `upstream` answers whatever it is asked.
pub(crate) async fn measure(add: &Path, attacks: &Path, upstream: SocketAddr, round: Duration) -> Neighbours {
    let mut quiet = Vec::new();
    let mut p99_us = Vec::new();
    for (attack, arguments) in ATTACKS {
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
        let calm = load::run(server.address, "bench_add", CALLERS, round).await;
        let over = Arc::new(AtomicBool::new(false));
        let attackers: Vec<_> = (0..ATTACKERS)
            .map(|_| tokio::spawn(attack_until(server.address, arguments, over.clone())))
            .collect();
        let under_attack = load::run(server.address, "bench_add", CALLERS, round).await;
        over.store(true, Ordering::Relaxed);
        attackers.iter().for_each(tokio::task::JoinHandle::abort);
        eprintln!("  {attack}: p99 {:.0} µs, quiet {:.0} µs", under_attack.p99_us, calm.p99_us);
        quiet.push(calm.p99_us);
        p99_us.push((attack, under_attack.p99_us));
    }
    quiet.sort_by(f64::total_cmp);
    let quiet_p99_us = quiet[quiet.len() / 2];
    let (worst, p99) = p99_us.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    Neighbours { ratio: p99 / quiet_p99_us, worst, quiet_p99_us, p99_us }
}

/// Calls the attacking service without a pause; a refused call waits as it is told, like any caller.
async fn attack_until(address: SocketAddr, arguments: &'static str, over: Arc<AtomicBool>) {
    let mut sender = load::connect(address).await;
    while !over.load(Ordering::Relaxed) {
        let answer: serde_json::Value =
            serde_json::from_slice(&load::call(&mut sender, address, "attack_run", arguments).await).unwrap();
        let wait = answer["result"]["_meta"]["bulkhead/error"]["retryAfterMs"].as_u64();
        if let Some(wait) = wait {
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }
}
