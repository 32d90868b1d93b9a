//! `subscriptions/listen` of 2026-07-28: a client is told what it asked for, until it ends that or is not known any more.
//! Each waits in a task of its own for the latest state, so one that does not read delays nobody.

use rmcp::{
    model::SubscriptionFilter,
    service::{SubscriptionContext, SubscriptionSendError},
};

use super::{
    connection::Connection,
    news::{Listener, News, Told},
};
use crate::{auth::Caller, call::Host, request::Scope};

/// Of what a client wants to hear of, what there is for it. rmcp takes away what the server says it cannot do.
pub(super) fn accepted(
    host: &Host,
    caller: &Caller,
    scope: &Scope,
    wanted: &SubscriptionFilter,
) -> SubscriptionFilter {
    let mut accepted = wanted.clone();
    let connection = Connection::default();
    if let Some(uris) = &mut accepted.resource_subscriptions {
        uris.retain(|uri| {
            let revision = host.revision(caller, scope, uri);
            revision.is_some_and(|revision| connection.subscribe(uri, revision).is_ok())
        });
    }
    accepted
}

/// Serves a subscription.
pub(super) async fn subscription(listener: Listener, context: &SubscriptionContext) {
    let (connection, told) = (Connection::default(), Told::default());
    told.begin(&listener.host, &listener.caller.tenant);
    for uri in context.accepted().resource_subscriptions.iter().flatten() {
        let revision = listener.host.revision(&listener.caller, &listener.scope, uri).unwrap_or_default();
        // There is room: it was accepted.
        let _ = connection.subscribe(uri, revision);
    }
    let mut news = News::of(listener);
    let telling = async {
        while let Some(next) = news.next(&connection, &told).await {
            match context.sink().send(next).await {
                Ok(()) | Err(SubscriptionSendError::NotificationNotAccepted(_)) => {}
                Err(_) => return,
            }
        }
    };
    tokio::select! {
        () = telling => {}
        () = context.cancelled() => {}
    }
}
