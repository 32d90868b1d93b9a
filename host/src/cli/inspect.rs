//! `bulkhead inspect`: a component before it is trusted. Nothing it says is acted on.

use std::path::{Path, PathBuf};

use bulkhead::{
    config::{Config, Limits},
    pin::{Installed, Pins, Trust},
};
use bulkhead_registry::{
    bundle::{Bundle, Signed},
    digest::Digest,
    reference::Reference,
    stage::Stage,
};
use clap::Args;
use serde_json::{Value, json};

use super::{
    Failure, Options, Outcome, failed,
    look::{Looked, look},
    provenance::{Provenance, requirements},
    reach::{Reach, reference},
};

/// Show what a component is, asks for, and offers; where it came from, and who signed it.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The component: a file, or `registry.example/acme/loki:1.2`.
    #[arg(value_name = "FILE|REF")]
    what: String,
    #[command(flatten)]
    reach: Reach,
}

impl Inspect {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let config = options.load(None)?;
        if Reference::is_meant(&self.what) {
            return self.in_registry(options, &config).await;
        }
        let file = PathBuf::from(&self.what);
        let pins = Pins::read(&config.components.lock, Trust::Folder).map_err(failed)?;
        shown(options, &config, &file, &self.what, pins.installed(&file)).await
    }

    /// Brings it here for as long as it is looked at.
    async fn in_registry(&self, options: &Options, config: &Config) -> Outcome {
        let reference = reference(&self.what)?;
        let dir = tempfile::tempdir().map_err(failed)?;
        let stage = Stage::new(dir.path(), reference.stem()).map_err(failed)?;
        let (installed, _) = staged(&self.reach, &reference, &stage).await?;
        shown(options, config, &stage.file(), &self.what, Some(installed)).await
    }
}

/// Brings a component and its signatures into a stage.
pub(super) async fn staged(
    reach: &Reach,
    reference: &Reference,
    stage: &Stage,
) -> Result<(Installed, Signed), Failure> {
    let registry = reach.registry(reference)?;
    let resolved = registry.resolve().await.map_err(failed)?;
    registry.pull(&resolved, &stage.file()).await.map_err(failed)?;
    let signatures = registry.signatures(&resolved).await.map_err(failed)?;
    let component = resolved.contents.component.clone();
    let installed = Installed::new(reference, &resolved.artifact.digest(), &component);
    let signed = Signed { component, artifact: resolved.artifact, signatures };
    Bundle::new(vec![signed.clone()]).write(&stage.file()).map_err(failed)?;
    Ok((installed, signed))
}

async fn shown(
    options: &Options,
    config: &Config,
    file: &Path,
    name: &str,
    installed: Option<Installed>,
) -> Outcome {
    let at = |error: &dyn std::fmt::Display| failed(format!("{name}: {error}"));
    let wasm = std::fs::read(file).map_err(|e| at(&format!("cannot be read: {e}")))?;
    let looked = look(config, &wasm).await.map_err(|e| at(&e))?;
    let asked = requirements(config, file);
    let asked = asked.first().unwrap_or(&config.signatures);
    let provenance = Provenance::of(asked, file, &Digest::of(&wasm), installed);
    if options.json {
        out!("{}", data(&looked, &provenance));
        return Ok(());
    }
    let Looked { component, manifest, tools, start_us } = &looked;
    out!("{} {} ({})", manifest.title, manifest.version, manifest.name);
    out!("{}\n", manifest.description);
    out!("digest   sha256:{}", component.digest);
    out!("size     {}, an instance starts in {start_us} µs", bytesize::ByteSize::b(component.size as u64));
    if let Some(memory) = component.at_rest() {
        out!("memory   {memory} at rest, of the {} an instance may have", Limits::default().memory);
    }
    provenance.show();
    out!("imports  {}", list(&component.surface.imports));
    out!("exports  {}", list(&component.surface.exports));
    out!("\nasks to send");
    for request in &manifest.egress {
        out!("  {} {}\n      {}", request.methods.join(" "), request.url, request.reason);
    }
    if manifest.egress.is_empty() {
        out!("  nothing");
    }
    out!("\nconfig schema\n  {}", manifest.config_schema);
    match tools {
        Ok(tools) => {
            out!("\ntools without config ({})", tools.len());
            for tool in tools.iter() {
                out!("  {}  {}", tool.name, tool.description.lines().next().unwrap_or_default());
            }
        }
        Err(error) => out!("\ntools: need a config ({error})"),
    }
    Ok(())
}

fn list(names: &[String]) -> String {
    names.join("\n         ")
}

fn data(looked: &Looked, provenance: &Provenance) -> Value {
    let Looked { component, manifest, tools, start_us } = looked;
    let schema: Value = serde_json::from_str(&manifest.config_schema).unwrap_or(Value::Null);
    let egress =
        manifest.egress.iter().map(|e| json!({ "url": e.url, "methods": e.methods, "reason": e.reason }));
    let tools = tools.as_ref().ok().map(|tools| tools.iter().map(|tool| &tool.name).collect::<Vec<_>>());
    json!({
        "name": manifest.name, "version": manifest.version, "title": manifest.title, "description": manifest.description,
        "digest": format!("sha256:{}", component.digest), "bytes": component.size, "startMicros": start_us,
        "memoryBytes": component.at_rest().map(|memory| memory.as_u64()),
        "imports": component.surface.imports, "exports": component.surface.exports,
        "egress": egress.collect::<Vec<_>>(), "configSchema": schema, "tools": tools, "provenance": provenance.data(),
    })
}
