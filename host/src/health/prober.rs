//! Asks services whether their upstreams answer, in the background: those in use every half minute, those whose
//! upstream is down every two seconds, and never more than a few in a second however many there are. What it
//! asks takes no place of a call's.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::{
    sync::Semaphore,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::pulse::{Due, Pulse};

/// How often the prober looks who is due.
const TICK: Duration = Duration::from_millis(250);
/// How many it probes then, at most: eight in a second.
const PER_TICK: usize = 2;
/// How many probes may be under way; as many guests have places beside those of calls.
const AT_ONCE: usize = 8;
/// How long an answer may take. A probe that waits for an upstream that hangs must not keep it from being found
/// well within five seconds of its return.
const PATIENCE: Duration = Duration::from_secs(4);

/// What is probed.
pub trait Subject: Send + Sync + 'static {
    /// Its name, for the log.
    fn name(&self) -> &str;
    /// Where the prober keeps what it finds.
    fn pulse(&self) -> &Pulse;
    /// Whether something speaks for it being ill: calls that fail, say.
    fn suspected(&self) -> bool;
    /// Asks it: well, or why not. None if that cannot be said.
    fn ask(&self) -> BoxFuture<'_, Option<Result<(), String>>>;
}

/// Probes services until it is dropped.
#[derive(Debug)]
pub struct Prober {
    stop: CancellationToken,
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Prober {
    /// Starts probing what `subjects` returns; it is asked each time, so services may come and go.
    pub fn start<S: Subject>(subjects: impl Fn() -> Vec<S> + Send + 'static) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move { stopped.run_until_cancelled(run(subjects)).await });
        Self { stop }
    }
}

async fn run<S: Subject>(subjects: impl Fn() -> Vec<S>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let probes = TaskTracker::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for subject in chosen(subjects(), PER_TICK.min(places.available_permits())) {
            let Ok(place) = places.clone().try_acquire_owned() else { break };
            subject.pulse().begin(Instant::now());
            probes.spawn(async move {
                probe(&subject).await;
                drop(place);
            });
        }
    }
}

/// Those whose turn it is: the one that has waited longest among the ill and among the well, then the others.
/// Neither kind can keep the other waiting for ever.
fn chosen<S: Subject>(subjects: Vec<S>, most: usize) -> Vec<S> {
    let now = Instant::now();
    let due = subjects.into_iter().filter_map(|s| Some((s.pulse().due(now, s.suspected())?, s)));
    let (mut ill, mut well): (Vec<(Due, S)>, Vec<_>) = due.partition(|(due, _)| due.urgent);
    let longest_last = |(due, _): &(Due, S)| std::cmp::Reverse(due.since);
    ill.sort_by_key(longest_last);
    well.sort_by_key(longest_last);
    let mut chosen = Vec::new();
    while chosen.len() < most {
        let before = chosen.len();
        chosen.extend(ill.pop().map(|(_, subject)| subject));
        if chosen.len() < most {
            chosen.extend(well.pop().map(|(_, subject)| subject));
        }
        if chosen.len() == before {
            break;
        }
    }
    chosen
}

