//! `bulkhead approve`: what is different about a service's component since it was pinned, and the operator's word on it.

use std::io::{BufRead, IsTerminal, stdin, stdout};

use bulkhead::{
    config::{ComponentSource, Config},
    pin::{self, Approval, Trust},
};
use clap::Args;
use serde_json::json;

use super::{Failure, Options, Outcome, alone, build_host, failed};

/// Show what a service's component asks for and says that it did not before, and agree to it.
#[derive(Debug, Args)]
pub(super) struct Approve {
    /// The service.
    service: String,
    /// Agree without being asked.
    #[arg(long)]
    yes: bool,
}

impl Approve {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let (config, key) = approving(options.load(None)?, &self.service)?;
        let host = build_host(config).await?;
        let Some(approval) = host.pins().change(&key) else {
            if options.json {
                out!("{}", json!({ "service": key, "approved": true, "changed": false }));
            } else {
                out!("{key} is pinned as it is");
            }
            return Ok(());
        };
        if !options.json {
            show(&key, &approval);
        }
        let approved = self.yes || (!options.json && asked("Approve?")?);
        if approved {
            host.pins().save(Some(&key)).map_err(failed)?;
        }
        if options.json {
            out!("{}", data(&key, &approval, approved));
        }
        if approved { Ok(()) } else { Err(failed("nothing is approved; --yes approves what is shown")) }
    }
}

/// The configuration to look at a component with that is to be approved, and the name of its pin.
fn approving(config: Config, service: &str) -> Result<(Config, String), Failure> {
    let (mut config, tenant) = alone(config, service)?;
    let key = pin::key(&tenant, service);
    let mut services = config.tenants.iter().flat_map(|tenant| &tenant.services);
    if services.any(|service| service.component == ComponentSource::EmbeddedUtilities) {
        return Err(failed(format!("{key} is built in: it changes only with the host")));
    }
    config.components.trust = Trust::Folder; // here, to look at it
    (config.audit, config.auth) = (None, None);
    Ok((config, key))
}

pub(super) fn show(key: &str, Approval { before, now, difference }: &Approval) {
    match before {
        Some(before) => out!("{key}: sha256:{before} is now sha256:{now}"),
        None => out!("{key}: sha256:{now}, which was not served before"),
    }
    let shown = difference.to_string();
    if !shown.is_empty() {
        out!("{}", shown.trim_end());
    } else if before.is_some() {
        out!("it asks for no more than before, and describes its tools as before");
    }
}

pub(super) fn data(
    key: &str,
    Approval { before, now, difference }: &Approval,
    approved: bool,
) -> serde_json::Value {
    let sha256 = |digest: &String| format!("sha256:{digest}");
    let added = difference
        .added
        .iter()
        .map(|(tool, description)| json!({ "tool": tool, "description": description }));
    let changed = difference.changed.iter().map(|change| {
        let parts = change
            .parts
            .iter()
            .map(|(part, before, now)| json!({ "part": part, "before": before, "now": now }));
        json!({ "tool": change.tool, "parts": parts.collect::<Vec<_>>() })
    });
    json!({
        "service": key, "approved": approved, "changed": true, "before": before.as_ref().map(sha256), "now": sha256(now),
        "asksFor": difference.egress, "added": added.collect::<Vec<_>>(), "removed": difference.removed,
        "different": changed.collect::<Vec<_>>(),
        "exchanged": difference.exchanged.as_ref().map(|exchanged| json!({
            "file": exchanged.file, "reference": exchanged.installed.reference, "installed": exchanged.installed.component,
        })),
    })
}

/// What the person at the terminal says; nobody there says nothing.
pub(super) fn asked(question: &str) -> Result<bool, Failure> {
    if !stdin().is_terminal() || !stdout().is_terminal() {
        return Ok(false);
    }
    out!("{question} [y/N]");
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
