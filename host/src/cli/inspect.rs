//! `bulkhead inspect`: a component before it is trusted. Nothing it says is acted on.

use std::{path::PathBuf, sync::Arc, time::Instant};

use bulkhead::{
    app,
    config::Limits,
    sandbox::{Compartment, Component, Manifest, Said},
};
use clap::Args;
use serde_json::{Value, json};

use super::{Options, Outcome, failed};

/// Show what a component is, asks for, and offers.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The component.
    file: PathBuf,
}

impl Inspect {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let at = |error: &dyn std::fmt::Display| failed(format!("{}: {error}", self.file.display()));
        let wasm = std::fs::read(&self.file).map_err(|e| at(&format!("cannot be read: {e}")))?;
        let sandbox = app::sandbox(&options.load(None)?).map_err(failed)?;
        let component = Arc::new(sandbox.load(&wasm, false).map_err(|e| at(&e))?);
        let bare = Compartment::bare(component.clone(), Limits::default());
        let started = Instant::now();
        let manifest = sandbox.describe(&bare, &Said::default()).await.map_err(|e| at(&e))?;
        let start_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        // Without its config it may have nothing to say; then the schema below says what it needs.
        let tools = sandbox.offer(&bare, &Said::default()).await;
        let tools = tools.map(|offer| {
            offer.tools.iter().map(|tool| (tool.name.clone(), tool.description.clone())).collect::<Vec<_>>()
        });
        if options.json {
            let listed = tools
                .as_ref()
                .ok()
                .map(|tools| tools.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
            out!("{}", data(&component, &manifest, listed.as_deref(), start_us));
            return Ok(());
        }
        out!("{} {} ({})", manifest.title, manifest.version, manifest.name);
        out!("{}\n", manifest.description);
        out!("digest   sha256:{}", component.digest);
        out!(
            "size     {}, an instance starts in {start_us} µs",
            bytesize::ByteSize::b(component.size as u64)
        );
        if let Some(memory) = component.at_rest() {
            out!("memory   {memory} at rest, of the {} an instance may have", Limits::default().memory);
        }
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
                for (name, description) in tools {
                    out!("  {name}  {}", description.lines().next().unwrap_or_default());
                }
            }
            Err(error) => out!("\ntools: need a config ({error})"),
        }
        Ok(())
    }
}

fn list(names: &[String]) -> String {
    names.join("\n         ")
}

fn data(component: &Component, manifest: &Manifest, tools: Option<&[&str]>, start_us: u64) -> Value {
    let schema: Value = serde_json::from_str(&manifest.config_schema).unwrap_or(Value::Null);
    let egress =
        manifest.egress.iter().map(|e| json!({ "url": e.url, "methods": e.methods, "reason": e.reason }));
    json!({
        "name": manifest.name, "version": manifest.version, "title": manifest.title, "description": manifest.description,
        "digest": format!("sha256:{}", component.digest), "bytes": component.size, "startMicros": start_us,
        "memoryBytes": component.at_rest().map(|memory| memory.as_u64()),
        "imports": component.surface.imports, "exports": component.surface.exports,
        "egress": egress.collect::<Vec<_>>(), "configSchema": schema, "tools": tools,
    })
}
