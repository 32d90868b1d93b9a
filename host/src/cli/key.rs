//! `bulkhead key`: makes what the `auth` section needs. Secrets go to stdout once, and are kept nowhere.

use std::io::{IsTerminal, Read};

use bulkhead::{
    auth::{basic, key},
    secret::Secret,
};
use clap::{Args, Subcommand};

use super::{Outcome, failed, usage};

/// Make an API key, or hash a password.
#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make an API key. The key goes to stdout, what to put into the config to stderr.
    New(New),
    /// Hash a password read from stdin, for `auth.basic`.
    HashPassword,
}

#[derive(Debug, Args)]
struct New {
    /// The caller's name in logs.
    #[arg(long, default_value = "ci")]
    id: String,
    /// Whose services it may use.
    #[arg(long, default_value = "acme")]
    tenant: String,
}

impl Key {
    pub(super) fn run(self) -> Outcome {
        match self.what {
            What::New(new) => new.run(),
            What::HashPassword => hash_password(),
        }
    }
}

impl New {
    fn run(self) -> Outcome {
        let plain = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@-".contains(&b))
        };
        if !plain(&self.id) || !plain(&self.tenant) {
            return Err(usage("--id and --tenant are letters, digits, `.`, `_`, `@` and `-`"));
        }
        let key = key::generate().map_err(failed)?;
        let (id, tenant, sha256) = (self.id, self.tenant, key::fingerprint(&key));
        eprintln!("The key is shown once, on stdout. Put this into the configuration:\n");
        eprintln!(
            "auth:\n  api_keys:\n    - {{ id: {id}, tenant: {tenant}, sha256: \"{sha256}\", tools: [\"*\"] }}\n"
        );
        out!("{}", key.expose());
        Ok(())
    }
}

fn hash_password() -> Outcome {
    if std::io::stdin().is_terminal() {
        eprintln!(
            "Type the password, then Enter and Ctrl-D. It is shown as you type; `read -rs` in a shell hides it."
        );
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(failed)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let password = line.strip_suffix('\r').unwrap_or(line);
    if password.is_empty() || password.contains(['\n', '\r']) {
        return Err(usage("the password is one line on stdin, and not empty"));
    }
    out!("{}", basic::hash(&Secret::new(password.to_owned())).map_err(failed)?);
    Ok(())
}
