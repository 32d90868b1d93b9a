//! What a client sets up for as long as its session lasts, or its pipe: the level of log messages it wants, and the
//! resources it wants to hear about. A request that stands for itself has none of it.

use std::{
    collections::BTreeSet,
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
    subscribed: BTreeSet<Box<str>>,
    /// Of those, the ones that may have changed and the client does not know of: each once, however often.
    updated: BTreeSet<Box<str>>,
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

    /// Subscribes to a resource; twice is once.
    ///
    /// # Errors
    /// When there are too many, or the URI is too long.
    pub fn subscribe(&self, uri: &str) -> Result<(), NotSubscribed> {
        if uri.len() > URI_BYTES {
            return Err(NotSubscribed::TooLong);
        }
        let mut state = self.state();
        if !state.subscribed.contains(uri) && state.subscribed.len() >= SUBSCRIPTIONS {
            return Err(NotSubscribed::TooMany);
        }
        state.subscribed.insert(uri.into());
        Ok(())
    }

    /// Ends a subscription, if there is one.
    pub fn unsubscribe(&self, uri: &str) {
        let mut state = self.state();
        state.subscribed.remove(uri);
        state.updated.remove(uri);
    }

    /// The resources the client subscribed to.
    pub fn subscriptions(&self) -> Vec<Box<str>> {
        self.state().subscribed.iter().cloned().collect()
    }

    /// Says that a resource may have changed. Who subscribed to it is told, once it listens; nobody waits for that.
    pub fn updated(&self, uri: &str) {
        let mut state = self.state();
        if state.subscribed.contains(uri) {
            state.updated.insert(uri.into());
            self.news.notify_one();
        }
    }

    /// The resources that may have changed since this was last asked; waits until there are some.
    pub async fn take_updated(&self) -> BTreeSet<Box<str>> {
        loop {
            let updated = std::mem::take(&mut self.state().updated);
            if !updated.is_empty() {
                return updated;
            }
            self.news.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_update_is_told_once_and_only_of_what_is_subscribed() {
        let connection = Connection::default();
        connection.subscribe("a:1").unwrap();
        connection.subscribe("a:2").unwrap();
        for uri in ["a:1", "a:2", "a:2", "a:3"] {
            connection.updated(uri);
        }
        connection.unsubscribe("a:1");
        assert_eq!(connection.take_updated().await, BTreeSet::from(["a:2".into()]));
        assert_eq!(connection.subscriptions(), ["a:2".into()]);
        let (told, ()) = tokio::join!(connection.take_updated(), async { connection.updated("a:2") });
        assert_eq!(told, BTreeSet::from(["a:2".into()]));
    }

    #[test]
    fn subscriptions_are_bounded() {
        let connection = Connection::default();
        for number in 0..SUBSCRIPTIONS {
            connection.subscribe(&format!("a:{number}")).unwrap();
        }
        assert_eq!(connection.subscribe("a:0"), Ok(()));
        assert_eq!(connection.subscribe("a:more"), Err(NotSubscribed::TooMany));
        connection.unsubscribe("a:0");
        assert_eq!(connection.subscribe("a:more"), Ok(()));
        assert_eq!(connection.subscribe(&"a".repeat(URI_BYTES + 1)), Err(NotSubscribed::TooLong));
    }
}
