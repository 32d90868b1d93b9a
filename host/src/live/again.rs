//! Which services are listed again, and when: what they offer may come from something outside, a file they were granted
//! or a document behind a URL, that changes without their configuration.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use tokio::time::Instant;

use crate::config::Config;

/// A service, by its tenant and its name.
pub type Key = (String, String);

/// A folder in which something changes all the time has its services listed no more often than this.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of the services that are listed again.
#[derive(Debug, Default)]
pub(super) struct Again(BTreeMap<Key, Each>);

#[derive(Debug)]
struct Each {
    /// Its `refresh`.
    every: Option<Duration>,
    /// The folders it may only read.
    folders: Vec<PathBuf>,
    /// When it was listed last.
    listed: Instant,
    /// When it is listed next.
    due: Option<Instant>,
    /// Whether that failed the last time. Then whatever changes may mend it.
    failed: bool,
}

impl Again {
    /// Goes by what a configuration says now.
    pub(super) fn follow(&mut self, config: &Config, now: Instant) {
        let mut known = std::mem::take(&mut self.0);
        for tenant in &config.tenants {
            for service in &tenant.services {
                let reads = service.files.iter().filter(|folder| folder.quota.is_none());
                let folders: Vec<PathBuf> = reads.map(|folder| folder.path.clone()).collect();
                if service.refresh.is_none() && folders.is_empty() {
                    continue;
                }
                let key = (tenant.name.clone(), service.name.clone());
                let mut each = known.remove(&key).unwrap_or(Each {
                    every: None,
                    folders: Vec::new(),
                    listed: now,
                    due: None,
                    failed: false,
                });
                if each.every != service.refresh {
                    each.every = service.refresh;
                    each.due = each.every.map(|every| now + every);
                }
                each.folders = folders;
                self.0.insert(key, each);
            }
        }
    }

    /// Something has changed in these folders.
    pub(super) fn changed(&mut self, folders: &BTreeSet<PathBuf>, now: Instant) {
        for each in self.0.values_mut().filter(|each| each.folders.iter().any(|own| folders.contains(own))) {
            let soonest = now.max(each.listed + PAUSE);
            each.due = Some(each.due.map_or(soonest, |due| due.min(soonest)));
        }
    }

    /// Somebody asks for all of them.
    pub(super) fn asked(&mut self, now: Instant) {
        self.0.values_mut().for_each(|each| each.due = Some(now));
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(|each| each.due).min()
    }

    /// Those to list now.
    pub(super) fn due(&self, now: Instant) -> BTreeSet<Key> {
        let due = |each: &Each| each.failed || each.due.is_some_and(|due| due <= now);
        self.0.iter().filter(|(_, each)| due(each)).map(|(key, _)| key.clone()).collect()
    }

    /// They were listed; those for which `failed` holds could not be.
    pub(super) fn done(&mut self, listed: &BTreeSet<Key>, now: Instant, failed: impl Fn(&Key) -> bool) {
        for key in listed {
            let Some(each) = self.0.get_mut(key) else { continue };
            (each.listed, each.due) = (now, each.every.map(|every| now + every));
            each.failed = failed(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::time::advance;

    use super::*;
    use crate::config::{Folder, load::parse, resolve::resolve};

    const FOLDER: &str = "/granted";

    /// A configuration with the services `a`, which is refreshed, `b`, which has a folder, and `c`, which has neither.
    fn config(refresh: Option<u64>) -> Config {
        let text = "tenants: { t: { services: { a: { component: utilities }, b: { component: utilities }, \
                    c: { component: utilities } } } }";
        let mut config = resolve(parse(text).unwrap(), Path::new("/nowhere")).unwrap();
        let folder = |path: &str, quota| Folder { path: path.into(), at: "/data".into(), quota };
        let services = &mut config.tenants[0].services;
        services[0].refresh = refresh.map(Duration::from_secs);
        services[1].files = vec![folder(FOLDER, None)];
        services[2].files = vec![folder("/written", Some(bytesize::ByteSize::mib(1)))];
        config
    }

    fn names(due: &BTreeSet<Key>) -> Vec<&str> {
        due.iter().map(|(_, name)| name.as_str()).collect()
    }

    impl Again {
        /// Lists what is due, and says what that was.
        fn list(&mut self, failing: &[&str]) -> Vec<String> {
            let due = self.due(Instant::now());
            self.done(&due, Instant::now(), |(_, name)| failing.contains(&name.as_str()));
            names(&due).into_iter().map(str::to_owned).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refresh_comes_around() {
        let mut again = Again::default();
        again.follow(&config(Some(600)), Instant::now());
        assert_eq!(again.list(&[]), [""; 0]);
        for _ in 0..2 {
            let begun = Instant::now();
            tokio::time::sleep_until(again.next().unwrap()).await;
            assert_eq!(begun.elapsed(), Duration::from_secs(600));
            // Reading the configuration again in between moves nothing.
            again.follow(&config(Some(600)), Instant::now());
            assert_eq!(again.list(&[]), ["a"]);
        }
        again.follow(&config(Some(60)), Instant::now());
        assert_eq!(again.next(), Some(Instant::now() + Duration::from_secs(60)));
        again.follow(&config(None), Instant::now());
        assert_eq!(again.next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_looked_at_at_once_and_many_after_a_pause() {
        let mut again = Again::default();
        again.follow(&config(None), Instant::now());
        let written = [PathBuf::from("/written")].into();
        again.changed(&written, Instant::now());
        assert_eq!(again.next(), None, "who may write it changes it itself");
        advance(PAUSE).await;
        let folder = [PathBuf::from(FOLDER)].into();
        again.changed(&folder, Instant::now());
        assert_eq!(again.list(&[]), ["b"]);
        for _ in 0..3 {
            advance(PAUSE / 4).await;
            again.changed(&folder, Instant::now());
            assert_eq!(again.list(&[]), [""; 0]);
        }
        tokio::time::sleep_until(again.next().unwrap()).await;
        assert_eq!(again.list(&[]), ["b"]);
        assert_eq!(again.next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_is_tried_whenever_something_changes_and_when_it_is_due() {
        let mut again = Again::default();
        again.follow(&config(Some(600)), Instant::now());
        advance(Duration::from_secs(600)).await;
        assert_eq!(again.list(&["a"]), ["a"]);
        assert_eq!(again.list(&["a"]), ["a"]);
        assert_eq!(
            again.next(),
            Some(Instant::now() + Duration::from_secs(600)),
            "it is not tried without end"
        );
        assert_eq!(again.list(&[]), ["a"]);
        assert_eq!(again.list(&[]), [""; 0]);
        again.asked(Instant::now());
        assert_eq!(again.list(&[]), ["a", "b"]);
    }
}
