//! Keeps a host up to date with its configuration, whenever a file it is read from changes, and at SIGHUP; and with what
//! its services offer ([`super::again`]).

use std::{
    future::pending,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    signal::unix,
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    again::{Again, Key},
    reload::{LastReload, Reloaded},
    watch::Watch,
};
use crate::{
    call::Host,
    catalog::LeftOut,
    config::{Config, auth::check_exposure, files::Named, load::Loaded},
};

/// A file that cannot be used is taken for half written for so long; then it is an error.
const SETTLED: Duration = Duration::from_secs(1);
/// Timers take no more than about two.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// The log names so many services that come or go at once.
const NAMED: usize = 16;

/// Follows a configuration.
pub struct Follower<L> {
    host: Arc<Host>,
    load: Arc<L>,
    /// What the host was started with: what cannot change while it serves.
    started: Config,
    watch: Option<Watch>,
    /// What is watched.
    named: Named,
    hangup: unix::Signal,
    told: Told,
    again: Again,
}

/// What the log said last, so that it does not say it again.
#[derive(Default, PartialEq)]
struct Told {
    error: Option<String>,
    faults: Vec<LeftOut>,
    restart: Vec<&'static str>,
}

impl<L> std::fmt::Debug for Follower<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("watch", &self.watch).finish_non_exhaustive()
    }
}

/// Why the configuration is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Something has changed.
    Changed,
    /// Somebody asks for it; an answer is due.
    Asked,
    /// What looked half written has had its time.
    Settled,
    /// A service is to be listed again.
    Due,
}

