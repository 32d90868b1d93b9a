//! `bulkhead key`: makes what the `auth` and `signatures` sections need. Secrets go to stdout once, and are kept nowhere
//! but in the file that was asked for.

use std::{
    fs,
    io::{IsTerminal, Read, Write, stdin},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use bulkhead::{
    auth::{basic, key},
    secret::Secret,
};
use bulkhead_registry::key::SigningKey;
use clap::{Args, Subcommand};

use super::{
    Failure, Outcome, failed,
    reach::{password, typed},
    usage,
};

/// Make an API key, hash a password, or make a key pair that signs components.
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
    /// Make a key pair that signs components, as `cosign generate-key-pair` does: NAME.key, under the password in
    /// COSIGN_PASSWORD, and NAME.pub.
    Signing(Signing),
}

#[derive(Debug, Args)]
struct Signing {
    /// The files' name, without `.key` and `.pub`.
    #[arg(long, default_value = "bulkhead", value_name = "NAME")]
    out: PathBuf,
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
            What::Signing(signing) => signing.run(),
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

impl Signing {
    fn run(self) -> Outcome {
        let (private, public) = (self.out.with_added_extension("key"), self.out.with_added_extension("pub"));
        for path in [&private, &public] {
            if path.exists() {
                return Err(failed(format!("{} is there already; choose another --out", path.display())));
            }
        }
        let key = SigningKey::generate().map_err(failed)?;
        let sealed = key.to_pem(&new_password()?).map_err(failed)?;
        create(&private, 0o600, &sealed)?;
        create(&public, 0o644, &key.public().to_pem())?;
        let name = self.out.file_name().unwrap_or_default().to_string_lossy();
        eprintln!(
            "Keep {} to yourself. Who trusts the key puts this into the configuration:\n",
            private.display()
        );
        eprintln!("signatures:\n  required: true\n  signers:\n    {name}: {{ key: {} }}\n", public.display());
        out!("{}", public.display());
        Ok(())
    }
}

fn create(path: &Path, mode: u32, text: &str) -> Result<(), Failure> {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| failed(format!("{} cannot be written: {error}", path.display())))
}

/// A password for a new key. One that is typed unseen is typed twice.
fn new_password() -> Result<String, Failure> {
    let first = password("A password for the key")?;
    if std::env::var_os("COSIGN_PASSWORD").is_none() && typed("Again")? != first {
        return Err(failed("these are two different passwords; nothing was made"));
    }
    Ok(first)
}

fn hash_password() -> Outcome {
    let text = if stdin().is_terminal() {
        typed("The password")?
    } else {
        let mut text = String::new();
        stdin().read_to_string(&mut text).map_err(failed)?;
        text
    };
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let password = line.strip_suffix('\r').unwrap_or(line);
    if password.is_empty() || password.contains(['\n', '\r']) {
        return Err(usage("the password is one line on stdin, and not empty"));
    }
    out!("{}", basic::hash(&Secret::new(password.to_owned())).map_err(failed)?);
    Ok(())
}
