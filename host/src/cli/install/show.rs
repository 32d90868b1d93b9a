//! What a component asks for, in plain words.

use bulkhead::{pin::plain, sandbox::Manifest};
use bulkhead_openapi::required;
use bulkhead_registry::reference::Reference;
use serde_json::Value;

use super::{Candidate, approve, users};
use crate::cli::{Options, look::Looked};

impl Candidate {
    pub(super) fn show(&self) {
        let Looked { component, manifest, tools, .. } = &self.looked;
        out!("{} {} ({})", plain(&manifest.title), plain(&manifest.version), plain(&manifest.name));
        out!("{}\n", plain(&manifest.description));
        self.provenance.show();
        let size = bytesize::ByteSize::b(component.size as u64);
        out!("file     {}, {size}, {}", self.place.display(), self.installed.component);
        egress(manifest);
        config(manifest);
        match tools {
            Ok(tools) => {
                let destroying = tools.iter().filter(|tool| tool.annotations.destructive).count();
                let some = if destroying > 0 { format!("; {destroying} may destroy") } else { String::new() };
                out!("\ntools ({}{some})", tools.len());
                for tool in tools.iter() {
                    let marked = match (tool.annotations.destructive, tool.annotations.read_only) {
                        (true, _) => "MAY DESTROY",
                        (false, true) => "reads",
                        (false, false) => "writes",
                    };
                    let first = tool.description.lines().next().unwrap_or_default();
                    out!("  {}  [{marked}]  {}", plain(&tool.name), plain(first));
                }
            }
            Err(why) => out!("\ntools: it says once it is configured ({})", plain(why)),
        }
        out!();
        for (key, tried) in &self.services {
            match tried {
                Ok(Some(approval)) => approve::show(key, approval),
                Ok(None) => out!("{key}: as it is pinned"),
                Err(why) => out!("{key}: it could not be served so: {}", plain(why)),
            }
        }
    }

    /// What to do with it now, by the configuration as it is with the file in its place.
    pub(super) fn next_steps(&self, options: &Options, reference: &Reference) {
        out!("installed {}", self.place.display());
        let config = match options.load(None) {
            Ok(config) => config,
            Err(why) => return out!("the configuration cannot be used yet: {}", why.message),
        };
        if users(&config, &self.place).next().is_some() {
            return;
        }
        let stem = self.place.file_stem().unwrap_or_default().to_string_lossy();
        let signed_as = match &self.provenance.vouch {
            Ok(vouch) if vouch.name.rsplit('/').next() != Some(&*stem) => {
                format!(", signatures: {{ as: {} }}", reference.name())
            }
            _ => String::new(),
        };
        out!(
            "to serve it, put it among the `services` of a tenant: {stem}: {{ component: {stem}{signed_as} }}"
        );
    }
}

fn egress(manifest: &Manifest) {
    out!("\nasks to send");
    for request in &manifest.egress {
        out!(
            "  {} {}\n      {}",
            plain(&request.methods.join(" ")),
            plain(&request.url),
            plain(&request.reason)
        );
    }
    if manifest.egress.is_empty() {
        out!("  nothing");
    }
}

/// The keys of its config, and which of them it cannot do without.
fn config(manifest: &Manifest) {
    let schema: Value = serde_json::from_str(&manifest.config_schema).unwrap_or_default();
    let Some(keys) = schema.get("properties").and_then(Value::as_object).filter(|keys| !keys.is_empty())
    else {
        return;
    };
    let required: Vec<&str> = required(schema.get("required")).collect();
    out!("\nconfig");
    for (key, of) in keys {
        let about = of
            .get("description")
            .and_then(Value::as_str)
            .and_then(|text| text.lines().next())
            .unwrap_or_default();
        let needed = if required.contains(&key.as_str()) { " (required)" } else { "" };
        out!("  {}{needed}  {}", plain(key), plain(about));
    }
}
