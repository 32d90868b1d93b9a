//! `bulkhead push`: a component into a registry, and its signatures beside it.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{
    Options, Outcome, failed,
    look::look,
    reach::{Reach, payload, reference, signing_key},
    usage,
};

/// Put a component into a registry, in the form other WebAssembly tools pull too.
#[derive(Debug, Args)]
pub(super) struct Push {
    /// The component.
    file: PathBuf,
    /// Where to: `registry.example/acme/loki:1.2`.
    #[arg(value_name = "REF")]
    reference: String,
    /// Sign it with this key (PEM, as `bulkhead key signing` and cosign make it). Signatures beside the file are pushed
    /// in any case.
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

impl Push {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let reference = reference(&self.reference)?;
        if reference.digest().is_some() {
            return Err(usage("REF: the digest comes of what is pushed; leave it out"));
        }
        let at = |error: String| failed(format!("{}: {error}", self.file.display()));
        let wasm = std::fs::read(&self.file).map_err(|error| at(format!("cannot be read: {error}")))?;
        let looked = look(&options.load(None)?, &wasm).await.map_err(at)?;
        let mut signed = looked.signed(&self.file, &wasm).map_err(at)?;
        if let Some(key) = &self.sign {
            let payload = payload(reference.name(), &signed.artifact);
            signed.sign(&signing_key(key)?, &payload).map_err(failed)?;
        }
        let pushed = self.reach.registry(&reference)?.push(wasm, &signed).await.map_err(failed)?;
        if options.json {
            let (artifact, signatures) = (signed.artifact.digest(), signed.signatures.len());
            let reference = pushed.to_string();
            out!(
                "{}",
                json!({ "reference": reference, "artifact": artifact, "component": signed.component, "signatures": signatures })
            );
        } else {
            out!("{pushed}");
        }
        Ok(())
    }
}
