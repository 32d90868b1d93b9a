//! Tells clients that a list has changed: those that asked with `subscriptions/listen`, and the older one at the other
//! end of a pipe. Each waits in a task of its own for the latest state, so one that does not read delays nobody.

use rmcp::{
    RoleServer,
    service::{Peer, SubscriptionContext},
};
use tokio::sync::watch;

use crate::{auth::Caller, call::Host, catalog::changes::Lists};

/// Serves a subscription until its client ends it, or its caller is not known any more.
pub(super) async fn subscription(host: &Host, caller: &Caller, context: &SubscriptionContext) {
    let mut lists = host.changes().of(&caller.tenant);
    let told = async {
        let mut told = *lists.borrow_and_update();
        while lists.changed().await.is_ok() {
            let now = *lists.borrow_and_update();
            if over_network(context) && !host.auth().knows(caller) {
                return;
            }
            if now.tools != told.tools
                && context.accepted().tools_list_changed == Some(true)
                && context.sink().notify_tool_list_changed().await.is_err()
            {
                return;
            }
            told = now;
        }
    };
    tokio::select! {
        () = told => {}
        () = context.cancelled() => {}
    }
}

/// Whether somebody else than the user of this machine may be at the other end.
fn over_network(context: &SubscriptionContext) -> bool {
    context.request_context().extensions.get::<axum::http::request::Parts>().is_some()
}

/// Tells a client that began with `initialize`, for as long as it is there.
pub(super) async fn unasked(mut lists: watch::Receiver<Lists>, peer: Peer<RoleServer>) {
    let mut told = *lists.borrow_and_update();
    while lists.changed().await.is_ok() {
        let now = *lists.borrow_and_update();
        if now.tools != told.tools && peer.notify_tool_list_changed().await.is_err() {
            return;
        }
        told = now;
    }
}