async fn probe(subject: &impl Subject) {
    let (service, pulse) = (subject.name(), subject.pulse());
    let late = || Some(Err(format!("its health check did not answer within {}s", PATIENCE.as_secs())));
    let found = timeout(PATIENCE, subject.ask()).await.unwrap_or_else(|_| late());
    let why = found.as_ref().and_then(|found| found.as_ref().err()).cloned();
    match (pulse.end(found), why) {
        (true, Some(why)) => tracing::warn!(service, why, "a service is degraded"),
        (true, None) => tracing::info!(service, "a service is well again"),
        (false, _) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    };

    use tokio::time::sleep;

    use super::*;

    #[derive(Clone)]
    struct Fake(Arc<Inner>);

    #[derive(Default)]
    struct Inner {
        pulse: Pulse,
        down: AtomicBool,
        hangs: AtomicBool,
        suspected: AtomicBool,
        asked: Mutex<Vec<Instant>>,
    }

    impl Fake {
        fn new() -> Self {
            Self(Arc::default())
        }

        fn asked(&self) -> usize {
            self.0.asked.lock().unwrap().len()
        }
    }

    impl Subject for Fake {
        fn name(&self) -> &str {
            "fake"
        }

        fn pulse(&self) -> &Pulse {
            &self.0.pulse
        }

        fn suspected(&self) -> bool {
            self.0.suspected.load(Ordering::SeqCst)
        }

        fn ask(&self) -> BoxFuture<'_, Option<Result<(), String>>> {
            self.0.asked.lock().unwrap().push(Instant::now());
            Box::pin(async {
                if self.0.hangs.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                let down = self.0.down.load(Ordering::SeqCst);
                Some(if down { Err("refused".to_owned()) } else { Ok(()) })
            })
        }
    }

    fn start(fakes: Vec<Fake>) -> Prober {
        Prober::start(move || fakes.clone())
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_nobody_calls_is_left_alone() {
        let fake = Fake::new();
        let _prober = start(vec![fake.clone()]);
        sleep(Duration::from_secs(600)).await;
        assert_eq!(fake.asked(), 0);
        fake.0.pulse.touch();
        sleep(Duration::from_secs(3600)).await;
        // Every 24 to 36 seconds for five minutes.
        assert!((9..=14).contains(&fake.asked()), "{}", fake.asked());
    }

    #[tokio::test(start_paused = true)]
    async fn an_upstream_that_returns_is_noticed_within_five_seconds() {
        let fake = Fake::new();
        fake.0.pulse.touch();
        let _prober = start(vec![fake.clone()]);
        for dies in [&fake.0.down, &fake.0.hangs] {
            dies.store(true, Ordering::SeqCst);
            sleep(Duration::from_secs(40)).await;
            assert!(fake.0.pulse.ill().is_some());
            let asked = fake.asked();
            sleep(Duration::from_secs(20)).await;
            assert!((4..=11).contains(&(fake.asked() - asked)), "{}", fake.asked() - asked);
            dies.store(false, Ordering::SeqCst);
            sleep(Duration::from_secs(5)).await;
            assert_eq!(fake.0.pulse.ill(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_whose_calls_fail_is_asked_at_once() {
        let fake = Fake::new();
        fake.0.pulse.touch();
        let _prober = start(vec![fake.clone()]);
        sleep(Duration::from_secs(4)).await;
        assert_eq!(fake.asked(), 1);
        fake.0.down.store(true, Ordering::SeqCst);
        fake.0.suspected.store(true, Ordering::SeqCst);
        sleep(Duration::from_millis(500)).await;
        assert_eq!(fake.0.pulse.ill().as_deref(), Some("refused"));
    }

    #[tokio::test(start_paused = true)]
    async fn thousands_of_services_are_probed_a_few_at_a_time() {
        let fakes: Vec<Fake> = (0..2000).map(|_| Fake::new()).collect();
        for (n, fake) in fakes.iter().enumerate() {
            fake.0.pulse.touch();
            fake.0.down.store(n % 2 == 0, Ordering::SeqCst);
        }
        let _prober = start(fakes.clone());
        sleep(Duration::from_secs(100)).await;
        let mut asked: Vec<Instant> =
            fakes.iter().flat_map(|fake| fake.0.asked.lock().unwrap().clone()).collect();
        asked.sort_unstable();
        assert!((700..=810).contains(&asked.len()), "{}", asked.len());
        let in_a_second = asked.windows(9).map(|nine| nine[8] - nine[0]).min().unwrap();
        assert!(in_a_second >= Duration::from_secs(1), "{in_a_second:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn services_that_hang_keep_no_other_from_its_turn() {
        let (hung, honest): (Vec<_>, Fake) = ((0..6).map(|_| Fake::new()).collect(), Fake::new());
        for fake in &hung {
            fake.0.pulse.touch();
            fake.0.hangs.store(true, Ordering::SeqCst);
        }
        honest.0.pulse.touch();
        honest.0.down.store(true, Ordering::SeqCst);
        let _prober = start([hung, vec![honest.clone()]].concat());
        sleep(Duration::from_secs(10)).await;
        honest.0.down.store(false, Ordering::SeqCst);
        sleep(Duration::from_secs(5)).await;
        assert_eq!(honest.0.pulse.ill(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_logged_once() {
        let log = Log::default();
        let out = log.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || out.clone()).finish();
        let _here = tracing::subscriber::set_default(lines);
        let fake = Fake::new();
        fake.0.pulse.touch();
        fake.0.down.store(true, Ordering::SeqCst);
        let _prober = start(vec![fake.clone()]);
        sleep(Duration::from_secs(30)).await;
        fake.0.down.store(false, Ordering::SeqCst);
        sleep(Duration::from_secs(100)).await;
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let count = |words| text.matches(words).count();
        assert_eq!((count("is degraded"), count("is well again")), (1, 1), "{text}");
        assert!(text.contains("why=\"refused\""), "{text}");
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_prober_that_is_dropped_asks_no_more() {
        let fake = Fake::new();
        fake.0.pulse.touch();
        let prober = start(vec![fake.clone()]);
        sleep(Duration::from_secs(1)).await;
        drop(prober);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(fake.asked(), 1);
    }
}
