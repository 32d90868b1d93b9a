//! What was looked at, and what was found: findings by check, cut to what a person reads.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    checks::{self, AREAS, Check, Severity},
    text::shown,
};

/// Findings of one check that are told one by one; the others are counted. A fault in forty tools is one fault.
const TOLD: usize = 8;

/// One thing that was found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) check: &'static Check,
    /// Where: `tool get_it`, `tool get_it, argument days`.
    pub(super) place: String,
    /// What.
    pub(super) what: String,
}

/// A check that is accepted, and why.
#[derive(Clone, Debug)]
pub(super) struct Allowed {
    pub(super) id: &'static str,
    pub(super) reason: String,
}

/// All findings of a run.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    findings: Vec<Finding>,
    /// What was already found, so that sixteen calls that fail alike are one finding.
    seen: BTreeSet<(&'static str, String)>,
    /// Findings beyond those that are told, by check.
    more: BTreeMap<&'static str, usize>,
    looked: BTreeMap<&'static str, String>,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) allowed: usize,
}

impl Ledger {
    /// Notes a finding. Of the same check at the same place only the first is kept.
    pub(super) fn find(&mut self, id: &'static str, place: impl Into<String>, what: impl AsRef<str>) {
        let Some(check) = checks::find(id) else { return debug_assert!(false, "no check `{id}`") };
        let place = shown(&place.into(), 200);
        if !self.seen.insert((id, place.clone())) {
            return;
        }
        if self.findings.iter().filter(|known| known.check.id == id).count() >= TOLD {
            let more = self.more.entry(id).or_default();
            *more = more.saturating_add(1);
            return;
        }
        self.findings.push(Finding { check, place, what: shown(what.as_ref(), 600) });
    }

    /// Says what was looked at in an area.
    pub(super) fn looked(&mut self, area: &'static str, at: impl Into<String>) {
        debug_assert!(AREAS.iter().any(|(known, _)| *known == area), "no area `{area}`");
        self.looked.insert(area, at.into());
    }

    /// What was looked at in an area; none if it was not looked at.
    pub(super) fn at(&self, area: &str) -> Option<&str> {
        self.looked.get(area).map(String::as_str)
    }

    /// The findings of an area, in the order of the checks.
    pub(super) fn of<'a>(&'a self, area: &'a str) -> impl Iterator<Item = &'a Finding> {
        let own = checks::CHECKS.iter().filter(move |check| check.area() == area);
        own.flat_map(move |check| self.findings.iter().filter(move |finding| finding.check.id == check.id))
    }

    /// The findings of a check.
    pub(super) fn by<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| finding.check.id == id)
    }

    /// How many more a check has found than are told.
    pub(super) fn more(&self, id: &str) -> usize {
        self.more.get(id).copied().unwrap_or_default()
    }

    /// Whether a check has found something at a place that begins so.
    pub(super) fn has(&self, id: &str) -> bool {
        self.findings.iter().any(|finding| finding.check.id == id)
    }

    /// Whether anything is an error.
    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.check.severity == Severity::Error)
    }

    /// What it comes to, with those that are accepted apart.
    pub(super) fn sums(&self, allowed: &[Allowed]) -> Sums {
        let mut sums = Sums::default();
        for finding in &self.findings {
            let id = finding.check.id;
            let first = self.by(id).next().is_some_and(|first| std::ptr::eq(first, finding));
            let many = if first { self.more(id).saturating_add(1) } else { 1 };
            let sum = match finding.check.severity {
                _ if allowed.iter().any(|one| one.id == id) => &mut sums.allowed,
                Severity::Error => &mut sums.errors,
                Severity::Warning => &mut sums.warnings,
            };
            *sum = sum.saturating_add(many);
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_alike_is_one_finding_and_many_are_counted() {
        let mut ledger = Ledger::default();
        (0..3).for_each(|_| ledger.find("call.trap", "tool a", "x"));
        (0..20).for_each(|n| ledger.find("schema.open", format!("tool t{n}"), "x"));
        assert_eq!((ledger.by("call.trap").count(), ledger.by("schema.open").count()), (1, TOLD));
        assert_eq!(ledger.more("schema.open"), 12);
        assert_eq!(ledger.sums(&[]), Sums { errors: 1, warnings: 20, allowed: 0 });
        let allowed = [Allowed { id: "schema.open", reason: String::new() }];
        assert_eq!(ledger.sums(&allowed), Sums { errors: 1, warnings: 0, allowed: 20 });
    }
}
