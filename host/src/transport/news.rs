//! What clients are told without having asked: that lists have changed, and resources they subscribed to. Nothing of
//! it queues up: of a client that does not listen it is kept what it has not heard of, however often that changes.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use rmcp::model::{
    PromptListChangedNotification, ResourceListChangedNotification, ResourceUpdatedNotification,
    ResourceUpdatedNotificationParam, ServerNotification, ToolListChangedNotification,
};
use tokio::sync::watch;

use super::connection::Connection;
use crate::call::Host;

/// How often each list of a tenant has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lists {
    /// The tools.
    pub(super) tools: u64,
    /// The prompts.
    pub(super) prompts: u64,
    /// The resources, and their templates.
    pub(super) resources: u64,
}

/// The lists of a tenant, as they change. The catalogue is what it was at start, so they do not.
fn lists(_: &Host, _: &str) -> watch::Receiver<Lists> {
    watch::channel(Lists::default()).1
}

/// The state of the lists that a client was told of last; none if that is not known.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Option<Lists>>);

impl Told {
    /// The client has just been told how to begin: whatever it asks for is as of now, or later.
    pub(super) fn begin(&self, host: &Host, tenant: &str) {
        self.replace(*lists(host, tenant).borrow());
    }

    fn replace(&self, now: Lists) -> Option<Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(now)
    }
}

/// What one client is to be told, for as long as it listens.
#[derive(Debug)]
pub(super) struct News {
    lists: watch::Receiver<Lists>,
    next: VecDeque<ServerNotification>,
}

impl News {
    /// For a client of a tenant.
    #[must_use]
    pub(super) fn of(host: &Host, tenant: &str) -> Self {
        Self::from(lists(host, tenant))
    }

    fn from(mut lists: watch::Receiver<Lists>) -> Self {
        lists.mark_changed(); // what changed before it listened is news as well
        Self { lists, next: VecDeque::new() }
    }

    /// The next notification.
    pub(super) async fn next(&mut self, connection: &Connection, told: &Told) -> ServerNotification {
        loop {
            if let Some(next) = self.next.pop_front() {
                return next;
            }
            tokio::select! {
                lists = changed(&mut self.lists) => self.compare(lists, told),
                updated = connection.take_updated() => {
                    let updated = updated.into_iter().map(|uri| {
                        let param = ResourceUpdatedNotificationParam::new(String::from(uri));
                        ServerNotification::from(ResourceUpdatedNotification::new(param))
                    });
                    self.next.extend(updated);
                }
            }
        }
    }

    fn compare(&mut self, now: Lists, told: &Told) {
        let before = told.replace(now);
        let news = |of: fn(&Lists) -> u64| before.is_none_or(|before| of(&before) != of(&now));
        if news(|lists| lists.tools) {
            self.next.push_back(ToolListChangedNotification::default().into());
        }
        // Of what was never there, nothing has changed.
        if now.prompts > 0 && news(|lists| lists.prompts) {
            self.next.push_back(PromptListChangedNotification::default().into());
        }
        if now.resources > 0 && news(|lists| lists.resources) {
            self.next.push_back(ResourceListChangedNotification::default().into());
        }
    }
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
    use futures::FutureExt as _;

    use super::*;

    fn kinds(news: &mut News, connection: &Connection, told: &Told) -> Vec<String> {
        let mut kinds = Vec::new();
        while let Some(next) = news.next(connection, told).now_or_never() {
            let next = serde_json::to_value(next).unwrap();
            let uri = next["params"]["uri"].as_str().map(|uri| format!(" {uri}")).unwrap_or_default();
            kinds.push(format!("{}{uri}", next["method"].as_str().unwrap()));
        }
        kinds
    }

    #[tokio::test]
    async fn what_changed_is_told_once_however_often_it_did() {
        let (sender, lists) = watch::channel(Lists::default());
        let (connection, told) = (Connection::default(), Told::default());
        told.replace(Lists::default());
        let mut news = News::from(lists.clone());
        assert!(kinds(&mut news, &connection, &told).is_empty());
        for _ in 0..1000 {
            sender.send_modify(|lists| lists.tools += 1);
            sender.send_modify(|lists| lists.prompts += 1);
        }
        let both = ["notifications/tools/list_changed", "notifications/prompts/list_changed"];
        assert_eq!(kinds(&mut news, &connection, &told), both);
        // While nobody listens.
        drop(news);
        sender.send_modify(|lists| lists.resources += 1);
        connection.subscribe("a:1").unwrap();
        connection.updated("a:1");
        let mut news = News::from(lists);
        let mut heard = kinds(&mut news, &connection, &told);
        heard.sort();
        assert_eq!(heard, ["notifications/resources/list_changed", "notifications/resources/updated a:1"]);
        drop(sender);
        assert!(kinds(&mut news, &connection, &told).is_empty());
    }

    #[tokio::test]
    async fn who_was_told_nothing_yet_is_told_to_look() {
        let (_sender, lists) = watch::channel(Lists { tools: 3, ..Lists::default() });
        let mut news = News::from(lists);
        let heard = kinds(&mut news, &Connection::default(), &Told::default());
        assert_eq!(heard, ["notifications/tools/list_changed"]);
    }
}
