//! MCP over stdin and stdout. Nothing else may write to stdout; logs go to stderr.

use std::{io, sync::Arc};

use rmcp::{ServiceExt, service::ServerInitializeError};
use tokio_util::sync::CancellationToken;

use super::handler::Handler;
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
    let handler = Handler::new(host, caller, Scope::all()).on(Arc::default());
    match handler.serve_with_ct(transport, stop).await {
        Ok(running) => running.waiting().await.map(drop).map_err(io::Error::other),
        // The client left, or we were stopped, before it said anything: nothing to complain about.
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => Ok(()),
        Err(error) => Err(io::Error::other(error)),
    }
}
