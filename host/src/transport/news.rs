//! What clients are told without having asked: that lists have changed, and resources they subscribed to. Nothing of
//! it queues up: of a client that does not listen it is kept what it has not heard of, however often that changes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::select_all;
use rmcp::model::{
    PromptListChangedNotification, ResourceListChangedNotification, ResourceUpdatedNotification,
    ResourceUpdatedNotificationParam, ServerNotification, ToolListChangedNotification,
};
use tokio::sync::watch;

use super::connection::Connection;
use crate::{auth::Caller, call::Host, catalog::changes::Lists, request::Scope};

/// The state of the lists that a client was told of last; none if that is not known.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Option<Lists>>);

impl Told {
    /// The client has just been told how to begin: whatever it asks for is as of now, or later.
    pub(super) fn begin(&self, host: &Host, tenant: &Arc<str>) {
        self.replace(*host.changes().of(tenant).borrow());
    }

    fn replace(&self, now: Lists) -> Option<Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(now)
    }
}

/// Who listens, and what it may know.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) host: Arc<Host>,
    pub(super) caller: Caller,
    pub(super) scope: Scope,
    /// Whether it proved who it is; the user of this machine, at the other end of a pipe, need not.
    pub(super) remote: bool,
}

impl Listener {
    fn is_known(&self) -> bool {
        !self.remote || self.host.auth().knows(&self.caller)
    }
}

/// What one client is to be told, for as long as it listens.
#[derive(Debug)]
pub(super) struct News {
    listener: Listener,
    lists: watch::Receiver<Lists>,
    next: VecDeque<ServerNotification>,
}

impl News {
    /// For who listens.
    #[must_use]
    pub(super) fn of(listener: Listener) -> Self {
        let mut lists = listener.host.changes().of(&listener.caller.tenant);
        lists.mark_changed(); // what changed before it listened is news as well
        Self { listener, lists, next: VecDeque::new() }
    }

    /// The next notification; none once the client has no business here any more.
    pub(super) async fn next(&mut self, connection: &Connection, told: &Told) -> Option<ServerNotification> {
        loop {
            if let Some(next) = self.next.pop_front() {
                return Some(next);
            }
            // Looked at first: what is written from here on wakes us.
            let written = self.watch(connection);
            let Listener { host, caller, scope, .. } = &self.listener;
            let updated = connection.updated(|uri| host.revision(caller, scope, uri).unwrap_or_default());
            if !updated.is_empty() {
                self.next.extend(updated.into_iter().map(|uri| {
                    let param = ResourceUpdatedNotificationParam::new(String::from(uri));
                    ServerNotification::from(ResourceUpdatedNotification::new(param))
                }));
                continue;
            }
            tokio::select! {
                lists = changed(&mut self.lists) => {
                    if !self.listener.is_known() {
                        return None;
                    }
                    self.next.extend(compare(lists, told));
                }
                () = any(written) => {}
                () = connection.resubscribed() => {}
            }
        }
    }

    /// The services whose resources the client subscribed to, as they are written to.
    fn watch(&self, connection: &Connection) -> Vec<watch::Receiver<u64>> {
        let Listener { host, caller, scope, .. } = &self.listener;
        let services: BTreeMap<_, _> = connection
            .subscriptions()
            .iter()
            .filter_map(|uri| host.watch(caller, scope, uri))
            .map(|receiver| (*receiver.borrow(), receiver.clone()))
            .collect();
        services.into_values().collect()
    }
}

/// What a client is told of lists that are like this now.
fn compare(now: Lists, told: &Told) -> Vec<ServerNotification> {
    let before = told.replace(now);
    let news = |of: fn(&Lists) -> u64| before.is_none_or(|before| of(&before) != of(&now));
    let mut next = Vec::new();
    if news(|lists| lists.tools) {
        next.push(ToolListChangedNotification::default().into());
    }
    // Of what was never there, nothing has changed.
    if now.prompts > 0 && news(|lists| lists.prompts) {
        next.push(PromptListChangedNotification::default().into());
    }
    if now.resources > 0 && news(|lists| lists.resources) {
        next.push(ResourceListChangedNotification::default().into());
    }
    next
}

/// Waits until one of them changes; a service that is replaced is told of with the lists.
async fn any(written: Vec<watch::Receiver<u64>>) {
    let changes = written.into_iter().map(|mut receiver| {
        Box::pin(async move {
            if receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    });
    let changes: Vec<_> = changes.collect();
    if changes.is_empty() {
        std::future::pending::<()>().await;
    }
    select_all(changes).await;
}

/// The lists once they have changed; never, if they do not any more.
async fn changed(lists: &mut watch::Receiver<Lists>) -> Lists {
    if lists.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    *lists.borrow_and_update()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(now: Lists, told: &Told) -> Vec<String> {
        let told = compare(now, told).into_iter().map(|next| serde_json::to_value(next).unwrap());
        told.map(|next| next["method"].as_str().unwrap().replace("notifications/", "")).collect()
    }

    #[test]
    fn what_changed_is_told_once_however_often_it_did() {
        let told = Told::default();
        told.replace(Lists::default());
        assert!(kinds(Lists::default(), &told).is_empty());
        let now = Lists { tools: 1000, prompts: 1000, resources: 0 };
        assert_eq!(kinds(now, &told), ["tools/list_changed", "prompts/list_changed"]);
        assert!(kinds(now, &told).is_empty());
        assert_eq!(kinds(Lists { resources: 1, ..now }, &told), ["resources/list_changed"]);
    }

    #[test]
    fn who_was_told_nothing_yet_is_told_to_look() {
        assert_eq!(kinds(Lists { tools: 3, ..Lists::default() }, &Told::default()), ["tools/list_changed"]);
    }
}
