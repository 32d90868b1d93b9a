//! What a request's URL selects: `?preset=oncall`, `?tags=metrics+and+not+write`, `?tools=prometheus_*,time_now`.
//!
//! A client shows its model fewer tools that way, or shows them otherwise (`?listing=search`). It can only take away from what the caller may use, so it needs
//! no right of its own.

use std::{fmt, sync::Arc};

use super::{Facts, Preset, Presets, glob::Glob, tags::TagExpression};
use crate::{config::load::suggestion, request::Listing};

/// Bytes of a query, percent-encoded.
const LONGEST: usize = 4096;
/// Entries of `tools`.
const MOST_TOOLS: usize = 64;

const KEYS: [&str; 4] = ["preset", "tags", "tools", "listing"];

/// What a URL selects; everything unless it says something.
#[derive(Clone, Debug, Default)]
pub struct Narrowing {
    preset: Option<Arc<Preset>>,
    tags: Option<TagExpression>,
    tools: Option<Vec<Glob>>,
    /// How the tools are shown; as the tenant has it unless the URL says.
    pub listing: Option<Listing>,
}

impl Narrowing {
    /// Reads the query of a URL, without its `?`.
    ///
    /// # Errors
    /// When it is not understood: a selection that is misspelt must not select everything.
    pub fn parse(query: &str, presets: &Presets) -> Result<Self, String> {
        if query.len() > LONGEST {
            return Err(format!("the URL's query is longer than {LONGEST} bytes"));
        }
        let mut narrowing = Self::default();
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let twice = match &*key {
                "preset" => narrowing.preset.replace(preset(&value, presets)?).is_some(),
                "tags" => narrowing.tags.replace(value.parse().map_err(in_key("tags"))?).is_some(),
                "tools" => narrowing.tools.replace(tools(&value).map_err(in_key("tools"))?).is_some(),
                "listing" => narrowing.listing.replace(listing(&value)?).is_some(),
                other => {
                    let other: String = other.chars().take(40).collect();
                    return Err(format!("unknown key `{other}` in the URL. {}", suggestion(&other, &KEYS)));
                }
            };
            if twice {
                return Err(format!("`{key}` is in the URL more than once"));
            }
        }
        Ok(narrowing)
    }

    /// Whether it takes nothing away.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.preset.is_none() && self.tags.is_none() && self.tools.is_none()
    }

    /// Whether a tool is selected.
    #[must_use]
    pub fn selects(&self, facts: &Facts<'_>) -> bool {
        self.refusal(facts).is_none()
    }

    /// What of the URL leaves a tool out.
    #[must_use]
    pub fn refusal(&self, facts: &Facts<'_>) -> Option<Arc<str>> {
        let refused = self.checks(facts).find(|(_, passed)| !passed);
        refused.map(|(part, _)| part.to_string().into())
    }

    /// What each part of the URL says about a tool.
    pub(super) fn checks<'a>(&'a self, facts: &Facts<'_>) -> impl Iterator<Item = (Part<'a>, bool)> {
        let preset = self.preset.as_ref().map(|preset| (Part::Preset(preset.name()), preset.lists(facts)));
        let tags = self.tags.as_ref().map(|tags| (Part::Tags(tags), tags.matches(facts.tags)));
        let tools = self.tools.as_ref().map(|tools| {
            let glob = super::matching(tools, facts).and_then(|at| tools.get(at));
            (Part::Tools(glob), glob.is_some())
        });
        [preset, tags, tools].into_iter().flatten()
    }
}

/// A part of the URL, as it is shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'a> {
    Preset(&'a str),
    Tags(&'a TagExpression),
    /// With the entry that matches.
    Tools(Option<&'a Glob>),
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preset(name) => write!(f, "?preset={name}"),
            Self::Tags(tags) => write!(f, "?tags={tags}"),
            Self::Tools(Some(glob)) => write!(f, "?tools={glob}"),
            Self::Tools(None) => f.write_str("?tools: no entry matches"),
        }
    }
}

fn in_key(key: &str) -> impl Fn(String) -> String {
    move |why| format!("`{key}` in the URL: {why}")
}

/// The names of others are not told: whoever asks may have no right to any.
fn preset(name: &str, presets: &Presets) -> Result<Arc<Preset>, String> {
    presets.get(name).cloned().ok_or_else(|| {
        let name: String = name.chars().take(40).collect();
        format!("there is no preset `{name}`; ask the operator which there are")
    })
}

fn listing(value: &str) -> Result<Listing, String> {
    match value {
        "all" => Ok(Listing::All),
        "search" => Ok(Listing::Search),
        _ => Err("`listing` in the URL must be `all` or `search`".to_owned()),
    }
}

fn tools(value: &str) -> Result<Vec<Glob>, String> {
    let tools = value.split(',').take(MOST_TOOLS + 1).map(|tool| tool.trim().parse());
    let tools = tools.collect::<Result<Vec<Glob>, _>>()?;
    if tools.len() > MOST_TOOLS {
        return Err(format!("has more than {MOST_TOOLS} entries; use `*`, or ask for a preset"));
    }
    Ok(tools)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::tests::{facts, tags};

    fn presets() -> Presets {
        let tools = vec!["prometheus_*".parse().unwrap()];
        let oncall = Preset::new("oncall".into(), tools, None, true, None);
        [("oncall".to_owned(), Arc::new(oncall))].into()
    }

    fn refusal(query: &str, name: &str, own: &str, read_only: bool) -> Option<String> {
        let own = tags(own);
        let narrowing = Narrowing::parse(query, &presets()).unwrap();
        narrowing.refusal(&facts(name, &own, read_only)).map(|rule| rule.to_string())
    }

    #[test]
    fn a_url_selects_by_preset_tags_and_names() {
        let query = "preset=oncall&tags=metrics+and+not+write&tools=a,prometheus_q*";
        assert_eq!(refusal(query, "prometheus_query", "metrics", true), None);
        let no = |name, tags, read_only| refusal(query, name, tags, read_only).unwrap();
        assert_eq!(no("prometheus_query", "metrics", false), "?preset=oncall");
        assert_eq!(no("prometheus_query", "metrics write", true), "?tags=metrics and not write");
        assert_eq!(no("prometheus_label", "metrics", true), "?tools: no entry matches");
        assert_eq!(refusal("tags=web%2Bapi", "a", "web api", true), None);
        assert_eq!(refusal("tags=web+api", "a", "web", true).unwrap(), "?tags=web and api");
    }

    #[test]
    fn no_query_selects_everything() {
        assert!(Narrowing::parse("", &presets()).unwrap().is_everything());
        assert_eq!(refusal("", "anything", "", false), None);
    }

    #[test]
    fn what_is_not_understood_selects_nothing() {
        let many = format!("tools={}", vec!["a"; 65].join(","));
        for (query, why) in [
            ("tool=a", "unknown key `tool` in the URL. Did you mean `tools`?"),
            ("tools=", "`tools` in the URL: `` can match no tool"),
            ("tools=a,,b", "`` can match no tool"),
            ("tools=%FF", "can match no tool"),
            (&many, "more than 64 entries"),
            ("tags=", "`tags` in the URL: the tag expression ``: column 1"),
            ("tags=(a", "a `)` is missing"),
            ("preset=night", "there is no preset `night`; ask the operator"),
            ("tags=a&tags=b", "`tags` is in the URL more than once"),
            (&format!("tags={}", "a".repeat(5000)), "longer than 4096 bytes"),
        ] {
            let error = Narrowing::parse(query, &presets()).unwrap_err();
            assert!(error.contains(why), "{query}: {error}");
        }
    }
}
