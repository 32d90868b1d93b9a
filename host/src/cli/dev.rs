//! `bulkhead dev`: a component is served while it is written. It is built whenever a file of it changes, and takes the
//! place of the one before if that went well; what it says and sends is shown, and it is called from the terminal.

mod keep;
pub(super) mod lines;
mod sources;
mod terminal;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use bulkhead::transport::http;
use clap::Args;
use tokio::net::TcpListener;

use super::{Options, Outcome, failed, serve::unbound, stop_signal, usage};
use keep::Keeper;

/// The configuration of a project that is being worked on.
const CONFIG: &str = "dev.yaml";

/// Serve a component while it is written: build and reload it whenever a file changes, call it from the terminal.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// The component's folder. What `dev.yaml` in it says is served, unless --config names another file.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The port on this machine; 0 takes a free one.
    #[arg(long, short, default_value_t = 8080)]
    port: u16,
}

impl Dev {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let dir = self.dir.canonicalize().map_err(|e| usage(format!("{}: {e}", self.dir.display())))?;
        let config = options.config.clone().unwrap_or_else(|| dir.join(CONFIG));
        // Bound first: a port in use should not cost a build.
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let listener = TcpListener::bind(listen).await.map_err(|e| unbound(listen, &e, "--port 0"))?;
        let address = listener.local_addr().map_err(failed)?;
        let stop = stop_signal()?;
        let mut keeper = Keeper::new(dir, &config, options, address)?;
        let begun = stop.run_until_cancelled(keeper.begin()).await;
        let Some((host, config)) = begun else { return Ok(()) };
        let tools = host.catalog().all().map(|service| service.tools.len()).sum::<usize>();
        eprintln!("serving http://{address}/mcp, {tools} tools; `help` says what can be typed here");
        tokio::spawn(keeper.run(host.clone(), stop.clone()));
        tokio::spawn(terminal::read(host.clone(), stop.clone(), options.json));
        http::serve(listener, host, &config.server, &config.front, stop).await.map_err(failed)
    }
}
