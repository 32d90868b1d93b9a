//! What was decided about every tool, for a caller: two bytes a tool, found by the tool's place.

use super::{Access, Decision, Facts};

/// Rules that a verdict can name.
pub(super) const MOST_RULES: usize = 1 << 14;

const ALLOWED: u16 = 1 << 15;
const CONDITIONAL: u16 = 1 << 14;
const RULE: u16 = CONDITIONAL - 1;

/// The verdicts of one [`Access`], in the order of the tools.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Verdicts(Box<[u16]>);

/// What was decided about one tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict(u16);

impl Verdicts {
    /// Decides about each tool.
    pub fn of<'a>(access: &Access, tools: impl IntoIterator<Item = Facts<'a>>) -> Self {
        let verdict = |facts: Facts<'_>| {
            let check = access.judge(&facts);
            let rule = u16::try_from(check.rule).unwrap_or(0) & RULE;
            let flag = |set: bool, flag| if set { flag } else { 0 };
            rule | flag(check.passed, ALLOWED) | flag(access.is_conditional(&facts), CONDITIONAL)
        };
        Self(tools.into_iter().map(verdict).collect())
    }

    /// What was decided about the tool at this place; a place beyond the last is denied.
    #[must_use]
    pub fn get(&self, place: usize) -> Verdict {
        Verdict(self.0.get(place).copied().unwrap_or(0))
    }

    /// How many tools were decided about.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there was no tool.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Verdict {
    /// Whether the caller may use the tool.
    #[must_use]
    pub fn allowed(self) -> bool {
        self.0 & ALLOWED != 0
    }

    /// Whether [`Access::check_arguments`] must be asked at each call.
    #[must_use]
    pub fn conditional(self) -> bool {
        self.0 & CONDITIONAL != 0
    }

    /// The same in words. `access` is the one that was asked.
    #[must_use]
    pub fn decision(self, access: &Access) -> Decision {
        Decision::new(self.allowed(), access.rule(usize::from(self.0 & RULE)))
    }
}
