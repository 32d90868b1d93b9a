//! The configuration file: whether it can be used, what of it has no use, and callers and signers whose time is over.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use bulkhead::config::{
    Config,
    load::{self, Loaded},
};
use bulkhead_registry::signers::Signer;

use super::finding::Findings;

const AREA: &str = "configuration";
/// A key that ends sooner should be exchanged now.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

pub(super) fn look(file: Option<&Path>, loaded: &Loaded, findings: &mut Findings) {
    let Some(path) = file else {
        findings
            .well(AREA, "none is named (--config): the built-in utilities are served, to this machine alone");
        return;
    };
    match &loaded.config {
        // Its text says where, and what to write instead.
        Err(error) => {
            let mend = match (loaded.understood, error.at) {
                (true, _) => "what it says must be so; `host/config.example.yaml` has every key",
                (_, Some(_)) => {
                    "correct that line; `bulkhead check --schema` prints what an editor needs to help with it"
                }
                (_, None) => "name a file that this user can read, with --config or BULKHEAD_CONFIG",
            };
            findings.wrong(AREA, error.to_string(), mend);
        }
        Ok(config) => {
            let services: usize = config.tenants.iter().map(|tenant| tenant.services.len()).sum();
            let (tenants, text) = (config.tenants.len(), std::fs::read_to_string(path).unwrap_or_default());
            findings.well(AREA, format!("{}: tenants: {tenants}, services: {services}", path.display()));
            for name in unused(&text) {
                findings.odd(
                    AREA,
                    format!("{}: secret `{name}` is declared and used nowhere", path.display()),
                    format!("remove it, or write ${{secret:{name}}} where it belongs"),
                );
            }
        }
    }
}

/// Secrets that no value names.
fn unused(text: &str) -> Vec<String> {
    let Ok(file) = load::parse(text) else { return Vec::new() };
    let tenants = file.tenants.values().flat_map(|tenant| tenant.secrets.keys());
    let mut unused: Vec<String> = file
        .secrets
        .keys()
        .chain(tenants)
        .filter(|name| !text.contains(&format!("${{secret:{name}}}")))
        .cloned()
        .collect();
    unused.dedup();
    unused
}

/// Keys that are over, or will be soon.
pub(super) fn callers(config: &Config, findings: &mut Findings) {
    let Some(auth) = &config.auth else { return };
    let now = SystemTime::now();
    for key in &auth.keys {
        let Some(expires) = key.expires else { continue };
        let (id, day) = (&key.identity.id, day(expires));
        let mend = format!("`bulkhead key new --id {id} --tenant {}` makes another", key.identity.tenant);
        if expires <= now {
            findings.wrong(AREA, format!("the key of `{id}` expired on {day}"), mend);
        } else if expires <= now + SOON {
            findings.odd(AREA, format!("the key of `{id}` expires on {day}"), mend);
        }
    }
}

/// Signers whose signatures do not count, or will not soon.
pub(super) fn signers(config: &Config, findings: &mut Findings) {
    for Signer { name, proof, not_after, .. } in config.signatures.signers.iter() {
        if let Err(why) = proof {
            findings.wrong(
                AREA,
                format!("the signatures of `{name}` cannot be checked: {why}"),
                format!("name the file of their public key, in PEM: `signatures.signers.{name}.key`"),
            );
        }
        if let Some(end) = not_after {
            let mend = "have what they made signed with a new key, and name that one";
            until(AREA, &format!("the key of the signer `{name}`"), *end, mend, findings);
        }
    }
}

/// A day, as in the configuration.
pub(super) fn day(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string().split('T').next().unwrap_or_default().to_owned()
}

/// Says until when something is good, if that is soon.
pub(super) fn until(area: &'static str, what: &str, end: SystemTime, mend: &str, findings: &mut Findings) {
    let now = SystemTime::now();
    if end <= now {
        findings.wrong(area, format!("{what} expired on {}", day(end)), mend);
    } else if end <= now + SOON {
        findings.odd(area, format!("{what} expires on {}", day(end)), mend);
    }
}