impl<L: Fn() -> Loaded + Send + Sync + 'static> Follower<L> {
    /// Begins to follow what `load` reads. `started` is what it read for the host, without its services and callers.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub fn new(host: Arc<Host>, started: Config, load: L) -> std::io::Result<Self> {
        let hangup = unix::signal(unix::SignalKind::hangup())?;
        let watch = Watch::new().map_err(|error| {
            tracing::warn!(error, "changes of files cannot be noticed; SIGHUP reloads");
        });
        let faults = host.catalog().left_out().to_vec();
        let told = Told { faults, ..Told::default() };
        let (load, watch) = (load.into(), watch.ok());
        let again = Again::default();
        Ok(Self { host, load, started, watch, named: Named::default(), hangup, told, again })
    }

    /// Follows until `stop` fires. `begun` is called once what changed since the host read it is in force: with that the
    /// start is over.
    pub async fn run(mut self, stop: CancellationToken, begun: impl FnOnce()) {
        stop.run_until_cancelled(async {
            let mut unfinished = self.reload(Why::Changed).await;
            begun();
            loop {
                let why = self.wait(unfinished).await;
                unfinished = self.reload(why).await;
            }
        })
        .await;
    }

    async fn wait(&mut self, unfinished: bool) -> Why {
        let due = [self.again.next(), self.expiry()].into_iter().flatten().min();
        let changed = async {
            match &mut self.watch {
                Some(watch) => watch.changed().await,
                None => pending().await,
            }
        };
        let settled = async { if unfinished { sleep(SETTLED).await } else { pending().await } };
        let due = async { if let Some(due) = due { sleep_until(due).await } else { pending().await } };
        tokio::select! {
            () = changed => Why::Changed,
            () = due => Why::Due,
            _ = self.hangup.recv() => Why::Asked,
            () = settled => Why::Settled,
        }
    }

    /// Just after the next moment at which a signature counts no more.
    fn expiry(&self) -> Option<Instant> {
        let now = SystemTime::now();
        let left = self.host.catalog().expires(now)?.duration_since(now).ok()?;
        Some(Instant::now() + left.min(YEAR) + Duration::from_millis(1))
    }

    /// Reads the configuration and brings it into force. Whether some of it looks half written.
    async fn reload(&mut self, why: Why) -> bool {
        let config = self.read().await;
        if let Ok(config) = &config {
            self.again.follow(config, Instant::now());
        }
        let touched = self.watch.as_ref().map(Watch::touched).unwrap_or_default();
        self.again.changed(&touched, Instant::now());
        if why == Why::Asked {
            self.again.asked(Instant::now());
        }
        let again = self.again.due(Instant::now());
        let restart = config.as_ref().map(|config| self.started.needing_restart(config)).unwrap_or_default();
        let reloaded = match config {
            Ok(config) => self.host.reload(config, why == Why::Settled, &again).await,
            Err(error) => Err(error),
        };
        match reloaded {
            Ok(reloaded) => {
                let failed = |(tenant, service): &Key| {
                    let of = |fault: &LeftOut| fault.tenant == *tenant && fault.service == *service;
                    reloaded.faults.iter().any(of)
                };
                self.again.done(&again, Instant::now(), failed);
                self.restart(restart);
                self.done(reloaded, why)
            }
            Err(error) => {
                // Nothing was listed; it is when the configuration can be used again.
                self.again.done(&again, Instant::now(), |_| true);
                self.failed(error, why);
                false
            }
        }
    }

    /// The configuration as it is now.
    async fn read(&mut self) -> Result<Config, String> {
        let load = self.load.clone();
        let reading = move || spawn_blocking(move || load());
        let mut loaded = reading.clone()().await.map_err(|error| error.to_string())?;
        if self.look_at(&loaded) {
            // It may have changed before it was watched.
            loaded = reading().await.map_err(|error| error.to_string())?;
        }
        if loaded.empty {
            return Err("the configuration file is empty; to serve nothing, write `tenants: {}`".to_owned());
        }
        let config = loaded.config.map_err(|error| error.to_string())?;
        let (listen, front) = (self.started.server.listen, &self.started.front);
        let exposed = check_exposure(listen, config.auth.as_ref(), front);
        exposed.map_err(|error| format!("{error} (the host listens on {listen} until it is restarted)"))?;
        Ok(config)
    }

    /// Watches what a configuration is read from. Whether some of it was not watched before.
    fn look_at(&mut self, loaded: &Loaded) -> bool {
        if loaded.understood {
            self.named.clone_from(&loaded.named);
        } else {
            // Whatever it named before, it may name again once it is mended.
            self.named.files.extend(loaded.named.files.iter().cloned());
        }
        self.watch.as_mut().is_some_and(|watch| watch.look_at(&self.named))
    }

    fn failed(&mut self, error: String, why: Why) {
        let told = self.told.error.as_ref() == Some(&error);
        if told && why != Why::Asked {
            return;
        }
        let faults = self.told.faults.clone();
        self.host.reloaded(LastReload { at: SystemTime::now(), error: Some(error.clone()), faults });
        tracing::error!(error, "the configuration cannot be used; what was in force stays in force");
        self.told.error = Some(error);
    }

    fn done(&mut self, reloaded: Reloaded, why: Why) -> bool {
        let Reloaded { changed, loaded, removed, faults, unfinished } = reloaded;
        // What is passed over for now is not mended either.
        let faults = if unfinished { [self.still(&faults), faults].concat() } else { faults };
        let news = changed || self.told.error.is_some() || self.told.faults != faults;
        if !news && why != Why::Asked {
            return unfinished;
        }
        // Whoever reads the log and asks is told the same.
        let last = LastReload { at: SystemTime::now(), error: None, faults: faults.clone() };
        self.host.reloaded(last);
        for LeftOut { tenant, service, why } in
            faults.iter().filter(|fault| !self.told.faults.contains(fault))
        {
            let served = self.host.catalog().service(tenant, service).is_some();
            let stays = if served { "it is served as before" } else { "it is not served" };
            tracing::error!(tenant, service, error = why, "a service cannot be loaded; {stays}");
        }
        let (loaded, removed) = (some(&loaded), some(&removed));
        tracing::info!(changed, loaded, removed, faults = faults.len(), "the configuration is in force");
        (self.told.error, self.told.faults) = (None, faults);
        unfinished
    }

    /// The faults that were told of services without a new one, which may be those passed over.
    fn still(&self, new: &[LeftOut]) -> Vec<LeftOut> {
        let same =
            |one: &LeftOut, other: &LeftOut| one.tenant == other.tenant && one.service == other.service;
        self.told.faults.iter().filter(|old| !new.iter().any(|new| same(old, new))).cloned().collect()
    }

    fn restart(&mut self, keys: Vec<&'static str>) {
        if self.told.restart != keys && !keys.is_empty() {
            tracing::warn!(keys = keys.join(", "), "what these keys say has changed and needs a restart");
        }
        self.told.restart = keys;
    }
}

/// The first of some names; a host of many tenants has thousands.
fn some(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    if more > 0 { format!("{} and {more} more", shown.join(",")) } else { shown.join(",") }
}
