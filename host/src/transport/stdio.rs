//! MCP over stdin and stdout. Nothing else may write to stdout; logs go to stderr.

use std::{io, sync::Arc};

use rmcp::{ServiceExt, service::ServerInitializeError};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{handler::Handler, listen::unasked};
use crate::{
    call::Host,
    request::{Credentials, Scope},
};

/// Serves a host until the client closes stdin or `stop` fires.
///
/// # Errors
/// When the conversation cannot be started.
pub async fn serve(host: Arc<Host>, stop: CancellationToken) -> io::Result<()> {
    let transport = rmcp::transport::stdio();
    let caller = host.authenticate(&Credentials::Local, None).await.map_err(io::Error::other)?;
    let lists = host.changes().of(&caller.tenant);
    match Handler::new(host, caller, Scope::all()).serve_with_ct(transport, stop).await {
        Ok(running) => {
            let peer = running.peer().clone();
            // Newer clients ask for what they want to be told.
            let told = peer.peer_info().is_some().then(|| tokio::spawn(unasked(lists, peer)));
            let _told = told.map(AbortOnDropHandle::new);
            running.waiting().await.map(drop).map_err(io::Error::other)
        }
        // The client left, or we were stopped, before it said anything: nothing to complain about.
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => Ok(()),
        Err(error) => Err(io::Error::other(error)),
    }
}
