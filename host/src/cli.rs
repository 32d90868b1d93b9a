//! The command line. Data goes to stdout, everything else to stderr; exit 0 ok, 1 failed, 64 usage.
#![expect(clippy::print_stderr, reason = "a command-line program talks to its user")]

/// A line of data on stdout. A reader that has seen enough (`| head`) is no error.
macro_rules! out {
    ($($text:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod approve;
mod audit;
mod build;
mod call;
mod check;
mod client;
mod completions;
mod dev;
mod doctor;
mod explain;
mod inspect;
mod install;
mod key;
pub(crate) mod logging;
mod look;
mod new;
mod provenance;
mod push;
mod reach;
mod serve;
mod settle;
mod sign;
mod test;
mod tools;

use std::{fmt::Display, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use bulkhead::{
    app,
    call::Host,
    config::{
        Config,
        auth::check_exposure,
        load::{self, ConfigError, Loaded, suggestion},
    },
    live::follow::Follower,
};
use clap::{Args, Parser, Subcommand};
use tokio_util::sync::CancellationToken;

/// Something went wrong while working.
pub(crate) const FAILED: u8 = 1;
/// The command line or the configuration cannot be acted on (EX_USAGE of sysexits.h).
pub(crate) const USAGE: u8 = 64;

/// A WebAssembly-sandboxed tool host for AI agents.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Args)]
struct Options {
    /// Configuration file (YAML). Without one, the built-in utilities are served.
    #[arg(long, short, global = true, env = "BULKHEAD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// What is logged to stderr: error, warn, info, debug, or per target, like `warn,guest=debug`.
    #[arg(long, global = true, env = "BULKHEAD_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// The tenant to act for, where there are several.
    #[arg(long, global = true, env = "BULKHEAD_TENANT", value_name = "NAME")]
    tenant: Option<String>,
    /// Print data and log lines as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve MCP over HTTP.
    Serve(serve::Serve),
    /// Serve MCP over stdin and stdout, for a client that starts the host itself.
    Stdio,
    /// Call one tool and print its result.
    Call(call::Call),
    /// List the tools that are served.
    Tools(tools::Tools),
    /// Show what a component is, asks for, and offers; where it came from, and who signed it.
    Inspect(inspect::Inspect),
    /// Try a component: contract, schemas, annotations, calls with many arguments, upstreams that fail.
    Test(test::Test),
    /// Check the configuration, the components, and whether the upstreams answer.
    Check(check::Check),
    /// Say whether a service could send a request: by which rule, to which address, with which credential.
    Explain(explain::Explain),
    /// Show who called what, and whether the audit log was changed.
    Audit(audit::Audit),
    /// Show what is different about a service's component since it was pinned, and agree to it.
    Approve(approve::Approve),
    /// Bring a component from a registry, once you have seen what it asks for.
    Install(install::Install),
    /// Put a component into a registry, in the form other WebAssembly tools pull too.
    Push(push::Push),
    /// Sign a component, in a file or in a registry.
    Sign(sign::Sign),
    /// Make a new component: a project with one tool, or those of an API document, with tests and a README.
    New(new::New),
    /// Build a component, in Rust, JavaScript or Python, into a `.wasm` and check it.
    Build(build::Build),
    /// Serve a component while it is written: build and reload it whenever a file changes, call it from the terminal.
    Dev(dev::Dev),
    /// Show what to paste into an MCP client, or write it into the client's own file.
    Client(client::Client),
    /// Find what is wrong with this installation, and say how to mend it.
    Doctor(doctor::Doctor),
    /// Make an API key, hash a password, or make a key pair that signs components.
    Key(key::Key),
    /// Print the completions of a shell.
    Completions(completions::Completions),
    /// Write a man page for each command.
    Man(completions::Man),
}

/// Why the command ends with something other than 0.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) code: u8,
}

type Outcome = Result<(), Failure>;

fn failed(error: impl Display) -> Failure {
    Failure { message: error.to_string(), code: FAILED }
}

fn usage(error: impl Display) -> Failure {
    Failure { message: error.to_string(), code: USAGE }
}

/// Says why on stderr.
pub(crate) fn fail(message: &str, code: u8) -> ExitCode {
    if !message.is_empty() {
        eprintln!("error: {message}");
    }
    ExitCode::from(code)
}

impl Cli {
    /// Does what was asked.
    pub(crate) async fn run(self) -> Outcome {
        let options = self.options;
        match self.command {
            Command::Serve(serve) => serve.run(&options).await,
            Command::Stdio => serve::stdio(&options).await,
            Command::Call(call) => call.run(&options).await,
            Command::Tools(tools) => tools.run(&options).await,
            Command::Inspect(inspect) => inspect.run(&options).await,
            Command::Test(test) => test.run(&options).await,
            Command::Check(check) => check.run(&options).await,
            Command::Explain(explain) => explain.run(&options).await,
            Command::Approve(approve) => approve.run(&options).await,
            Command::Audit(audit) => audit.run(&options).await,
            Command::New(new) => new.run(&options),
            Command::Build(build) => build.run(&options),
            Command::Install(install) => install.run(&options).await,
            Command::Push(push) => push.run(&options).await,
            Command::Sign(sign) => sign.run(&options).await,
            Command::Client(client) => client.run(&options),
            Command::Doctor(doctor) => doctor.run(&options).await,
            Command::Dev(dev) => dev.run(&options).await,
            Command::Key(key) => key.run(),
            Command::Completions(completions) => completions.run(),
            Command::Man(man) => man.run(),
        }
    }

    /// What is logged unless something else is asked for: what a host does that stays up, or what is wrong. What `test` tries
    /// fails on purpose, and its report says what of it matters.
    fn usual_log(&self) -> &'static str {
        match self.command {
            Command::Serve(_) | Command::Stdio => "info",
            Command::Dev(_) => dev::lines::FILTER,
            Command::Test(_) => "off",
            _ => "warn",
        }
    }

    /// Whether lines are for somebody who writes a component.
    fn for_author(&self) -> bool {
        matches!(self.command, Command::Dev(_))
    }
}

impl Options {
    /// The configuration, with a listener given on the command line put in.
    fn load(&self, listen: Option<SocketAddr>) -> Result<Config, Failure> {
        self.read(listen).config.map_err(usage)
    }

    /// The same, and what it is read from.
    fn read(&self, listen: Option<SocketAddr>) -> Loaded {
        let Loaded { named, understood, empty, config } = match &self.config {
            Some(path) => load::read(path),
            None => load::none(),
        };
        let config = config.and_then(|mut config| {
            let refused = |message| ConfigError { file: None, at: None, message };
            if let Some(listen) = listen {
                check_exposure(listen, config.auth.as_ref(), &config.front)
                    .map_err(|error| refused(error.to_string()))?;
                config.server.listen = listen;
            }
            if let Some(tenant) = &self.tenant {
                let known: Vec<&str> = config.tenants.iter().map(|tenant| tenant.name.as_str()).collect();
                if !known.contains(&tenant.as_str()) {
                    return Err(refused(format!(
                        "there is no tenant `{tenant}`. {}",
                        suggestion(tenant, &known)
                    )));
                }
                config.local_tenant = Some(tenant.clone());
            }
            logging::apply(&config.logging);
            Ok(config)
        });
        Loaded { named, understood, empty, config }
    }

    /// Keeps a host up to date with its configuration until `stop` fires; `started` is what it was started with.
    fn follow(
        &self,
        host: &Arc<Host>,
        started: Config,
        listen: Option<SocketAddr>,
        stop: &CancellationToken,
    ) -> Outcome {
        let options = self.clone();
        let follower = Follower::new(host.clone(), started, move || options.read(listen)).map_err(failed)?;
        let begun = || drop(tokio::task::spawn_blocking(settle::let_go_of_the_start));
        tokio::spawn(follower.run(stop.clone(), begun));
        Ok(())
    }

    /// A host that is asked about, and calls nothing. It has no audit log: that may be a running host's.
    async fn host(&self) -> Result<Arc<Host>, Failure> {
        build_host(Config { audit: None, ..self.load(None)? }).await
    }

    /// The same as [`Self::own`], as a host that calls nothing.
    async fn own_host(&self) -> Result<Arc<Host>, Failure> {
        build_host(Config { audit: None, ..self.own()? }).await
    }

    /// The configuration of a host whose local user is somebody: of the only tenant, or of the one that was chosen.
    fn own(&self) -> Result<Config, Failure> {
        let config = self.load(None)?;
        if config.local_tenant.is_none() && config.tenants.len() > 1 {
            let names: Vec<&str> = config.tenants.iter().map(|tenant| tenant.name.as_str()).collect();
            return Err(usage(format!(
                "there are several tenants; choose one with --tenant: {}",
                names.join(", ")
            )));
        }
        Ok(config)
    }
}

/// The first of some names; a large API has thousands.
fn first(names: &[impl std::borrow::Borrow<str>]) -> String {
    const MOST: usize = 16;
    let shown: Vec<&str> = names.iter().take(MOST).map(std::borrow::Borrow::borrow).collect();
    let more = names.len().saturating_sub(MOST);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// A configuration with nothing but one service, and its tenant.
fn alone(mut config: Config, service: &str) -> Result<(Config, String), Failure> {
    if let Some(tenant) = config.local_tenant.clone() {
        config.tenants.retain(|known| known.name == tenant);
    }
    let known = config.tenants.iter().flat_map(|tenant| &tenant.services);
    let known: Vec<String> = known.map(|service| service.name.clone()).collect();
    for tenant in &mut config.tenants {
        tenant.services.retain(|known| known.name == service);
    }
    config.tenants.retain(|tenant| !tenant.services.is_empty());
    let tenants: Vec<String> = config.tenants.iter().map(|tenant| tenant.name.clone()).collect();
    match tenants.as_slice() {
        [tenant] => Ok((config, tenant.clone())),
        [] => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            Err(usage(format!("there is no service `{service}`. {}", suggestion(service, &known))))
        }
        several => {
            let several = several.join(", ");
            Err(usage(format!("several tenants have it; choose one with --tenant: {several}")))
        }
    }
}

async fn build_host(config: Config) -> Result<Arc<Host>, Failure> {
    app::build(config).await.map(Arc::new).map_err(failed)
}

/// Fires at Ctrl-C or SIGTERM.
fn stop_signal() -> Result<CancellationToken, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let stop = CancellationToken::new();
    let fired = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        fired.cancel();
    });
    Ok(stop)
}
