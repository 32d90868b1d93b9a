//! What is different between two pins of a service, and how people are told.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use super::{Installed, Pin};

/// What the calls of a tool may send, in its definition; there only if the component says it.
pub(super) const EGRESS: &str = "egress";

/// What a service asks for or says, and did not before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Its file is not what was installed into it.
    pub exchanged: Option<Exchanged>,
    /// Requests it did not ask for before.
    pub egress: Vec<String>,
    /// Tools it did not have, with their descriptions.
    pub added: Vec<(String, String)>,
    /// Tools it no longer has.
    pub removed: Vec<String>,
    /// Tools it describes differently.
    pub changed: Vec<Change>,
}

/// A file that is not what was installed into it.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchanged {
    /// Its name in the lock file.
    pub file: String,
    /// What was installed.
    pub installed: Installed,
}

impl Exchanged {
    /// Whether a file with this digest is none of those that were installed into it.
    pub(super) fn by(file: String, each: &[Installed], digest: &str) -> Option<Self> {
        if each.iter().any(|one| one.component.hex() == digest) {
            return None;
        }
        each.last().map(|installed| Self { file, installed: installed.clone() })
    }
}

/// A tool that is described differently.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The tool.
    pub tool: String,
    /// What is different of it, with what it was and what it is.
    pub parts: Vec<(String, Value, Value)>,
}

impl Difference {
    /// What `now` has that matters, and `before` had not, or not so.
    #[must_use]
    pub fn between(before: &Pin, now: &Pin) -> Self {
        let had: BTreeSet<&String> = before.egress.iter().collect();
        let egress = now.egress.iter().filter(|request| !had.contains(request)).cloned().collect();
        let description = |tool: &Value| tool["description"].as_str().unwrap_or_default().to_owned();
        let added = now.tools.tools.iter().filter(|(name, _)| !before.tools.tools.contains_key(*name));
        let removed = before.tools.tools.keys().filter(|name| !now.tools.tools.contains_key(*name));
        let both =
            before.tools.tools.iter().filter_map(|(name, old)| Some((name, old, now.tools.tools.get(name)?)));
        Self {
            exchanged: None,
            egress,
            added: added.map(|(name, tool)| (name.clone(), description(tool))).collect(),
            removed: removed.cloned().collect(),
            changed: both.filter_map(|(name, old, new)| Change::between(name, old, new)).collect(),
        }
    }

    /// Whether there is nothing to approve.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// In a few words, for the log and `/healthz`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        if let Some(Exchanged { installed, .. }) = &self.exchanged {
            parts.push(format!("not the file that was installed from {}", installed.reference));
        }
        let mut say = |count: usize, one: &str, many: &str| match count {
            0 => {}
            1 => parts.push(format!("1 {one}")),
            _ => parts.push(format!("{count} {many}")),
        };
        say(self.egress.len(), "further request", "further requests");
        say(self.added.len(), "new tool", "new tools");
        say(self.removed.len(), "tool fewer", "tools fewer");
        say(self.changed.len(), "tool described differently", "tools described differently");
        parts.join(", ")
    }
}

impl Change {
    fn between(tool: &str, old: &Value, new: &Value) -> Option<Self> {
        let empty = serde_json::Map::new();
        let (old, new) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let part = |key: &String| {
            let side = |tool: &serde_json::Map<String, Value>| tool.get(key).cloned().unwrap_or_default();
            let (before, now) = (side(old), side(new));
            let differs = if key == EGRESS { widened(&before, &now) } else { before != now };
            differs.then(|| (key.clone(), before, now))
        };
        let parts: Vec<_> = keys.into_iter().filter_map(part).collect();
        (!parts.is_empty()).then(|| Self { tool: tool.to_owned(), parts })
    }
}

/// Whether a tool's calls may send what they might not before. One that says nothing may send all its service may.
fn widened(before: &Value, now: &Value) -> bool {
    match (before.as_array(), now.as_array()) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(before), Some(now)) => now.iter().any(|request| !before.contains(request)),
    }
}

/// Line by line, for a terminal: what comes from a component cannot move the cursor or colour anything.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Exchanged { file, installed }) = &self.exchanged {
            let Installed { reference, component, .. } = installed;
            writeln!(
                f,
                "~ {} is not what was installed from {}, {component}",
                plain(file),
                plain(reference)
            )?;
        }
        for request in &self.egress {
            writeln!(f, "+ asks for {}", plain(request))?;
        }
        for (tool, description) in &self.added {
            writeln!(f, "+ tool {}: {}", plain(tool), plain(description))?;
        }
        for tool in &self.removed {
            writeln!(f, "- tool {}", plain(tool))?;
        }
        for Change { tool, parts } in &self.changed {
            writeln!(f, "~ tool {}", plain(tool))?;
            for (part, before, now) in parts {
                writeln!(f, "    {part}\n    - {}\n    + {}", text(before), text(now))?;
            }
        }
        Ok(())
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text),
        other => plain(&other.to_string()),
    }
}

/// Nothing but what can be seen. `escape_debug` also tells the marks that turn the direction of text.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c == '"' || c == '\'' || c == '\\' { vec![c] } else { c.escape_debug().collect() })
        .collect()
}
