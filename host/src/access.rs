//! What a caller may use: which tools, and with which arguments.
//!
//! [`Access`] is a caller's right as the operator wrote it; a [`Narrowing`] is what one of its requests selects
//! from that; a [`View`] is both. Everything else a caller asks for is denied: an absent list allows nothing,
//! and every other key only takes away. `bulkhead explain` asks the functions that enforce it.
//!
//! Deciding about a tool needs no arguments, so it is done once for a caller and kept as [`Verdicts`]; only the
//! conditions on arguments ([`Condition`]) are asked at every call. [`overrides`] is the operator's view of the
//! tools themselves, the same for all callers.

pub mod condition;
pub mod explain;
pub mod glob;
pub mod narrowing;
pub mod overrides;
pub mod preset;
pub mod rights;
pub mod tags;
pub mod verdicts;

use std::sync::Arc;

use serde_json::Value;

use self::{
    condition::{Condition, Fault, Question},
    glob::Glob,
    tags::TagExpression,
};
pub use self::{
    explain::Explanation,
    narrowing::Narrowing,
    overrides::Overrides,
    preset::{Preset, Presets},
    verdicts::{Verdict, Verdicts},
};

/// What rights look at in a tool.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What clients call it.
    pub public_name: &'a str,
    /// The service it belongs to.
    pub service: &'a str,
    /// Its tags.
    pub tags: &'a [String],
    /// Whether its component declares that it only reads.
    pub read_only: bool,
    /// Whether its component declares that it may destroy something.
    pub destructive: bool,
}

/// What became of a question, and the rule that settled it, as the operator wrote it: `tools: prometheus_*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may.
    Allowed {
        /// What allows it.
        rule: Arc<str>,
    },
    /// It may not.
    Denied {
        /// What denies it. For the operator: unknown and forbidden tools are the same to a client.
        rule: Arc<str>,
    },
}

impl Decision {
    fn new(allowed: bool, rule: Arc<str>) -> Self {
        if allowed { Self::Allowed { rule } } else { Self::Denied { rule } }
    }

    /// Whether it may.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }

    /// What settled it.
    #[must_use]
    pub fn rule(&self) -> &Arc<str> {
        match self {
            Self::Allowed { rule } | Self::Denied { rule } => rule,
        }
    }
}

/// The terms of an [`Access`], each checked for itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// Tools it may use.
    pub tools: Vec<Glob>,
    /// Sets of tools it may use, too.
    pub presets: Vec<Arc<Preset>>,
    /// Tools it may not use, whatever allows them.
    pub deny_tools: Vec<Glob>,
    /// What the tags of a tool must be.
    pub tags: Option<TagExpression>,
    /// Whether it may only use tools that only read.
    pub read_only: bool,
    /// What must be true of the arguments, for the tools that one of the globs matches.
    pub when: Vec<(Vec<Glob>, Condition)>,
}

/// What one caller may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    terms: Terms,
    /// The text of each rule, in the order of [`Terms`]; the first says that no rule allows it.
    rules: Vec<Arc<str>>,
}

/// The number of the rule that nothing lists a tool.
const UNLISTED: usize = 0;

/// One rule's word about a tool.
#[derive(Clone, Copy, Debug)]
struct Check {
    passed: bool,
    rule: usize,
}

impl Access {
    /// The right that these terms give.
    ///
    /// # Errors
    /// When there are more rules than verdicts can number.
    pub fn new(terms: Terms) -> Result<Self, String> {
        let mut rules: Vec<Arc<str>> = vec!["tools: no entry matches".into()];
        rules.extend(terms.tools.iter().map(|glob| format!("tools: {glob}").into()));
        rules.extend(terms.presets.iter().map(|preset| format!("presets: {}", preset.name()).into()));
        rules.extend(terms.deny_tools.iter().map(|glob| format!("deny_tools: {glob}").into()));
        rules.extend(terms.tags.iter().map(|tags| format!("tags: {tags}").into()));
        rules.extend(terms.read_only.then(|| "read_only: true".into()));
        rules.extend(terms.when.iter().map(|(_, condition)| format!("when: {}", condition.text()).into()));
        if rules.len() > verdicts::MOST_RULES {
            return Err(format!("has {} rules; at most {} can be kept", rules.len(), verdicts::MOST_RULES));
        }
        Ok(Self { terms, rules })
    }

