//! Presets: named sets of tools, for callers and for URLs.

use std::{collections::BTreeMap, sync::Arc};

use super::{Facts, glob::Glob, tags::TagExpression};

/// Every preset, by name.
pub type Presets = BTreeMap<String, Arc<Preset>>;

/// A named set of tools.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    name: String,
    tools: Vec<Glob>,
    tags: Option<TagExpression>,
    read_only: bool,
    /// For people.
    pub description: Option<String>,
}

impl Preset {
    /// The tools that one of the globs and the tag expression match, and that only read, if that is asked for.
    #[must_use]
    pub fn new(
        name: String,
        tools: Vec<Glob>,
        tags: Option<TagExpression>,
        read_only: bool,
        description: Option<String>,
    ) -> Self {
        Self { name, tools, tags, read_only, description }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a tool is in it.
    #[must_use]
    pub fn lists(&self, facts: &Facts<'_>) -> bool {
        self.lacks(facts).is_none()
    }

    /// Why a tool is not in it.
    #[must_use]
    pub fn lacks(&self, facts: &Facts<'_>) -> Option<String> {
        if super::matching(&self.tools, facts).is_none() {
            return Some("tools: no entry matches".to_owned());
        }
        if self.read_only && !facts.read_only {
            return Some("read_only: true".to_owned());
        }
        let tags = self.tags.as_ref().filter(|tags| !tags.matches(facts.tags))?;
        Some(format!("tags: {tags}"))
    }
}
