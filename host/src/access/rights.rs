//! All that a caller may use: what any of its accesses allows. A token may bring several, one for each scope.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::{ArcSwapOption, Guard};
use serde_json::Value;

use super::{Access, Decision, Facts, verdicts::Verdicts};

/// The rights of a caller. What they say of its tenant's tools is worked out once, at its first request, and again when
/// the tools have changed.
#[derive(Debug, Default)]
pub struct Rights {
    any: Vec<Arc<Access>>,
    settled: ArcSwapOption<Settled>,
}

/// What the rights say of one generation of a tenant's tools. A verdict is found by the tool's place, so one of
/// another generation would be about another tool.
#[derive(Debug)]
struct Settled {
    /// A number that comes once in the life of the process.
    view: u64,
    generation: u64,
    verdicts: Vec<Verdicts>,
}

/// What is decided about a tool.
#[derive(Clone, Debug)]
pub struct Ruling {
    /// Whether it may be used, and by which rule.
    pub decision: Decision,
    /// Whether that depends on the arguments.
    pub conditional: bool,
}

impl Rights {
    /// What any of these allows; of none, nothing.
    #[must_use]
    pub fn new(any: Vec<Arc<Access>>) -> Self {
        Self { any, settled: ArcSwapOption::empty() }
    }

    fn settled<'a, I: Iterator<Item = Facts<'a>>>(
        &self,
        generation: u64,
        tools: impl Fn() -> I,
    ) -> Guard<Option<Arc<Settled>>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let kept = self.settled.load();
        if kept.as_ref().is_some_and(|settled| settled.generation == generation) {
            return kept;
        }
        let verdicts = self.any.iter().map(|access| Verdicts::of(access, tools())).collect();
        let view = NEXT.fetch_add(1, Ordering::Relaxed);
        let new = Arc::new(Settled { view, generation, verdicts });
        self.settled.store(Some(new.clone()));
        Guard::from_inner(Some(new))
    }

    /// A number for what may be used of one generation of tools: another one when that may be something else.
    pub fn view<'a, I: Iterator<Item = Facts<'a>>>(
        &self,
        generation: u64,
        tools: impl Fn() -> I,
    ) -> Option<u64> {
        self.settled(generation, tools).as_ref().map(|settled| settled.view)
    }

    /// Whether the tool at `place` among `tools` may be used. The tools are those of the caller's tenant; of one
    /// generation they are always the same ones.
    pub fn rule<'a, I: Iterator<Item = Facts<'a>>>(
        &self,
        generation: u64,
        place: usize,
        tools: impl Fn() -> I,
    ) -> Ruling {
        let settled = self.settled(generation, tools);
        let verdicts = settled.as_ref().map_or(&[][..], |settled| &settled.verdicts);
        let each = || self.any.iter().zip(verdicts).map(|(access, verdicts)| (access, verdicts.get(place)));
        let allowing = || each().filter(|(_, verdict)| verdict.allowed());
        // One that does not look at the arguments, rather than one that does.
        let best = allowing().find(|(_, verdict)| !verdict.conditional()).or_else(|| allowing().next());
        match best.or_else(|| each().next()) {
            Some((access, verdict)) => {
                let conditional = verdict.allowed() && verdict.conditional();
                Ruling { decision: verdict.decision(access), conditional }
            }
            None => Ruling { decision: Decision::Denied { rule: "no rights".into() }, conditional: false },
        }
    }

    /// Whether a tool that may be used under conditions may be used with these arguments.
    #[must_use]
    pub fn check_arguments(
        &self,
        facts: &Facts<'_>,
        caller: &str,
        tenant: &str,
        arguments: &Value,
    ) -> Decision {
        let allowing = self.any.iter().filter(|access| access.decide(facts).is_allowed());
        let mut last = Decision::Denied { rule: "no rights".into() };
        for access in allowing {
            last = access.check_arguments(facts, caller, tenant, arguments);
            if last.is_allowed() {
                break;
            }
        }
        last
    }

    /// Each of them, for `explain`.
    pub fn each(&self) -> impl Iterator<Item = &Arc<Access>> {
        self.any.iter()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::access;

    fn rights(each: &[&str]) -> Rights {
        let access = |text: &&str| {
            let raw: access::Access = serde_saphyr::from_str(text).unwrap();
            Arc::new(access::resolve(raw, &super::super::Presets::default(), "k").unwrap())
        };
        Rights::new(each.iter().map(access).collect())
    }

    fn facts(name: &str, read_only: bool) -> Facts<'_> {
        Facts { public_name: name, service: "s", tags: &[], read_only, destructive: false }
    }

    #[test]
    fn what_one_of_them_allows_is_allowed() {
        let rights = rights(&["{ tools: ['s_get'], read_only: true }", "{ tools: ['s_put'] }"]);
        let tools = || [facts("s_get", true), facts("s_put", false), facts("s_drop", false)].into_iter();
        let ruled = |place| {
            let ruling = rights.rule(1, place, tools);
            (ruling.decision.is_allowed(), ruling.decision.rule().to_string())
        };
        assert_eq!(ruled(0), (true, "tools: s_get".into()));
        assert_eq!(ruled(1), (true, "tools: s_put".into()));
        assert!(!ruled(2).0);
        assert!(!ruled(3).0, "there is no such tool");
    }

    #[test]
    fn a_right_without_conditions_goes_before_one_with() {
        let when = "{ tools: ['*'], when: [{ tools: ['*'], allow: 'args.a == 1' }] }";
        let tools = || [facts("s_get", true)].into_iter();
        assert!(!rights(&[when, "{ tools: ['*'] }"]).rule(1, 0, tools).conditional);
        let only = rights(&[when]);
        assert!(only.rule(1, 0, tools).conditional);
        let with = |a: i32| only.check_arguments(&facts("s_get", true), "me", "t", &json!({ "a": a }));
        assert!(with(1).is_allowed());
        assert!(!with(2).is_allowed());
    }

    #[test]
    fn verdicts_about_other_tools_are_not_used() {
        let rights = rights(&["{ tools: ['s_get'] }"]);
        let before = || [facts("s_get", true), facts("s_put", false)].into_iter();
        let after = || [facts("s_put", false), facts("s_get", true)].into_iter();
        for _ in 0..2 {
            // A call that began before the change may be ruled after it, and the other way round.
            assert!(rights.rule(1, 0, before).decision.is_allowed());
            assert!(!rights.rule(2, 0, after).decision.is_allowed());
            assert!(rights.rule(2, 1, after).decision.is_allowed());
        }
    }

    #[test]
    fn no_rights_allow_nothing() {
        assert!(!rights(&[]).rule(1, 0, || [facts("s_get", true)].into_iter()).decision.is_allowed());
    }
}
