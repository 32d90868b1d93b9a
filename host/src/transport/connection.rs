//! What a client sets up for as long as its session lasts, or its pipe: the level of log messages it wants, and the
//! resources it wants to hear about. A request that stands for itself has none of it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::request::Level;

/// Resources one client may subscribe to. Doubled, an idle session of the greediest client holds twice as much.
const SUBSCRIPTIONS: usize = 128;
/// Bytes of a subscribed URI.
const URI_BYTES: usize = 1024;

/// What a client has set up. It costs next to nothing as long as nothing is.
#[derive(Debug, Default)]
pub struct Connection {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    level: Option<Level>,
    /// With the revision of its service that the client knows of.
    subscribed: BTreeMap<Box<str>, u64>,
}

/// Why a client cannot subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSubscribed {
    /// It has as many subscriptions as it may.
    #[error("a session has at most {SUBSCRIPTIONS} subscriptions; end some with resources/unsubscribe")]
    TooMany,
    /// Nobody has such a URI.
    #[error("the URI is too long: at most {URI_BYTES} bytes")]
    TooLong,
}

impl Connection {
    /// Sets the least level the client wants to hear of (`logging/setLevel`).
    pub fn set_level(&self, level: Level) {
        self.state().level = Some(level);
    }

    /// The least level the client wants to hear of; none if it never said.
    pub fn level(&self) -> Option<Level> {
        self.state().level
    }

    /// Subscribes to a resource whose service has this revision; twice is once.
    ///
    /// # Errors
    /// When there are too many, or the URI is too long.
    pub fn subscribe(&self, uri: &str, revision: u64) -> Result<(), NotSubscribed> {
        if uri.len() > URI_BYTES {
            return Err(NotSubscribed::TooLong);
        }
        let mut state = self.state();
        if !state.subscribed.contains_key(uri) && state.subscribed.len() >= SUBSCRIPTIONS {
            return Err(NotSubscribed::TooMany);
        }
        state.subscribed.entry(uri.into()).or_insert(revision);
        self.news.notify_one();
        Ok(())
    }

    /// Ends a subscription, if there is one.
    pub fn unsubscribe(&self, uri: &str) {
        self.state().subscribed.remove(uri);
    }

    /// The resources the client subscribed to.
    pub fn subscriptions(&self) -> Vec<Box<str>> {
        self.state().subscribed.keys().cloned().collect()
    }

    /// Waits for further subscriptions.
    pub async fn resubscribed(&self) {
        self.news.notified().await;
    }

    /// The resources that may have changed since this was last asked: their services have other revisions `now`.
    pub fn updated(&self, now: impl Fn(&str) -> u64) -> Vec<Box<str>> {
        let mut updated = Vec::new();
        for (uri, known) in &mut self.state().subscribed {
            let now = now(uri);
            if std::mem::replace(known, now) != now {
                updated.push(uri.clone());
            }
        }
        updated
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_told_once_and_only_of_what_is_subscribed() {
        let connection = Connection::default();
        connection.subscribe("a:1", 1).unwrap();
        connection.subscribe("a:2", 1).unwrap();
        assert_eq!(connection.updated(|_| 1), []);
        connection.subscribe("a:2", 3).unwrap(); // what it knew it knows still
        connection.unsubscribe("a:1");
        assert_eq!(connection.updated(|_| 3), ["a:2".into()]);
        assert_eq!(connection.updated(|_| 3), []);
        assert_eq!(connection.subscriptions(), ["a:2".into()]);
    }

    #[test]
    fn subscriptions_are_bounded() {
        let connection = Connection::default();
        for number in 0..SUBSCRIPTIONS {
            connection.subscribe(&format!("a:{number}"), 1).unwrap();
        }
        assert_eq!(connection.subscribe("a:0", 1), Ok(()));
        assert_eq!(connection.subscribe("a:more", 1), Err(NotSubscribed::TooMany));
        connection.unsubscribe("a:0");
        assert_eq!(connection.subscribe("a:more", 1), Ok(()));
        assert_eq!(connection.subscribe(&"a".repeat(URI_BYTES + 1), 1), Err(NotSubscribed::TooLong));
    }
}