    /// The right to everything: that of a local user.
    #[must_use]
    pub fn everything() -> Self {
        let tools = "*".parse().into_iter().collect();
        let rules = vec!["tools: no entry matches".into(), "tools: *".into()];
        Self { terms: Terms { tools, ..Terms::default() }, rules }
    }

    /// Whether it may use a tool, as long as its arguments are right, too.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        let check = self.judge(facts);
        Decision::new(check.passed, self.rule(check.rule))
    }

    /// Whether the arguments are right, for a tool that it may use. They should be those the guest gets: with
    /// the operator's own in place.
    #[must_use]
    pub fn check_arguments(
        &self,
        facts: &Facts<'_>,
        caller: &str,
        tenant: &str,
        arguments: &Value,
    ) -> Decision {
        let mut last = None;
        for (rule, held) in self.ask(facts, caller, tenant, arguments) {
            if held.is_err() {
                return Decision::Denied { rule };
            }
            last = Some(rule);
        }
        Decision::Allowed { rule: last.unwrap_or_else(|| "when: no entry applies".into()) }
    }

    /// Whether there are conditions on a tool's arguments.
    #[must_use]
    pub fn is_conditional(&self, facts: &Facts<'_>) -> bool {
        self.conditions(facts).next().is_some()
    }

    fn judge(&self, facts: &Facts<'_>) -> Check {
        let mut last = Check { passed: false, rule: UNLISTED };
        for check in self.checks(facts) {
            last = check;
            if !check.passed {
                break;
            }
        }
        last
    }

    /// Every rule that has a word about the tool. All must pass; the last is what allows it.
    fn checks(&self, facts: &Facts<'_>) -> impl Iterator<Item = Check> + use<> {
        let terms = &self.terms;
        let presets = 1 + terms.tools.len();
        let deny = presets + terms.presets.len();
        let tags = deny + terms.deny_tools.len();
        let read_only = tags + usize::from(terms.tags.is_some());
        let denied = matching(&terms.deny_tools, facts).map(|at| Check { passed: false, rule: deny + at });
        let tagged = terms.tags.as_ref().map(|tag| Check { passed: tag.matches(facts.tags), rule: tags });
        let reads = terms.read_only.then_some(Check { passed: facts.read_only, rule: read_only });
        let tool = matching(&terms.tools, facts).map(|at| 1 + at);
        let preset = || terms.presets.iter().position(|preset| preset.lists(facts)).map(|at| presets + at);
        let listed = tool.or_else(preset);
        let listed = Check { passed: listed.is_some(), rule: listed.unwrap_or(UNLISTED) };
        [denied, reads, tagged, Some(listed)].into_iter().flatten()
    }

    /// Asks each condition on the tool's arguments.
    fn ask<'a>(
        &'a self,
        facts: &'a Facts<'_>,
        caller: &str,
        tenant: &str,
        arguments: &Value,
    ) -> impl Iterator<Item = (Arc<str>, Result<(), Fault>)> + use<'a> {
        let question = self.is_conditional(facts).then(|| Question::new(facts, caller, tenant, arguments));
        question.into_iter().flat_map(move |question| {
            let asked = self.conditions(facts);
            asked.map(move |(rule, condition)| (self.rule(rule), condition.holds(&question)))
        })
    }

    /// The conditions on the tool's arguments, each with the number of its rule.
    fn conditions<'a>(&'a self, facts: &'a Facts<'_>) -> impl Iterator<Item = (usize, &'a Condition)> {
        let first = self.rules.len() - self.terms.when.len();
        let all = self.terms.when.iter().zip(first..);
        all.filter(|((tools, _), _)| matching(tools, facts).is_some())
            .map(|((_, condition), rule)| (rule, condition))
    }

    fn rule(&self, number: usize) -> Arc<str> {
        self.rules.get(number).cloned().unwrap_or_default()
    }
}

/// The first glob that matches the tool.
fn matching(globs: &[Glob], facts: &Facts<'_>) -> Option<usize> {
    globs.iter().position(|glob| glob.matches(facts.public_name))
}

/// What one request may use: the caller's right, and what the request's URL selects from it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The caller's right.
    pub access: &'a Access,
    /// What the request selects.
    pub narrowing: &'a Narrowing,
}

impl View<'_> {
    /// Whether a request may use a tool, as long as its arguments are right, too.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        match self.access.decide(facts) {
            Decision::Allowed { rule } => match self.narrowing.refusal(facts) {
                Some(rule) => Decision::Denied { rule },
                None => Decision::Allowed { rule },
            },
            denied @ Decision::Denied { .. } => denied,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
