//! A component, looked at before it is trusted: what it is, asks for and offers. Nothing it says is acted on.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Instant};

use bulkhead::{
    app,
    catalog::tool::Declared,
    config::{Config, Limits},
    sandbox::{Compartment, Component, Manifest, Said},
};
use bulkhead_registry::{
    artifact::{About, Artifact},
    bundle::{Bundle, Signed},
    digest::Digest,
};

/// What a component says of itself.
pub(super) struct Looked {
    pub(super) component: Arc<Component>,
    pub(super) manifest: Manifest,
    /// Its tools without a config, or why it needs one to say.
    pub(super) tools: Result<Arc<[Declared]>, String>,
    pub(super) start_us: u64,
}

/// Looks at a component.
pub(super) async fn look(config: &Config, wasm: &[u8]) -> Result<Looked, String> {
    let sandbox = app::sandbox(config).map_err(|error| error.to_string())?;
    let component = Arc::new(sandbox.load(wasm, false).map_err(|error| error.to_string())?);
    let bare = Compartment::bare(component.clone(), Limits::default());
    let started = Instant::now();
    let manifest = sandbox.describe(&bare, &Said::default()).await.map_err(|error| error.to_string())?;
    let start_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    // Without its config it may have nothing to say; then its schema says what it needs.
    let tools = sandbox.offer(&bare, &Said::default()).await;
    let tools = tools.map(|offer| offer.tools).map_err(|error| error.to_string());
    Ok(Looked { component, manifest, tools, start_us })
}

impl Looked {
    /// The artifact of a component's file, with the signatures beside it.
    pub(super) fn signed(&self, file: &Path, wasm: &[u8]) -> Result<Signed, String> {
        let component = Digest::of(wasm);
        let bundle = Bundle::read(file).map_err(|error| error.to_string())?;
        if let Some(signed) = bundle.as_ref().and_then(|bundle| bundle.of(&component)) {
            let contents = signed.artifact.contents().map_err(|error| error.to_string())?;
            if contents.component != component {
                return Err(format!("the manifest beside it is for {}", contents.component));
            }
            return Ok(signed.clone());
        }
        let words = [
            ("title", &self.manifest.name),
            ("version", &self.manifest.version),
            ("description", &self.manifest.description),
        ];
        let words = words.into_iter().filter(|(_, text)| !text.is_empty());
        let annotations: BTreeMap<String, String> =
            words.map(|(key, text)| (format!("org.opencontainers.image.{key}"), text.clone())).collect();
        let surface = &self.component.surface;
        let (imports, exports) = (surface.imports.clone(), surface.exports.clone());
        let artifact = Artifact::new(wasm, &About { imports, exports, annotations });
        let artifact = artifact.map_err(|error| error.to_string())?;
        Ok(Signed { component, artifact, signatures: Vec::new() })
    }
}
