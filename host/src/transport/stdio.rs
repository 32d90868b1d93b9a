//! MCP over stdin and stdout. Nothing else may write to stdout; logs go to stderr.

use std::{convert::Infallible, io, sync::Arc};

use futures::{FutureExt as _, future::BoxFuture};
use rmcp::{
    RoleServer, ServiceExt,
    service::{Peer, ServerInitializeError},
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::Connection,
    handler::Handler,
    news::{News, Told},
};
use crate::{
    call::Host,
    request::{Credentials, Scope},
};

/// Serves a host until the client closes stdin or `stop` fires.
///
/// # Errors
/// When the conversation cannot be started.
pub fn serve(host: Arc<Host>, stop: CancellationToken) -> BoxFuture<'static, io::Result<()>> {
    async move {
        let transport = rmcp::transport::stdio();
        let caller = host.authenticate(&Credentials::Local, None).await.map_err(io::Error::other)?;
        let (connection, told) = (Arc::new(Connection::default()), Told::default());
        told.begin(&host, &caller.tenant);
        let handler = Handler::new(host, caller, Scope::all()).on(connection.clone());
        let news = News::of(handler.listener(false));
        match handler.serve_with_ct(transport, stop).await {
            Ok(running) => {
                let peer = running.peer().clone();
                tokio::select! {
                    ended = running.waiting() => ended.map(drop).map_err(io::Error::other),
                    never = tell(news, &peer, &connection, &told) => match never {},
                }
            }
            // The client left, or we were stopped, before it said anything: nothing to complain about.
            Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => Ok(()),
            Err(error) => Err(io::Error::other(error)),
        }
    }
    .boxed()
}

/// Tells a legacy client what it did not ask for; others subscribe to what they want to hear.
async fn tell(mut news: News, peer: &Peer<RoleServer>, connection: &Connection, told: &Told) -> Infallible {
    if peer.peer_info().is_none() {
        return std::future::pending().await;
    }
    loop {
        let Some(next) = news.next(connection, told).await else { return std::future::pending().await };
        if let Err(error) = peer.send_notification(next).await {
            // It is leaving: the service will end.
            tracing::debug!(%error, "a client cannot be told of a change");
            return std::future::pending().await;
        }
    }
}
