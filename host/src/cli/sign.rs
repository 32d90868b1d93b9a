//! `bulkhead sign`: a signature over a component, beside its file or in its registry. It is one that cosign makes too.

use std::path::{Path, PathBuf};

use bulkhead_registry::{
    bundle::{Bundle, Signed, beside},
    key::SigningKey,
    reference::Reference,
};
use clap::Args;
use serde_json::json;

use super::{
    Options, Outcome, failed,
    look::look,
    reach::{Reach, payload, reference, signing_key},
    usage,
};

/// Sign a component, in a file or in a registry.
#[derive(Debug, Args)]
pub(super) struct Sign {
    /// The component: a file, or `registry.example/acme/loki:1.2`.
    #[arg(value_name = "FILE|REF")]
    what: String,
    /// The key (PEM, as `bulkhead key signing` and cosign make it).
    #[arg(long)]
    key: PathBuf,
    /// The name to sign a file under, such as `registry.example/acme/loki`; the file's unless given.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

impl Sign {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let key = signing_key(&self.key)?;
        if Reference::is_meant(&self.what) {
            if self.name.is_some() {
                return Err(usage("--name: what is in a registry is signed under its name there"));
            }
            return self.in_registry(&key, options).await;
        }
        self.file(Path::new(&self.what), &key, options).await
    }

    async fn file(&self, file: &Path, key: &SigningKey, options: &Options) -> Outcome {
        let at = |error: String| failed(format!("{}: {error}", file.display()));
        let wasm = std::fs::read(file).map_err(|error| at(format!("cannot be read: {error}")))?;
        let looked = look(&options.load(None)?, &wasm).await.map_err(at)?;
        let mut signed = looked.signed(file, &wasm).map_err(at)?;
        let stem = || file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = self.name.clone().unwrap_or_else(stem);
        signed.sign(key, &payload(name.clone(), &signed.artifact)).map_err(failed)?;
        Bundle::new(vec![signed.clone()]).write(file).map_err(failed)?;
        said(options, &name, &signed, key, &beside(file).display().to_string());
        Ok(())
    }

    async fn in_registry(&self, key: &SigningKey, options: &Options) -> Outcome {
        let reference = reference(&self.what)?;
        let registry = self.reach.registry(&reference)?;
        let resolved = registry.resolve().await.map_err(failed)?;
        let component = resolved.contents.component.clone();
        let mut signed = Signed { component, artifact: resolved.artifact.clone(), signatures: Vec::new() };
        signed.sign(key, &payload(reference.name(), &signed.artifact)).map_err(failed)?;
        registry.attach(&signed.artifact.digest(), &signed.signatures).await.map_err(failed)?;
        said(options, &reference.name(), &signed, key, &resolved.reference.to_string());
        Ok(())
    }
}

fn said(options: &Options, name: &str, signed: &Signed, key: &SigningKey, place: &str) {
    let (artifact, key) = (signed.artifact.digest(), key.public().fingerprint());
    if options.json {
        out!(
            "{}",
            json!({ "name": name, "artifact": artifact, "component": signed.component, "key": key, "at": place })
        );
    } else {
        out!("{place}: {artifact} is signed as {name}, with the key {key}");
    }
}
