//! Logs on stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::Cli;

/// rmcp logs an error whenever a client goes away, which is none, and its spans at `info` cost a fifth of the
/// throughput.
const QUIET: &str = "rmcp=warn,rmcp::service=off";

/// Sets up logging for this run.
pub(crate) fn init(cli: &Cli) {
    let usual = if cli.stays() { "info" } else { "warn" };
    let asked = cli.options.log.as_deref().unwrap_or(usual);
    let filter = EnvFilter::try_new(format!("{QUIET},{asked}")).unwrap_or_else(|error| {
        eprintln!("warning: --log {asked}: {error}; logging {usual}");
        EnvFilter::new(format!("{QUIET},{usual}"))
    });
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if cli.options.json {
        log.json().flatten_event(true).init();
    } else {
        log.with_ansi(std::io::stderr().is_terminal()).init();
    }
}
