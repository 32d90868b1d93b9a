//! "May this caller use this tool with these arguments, and why?", answered by the code that enforces it.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{Facts, UNLISTED, View};

/// What would become of a call, as far as rights go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Who would call.
    pub caller: String,
    /// Whose services it uses.
    pub tenant: String,
    /// The tool.
    pub tool: String,
    /// Whether it would be allowed. Without arguments: whether it could be.
    pub allowed: bool,
    /// The rule that settles it: the first that fails, or else the one that lists the tool.
    pub rule: String,
    /// What each rule says.
    pub steps: Vec<Step>,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The rule, as written.
    pub rule: String,
    /// Whether it passes; none for a condition that was not asked, as there are no arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed: Option<bool>,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Step {
    fn new(rule: impl Into<String>, passed: bool) -> Self {
        Self { rule: rule.into(), passed: Some(passed), detail: None }
    }
}

impl Explanation {
    /// Asks every rule of a view, and the conditions if there are arguments.
    #[must_use]
    pub fn new(
        view: View<'_>,
        facts: &Facts<'_>,
        caller: &str,
        tenant: &str,
        arguments: Option<&Value>,
    ) -> Self {
        let View { access, narrowing } = view;
        let mut steps = Vec::new();
        let mut hint = None;
        for check in access.checks(facts) {
            let mut step = Step::new(access.rule(check.rule).as_ref(), check.passed);
            if check.rule == UNLISTED {
                let presets = access.terms.presets.iter();
                let lacking = presets.filter_map(|preset| {
                    Some(format!("preset {} ({})", preset.name(), preset.lacks(facts)?))
                });
                let lacking: Vec<String> = lacking.collect();
                step.detail = (!lacking.is_empty()).then(|| format!("nor is it in {}", lacking.join(", ")));
                hint = Some(format!("to allow it, add \"{}\" to the caller's `tools`", facts.public_name));
            }
            steps.push(step);
        }
        steps.extend(narrowing.checks(facts).map(|(part, passed)| Step::new(part.to_string(), passed)));
        match arguments {
            Some(arguments) => {
                steps.extend(access.ask(facts, caller, tenant, arguments).map(|(rule, held)| Step {
                    detail: held.as_ref().err().map(ToString::to_string),
                    ..Step::new(rule.as_ref(), held.is_ok())
                }));
            }
            None => steps.extend(access.conditions(facts).map(|(rule, _)| Step {
                passed: None,
                detail: Some("give arguments to ask it".to_owned()),
                ..Step::new(access.rule(rule).as_ref(), true)
            })),
        }
        let failed = steps.iter().find(|step| step.passed == Some(false));
        let rule = failed.map_or_else(|| access.decide(facts).rule().to_string(), |step| step.rule.clone());
        let allowed = failed.is_none();
        let (caller, tenant, tool) = (caller.to_owned(), tenant.to_owned(), facts.public_name.to_owned());
        Self { caller, tenant, tool, allowed, rule, steps, hint }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.allowed { "ALLOWED" } else { "REFUSED" };
        write!(f, "{verdict}  {} for `{}` of tenant `{}`", self.tool, self.caller, self.tenant)?;
        write!(f, "\n  rule        {}", self.rule)?;
        for step in &self.steps {
            let word = match step.passed {
                Some(true) => "passes",
                Some(false) => "refuses",
                None => "not asked",
            };
            write!(f, "\n  {word:<10}  {}", step.rule)?;
            if let Some(detail) = &step.detail {
                write!(f, " ({detail})")?;
            }
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint        {hint}")?;
        }
        Ok(())
    }
}
