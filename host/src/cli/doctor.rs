//! `bulkhead doctor`: what is wrong with an installation, where, and how to mend it. It looks and asks, and writes only
//! what a start would (compiled code); each file here looks at one part.

mod audit;
mod clients;
mod clock;
mod components;
mod configuration;
mod files;
mod finding;
mod issuers;
mod listener;
mod machine;
mod upstreams;

use clap::Args;
use serde_json::json;

use self::finding::{Findings, Level};
use super::{FAILED, Failure, Options, Outcome, failed};

/// Find what is wrong with this installation, and say how to mend it.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Ask nobody: neither upstreams nor issuers, nor a host that may be running.
    #[arg(long)]
    offline: bool,
}

impl Doctor {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let mut findings = Findings::default();
        self.look(options, &mut findings).await;
        let (wrong, odd) = (findings.count(Level::Wrong), findings.count(Level::Odd));
        if options.json {
            out!("{}", json!({ "wrong": wrong, "odd": odd, "findings": findings.all() }));
        } else {
            for finding in findings.all() {
                out!("{finding}");
            }
        }
        match (wrong, odd) {
            (0, 0) => Ok(()),
            (0, odd) => {
                eprintln!("{}", told(odd, "is", "are", "worth a look"));
                Ok(())
            }
            _ if options.json => Err(Failure { message: String::new(), code: FAILED }),
            (wrong, _) => Err(failed(told(wrong, "is", "are", "wrong"))),
        }
    }

    async fn look(&self, options: &Options, findings: &mut Findings) {
        let loaded = options.read(None);
        configuration::look(options.config.as_deref(), &loaded, findings);
        if let Some(file) = &options.config {
            files::secrets(file, findings);
        }
        let Ok(config) = loaded.config else {
            machine::look(None, findings);
            return; // what else there is to look at, it would say
        };
        configuration::callers(&config, findings);
        configuration::signers(&config, findings);
        files::folders(&config, findings);
        machine::look(Some(&config), findings);
        listener::certificate(&config, findings);
        let host = components::look(&config, findings).await;
        audit::look(&config, findings);
        if !self.offline {
            listener::look(&config, findings).await;
            let mut clocks = Vec::new();
            if let Some(host) = &host {
                upstreams::look(host, &mut clocks, findings).await;
                issuers::look(host, &mut clocks, findings).await;
            }
            clock::look(&clocks, findings);
        }
        clients::look(&config, findings);
    }
}

fn told(many: usize, is: &str, are: &str, what: &str) -> String {
    if many == 1 { format!("1 thing {is} {what}") } else { format!("{many} things {are} {what}") }
}
