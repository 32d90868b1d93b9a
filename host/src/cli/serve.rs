//! `bulkhead serve` and `bulkhead stdio`.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bulkhead::{
    health::Prober,
    transport::{http, stdio},
};
use clap::Args;
use tokio::net::TcpListener;

use super::{Failure, Options, Outcome, build_host, client, failed, stop_signal};

/// How long traces may take to leave when the host stops.
const FLUSH: Duration = Duration::from_secs(5);

/// Serve MCP over HTTP.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Address and port; port 0 takes a free one.
    #[arg(long, env = "BULKHEAD_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Print what to paste into a client once the host is ready.
    #[arg(long)]
    show_client: bool,
}

impl Serve {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let config = options.load(self.listen)?;
        let started = config.without_tenants();
        let stop = stop_signal()?;
        // Bound first: a port in use should not cost a compile.
        let listener = TcpListener::bind(config.server.listen)
            .await
            .map_err(|e| unbound(config.server.listen, &e, "--listen 127.0.0.1:0"))?;
        let address = listener.local_addr().map_err(failed)?;
        let host = tokio::select! {
            host = build_host(config) => host?,
            () = stop.cancelled() => return Ok(()),
        };
        host.pin();
        let (server, front) = (started.server.clone(), started.front.clone());
        let welcome = self.show_client.then(|| client::welcome(address, &started.front));
        options.follow(&host, started, self.listen, &stop)?;
        let services: Vec<_> = host.catalog().all().map(|service| service.name.clone()).collect();
        let tools: usize = host.catalog().all().map(|service| service.tools.len()).sum();
        tracing::info!(%address, services = named(&services), tools, "ready");
        if services.is_empty() {
            tracing::warn!("no service is configured; add one under `tenants`");
        }
        if let Some(welcome) = welcome {
            eprintln!("\n{welcome}");
        }
        let _prober = Prober::of(&host);
        let served = http::serve(listener, host.clone(), &server, &front, stop).await.map_err(failed);
        host.close(FLUSH).await;
        served
    }
}

/// The names of the first few services; a host of many tenants has thousands.
fn named(services: &[Arc<str>]) -> String {
    const MOST: usize = 16;
    let names: Vec<&str> = services.iter().take(MOST).map(|name| &**name).collect();
    let more = services.len().saturating_sub(MOST);
    if more > 0 { format!("{} and {more} more", names.join(",")) } else { names.join(",") }
}

/// Why an address cannot be listened on; `other` is what to write for another.
pub(super) fn unbound(address: SocketAddr, error: &io::Error, other: &str) -> Failure {
    failed(match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{address} is in use: another program listens there. Stop it, or choose another with {other}"
        ),
        io::ErrorKind::PermissionDenied => {
            format!(
                "listening on {address} is not permitted; ports below 1024 need privileges, choose another with {other}"
            )
        }
        _ => format!("listening on {address}: {error}"),
    })
}

pub(super) async fn stdio(options: &Options) -> Outcome {
    let config = options.own()?;
    let started = config.without_tenants();
    let host = build_host(config).await?;
    host.pin();
    let _prober = Prober::of(&host);
    let stop = stop_signal()?;
    options.follow(&host, started, None, &stop)?;
    let served = stdio::serve(host.clone(), stop).await.map_err(failed);
    host.close(FLUSH).await;
    served
}
