//! What rights allow, end to end; and that every key but the lists only ever takes away.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::*;

pub(crate) fn facts<'a>(public_name: &'a str, tags: &'a [String], read_only: bool) -> Facts<'a> {
    let service = public_name.split('_').next().unwrap_or_default();
    Facts { public_name, service, tags, read_only, destructive: !read_only }
}

/// `"metrics write"` as tags.
pub(crate) fn tags(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

fn globs(words: &[&str]) -> Vec<Glob> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

fn terms(tools: &[&str]) -> Terms {
    Terms { tools: globs(tools), ..Terms::default() }
}

fn condition(tools: &[&str], text: &str) -> (Vec<Glob>, Condition) {
    (globs(tools), Condition::new(text).unwrap())
}

fn oncall() -> Arc<Preset> {
    Preset::new("oncall".into(), globs(&["loki_*"]), Some("logs".parse().unwrap()), true, None).into()
}

#[track_caller]
fn allowed(terms: &Terms, tool: &str, own: &str, read_only: bool, rule: &str) {
    let decision = Access::new(terms.clone()).unwrap().decide(&facts(tool, &tags(own), read_only));
    assert_eq!(decision, Decision::Allowed { rule: rule.into() });
}

#[track_caller]
fn denied(terms: &Terms, tool: &str, own: &str, read_only: bool, rule: &str) {
    let decision = Access::new(terms.clone()).unwrap().decide(&facts(tool, &tags(own), read_only));
    assert_eq!(decision, Decision::Denied { rule: rule.into() });
}

#[test]
fn a_tool_that_nothing_lists_is_denied() {
    denied(&Terms::default(), "time_now", "", true, "tools: no entry matches");
    denied(&terms(&["prometheus_*"]), "time_now", "", true, "tools: no entry matches");
    allowed(&terms(&["a", "prometheus_*"]), "prometheus_query", "", false, "tools: prometheus_*");
}

#[test]
fn every_other_key_takes_away() {
    let deny = Terms { deny_tools: globs(&["*_delete"]), ..terms(&["*"]) };
    denied(&deny, "kubernetes_delete", "", false, "deny_tools: *_delete");
    allowed(&deny, "kubernetes_get", "", false, "tools: *");
    let read_only = Terms { read_only: true, ..terms(&["*"]) };
    denied(&read_only, "kubernetes_get", "", false, "read_only: true");
    allowed(&read_only, "kubernetes_get", "", true, "tools: *");
    let tagged = Terms { tags: Some("metrics and not write".parse().unwrap()), ..terms(&["*"]) };
    denied(&tagged, "a", "metrics write", true, "tags: metrics and not write");
    allowed(&tagged, "a", "metrics", true, "tools: *");
}

#[test]
fn a_preset_lists_what_all_of_its_keys_match() {
    let preset = Terms { presets: vec![oncall()], ..terms(&["time_now"]) };
    allowed(&preset, "loki_query", "logs", true, "presets: oncall");
    denied(&preset, "loki_query", "logs", false, "tools: no entry matches");
    denied(&preset, "loki_query", "", true, "tools: no entry matches");
    allowed(&preset, "time_now", "", false, "tools: time_now");
    let less = Terms { deny_tools: globs(&["loki_query"]), ..preset };
    denied(&less, "loki_query", "logs", true, "deny_tools: loki_query");
}

#[test]
fn conditions_are_asked_of_the_tools_they_are_for() {
    let when = vec![
        condition(&["kubernetes_*"], r#"args.namespace == "dev""#),
        condition(&["*_scale"], "args.replicas <= 3"),
    ];
    let access = Access::new(Terms { when, ..terms(&["*"]) }).unwrap();
    let ask = |tool, arguments| {
        let own = [];
        let decision = access.check_arguments(&facts(tool, &own, true), "ci", "acme", &arguments);
        (decision.is_allowed(), decision.rule().to_string())
    };
    let no = |rule: &str| (false, rule.to_owned());
    assert!(ask("kubernetes_scale", json!({"namespace": "dev", "replicas": 3})).0);
    assert_eq!(
        ask("kubernetes_scale", json!({"namespace": "dev", "replicas": 4})),
        no("when: args.replicas <= 3")
    );
    assert_eq!(ask("kubernetes_get", json!({"namespace": "prod"})), no(r#"when: args.namespace == "dev""#));
    assert_eq!(ask("kubernetes_get", json!({})), no(r#"when: args.namespace == "dev""#));
    assert_eq!(ask("time_now", json!({})), (true, "when: no entry applies".to_owned()));
}

#[test]
fn a_local_user_may_use_everything() {
    let access = Access::everything();
    let decision = access.decide(&facts("any_thing", &[], false));
    assert_eq!(decision, Decision::Allowed { rule: "tools: *".into() });
    assert!(!access.is_conditional(&facts("any_thing", &[], false)));
}

#[test]
fn a_verdict_is_the_decision() {
    let when = vec![condition(&["b_*"], "true")];
    let access = Access::new(Terms { deny_tools: globs(&["*_x"]), when, ..terms(&["a_*", "b_*"]) }).unwrap();
    let own = tags("");
    let tools = ["a_x", "a_y", "b_y", "c_y"].map(|name| facts(name, &own, true));
    let verdicts = Verdicts::of(&access, tools);
    for (place, facts) in tools.iter().enumerate() {
        assert_eq!(verdicts.get(place).decision(&access), access.decide(facts), "{}", facts.public_name);
    }
    assert_eq!([0, 1, 2, 3].map(|place| verdicts.get(place).conditional()), [false, false, true, false]);
    let beyond = verdicts.get(4);
    assert!(!beyond.allowed() && !beyond.conditional());
}

#[test]
fn more_rules_than_can_be_numbered_are_refused() {
    let many = vec!["a"; verdicts::MOST_RULES];
    assert!(Access::new(terms(&many)).unwrap_err().contains("at most 16384 can be kept"));
}

#[test]
fn an_explanation_is_what_is_enforced() {
    let when = vec![condition(&["loki_*"], r#"args.tenant == "dev""#)];
    let terms = Terms { presets: vec![oncall()], when, read_only: true, ..terms(&["time_*"]) };
    let access = Access::new(terms).unwrap();
    let narrowing = Narrowing::parse("tags=logs", &Presets::new()).unwrap();
    let view = View { access: &access, narrowing: &narrowing };
    let own = tags("logs");
    let arguments = json!({"tenant": "prod"});
    let explained = Explanation::new(view, &facts("loki_query", &own, true), "ci", "acme", Some(&arguments));
    assert_eq!(
        explained.to_string(),
        r#"REFUSED  loki_query for `ci` of tenant `acme`
  rule        when: args.tenant == "dev"
  passes      read_only: true
  passes      presets: oncall
  passes      ?tags=logs
  refuses     when: args.tenant == "dev" (it is false)"#
    );
    let explained = Explanation::new(view, &facts("loki_write", &own, false), "ci", "acme", None);
    assert_eq!(
        json!(explained),
        json!({
            "caller": "ci", "tenant": "acme", "tool": "loki_write", "allowed": false, "rule": "read_only: true",
            "steps": [
                {"rule": "read_only: true", "passed": false},
                {
                    "rule": "tools: no entry matches", "passed": false,
                    "detail": "nor is it in preset oncall (read_only: true)"
                },
                {"rule": "?tags=logs", "passed": true},
                {"rule": "when: args.tenant == \"dev\"", "detail": "give arguments to ask it"},
            ],
            "hint": "to allow it, add \"loki_write\" to the caller's `tools`",
        })
    );
}

fn some_globs() -> impl Strategy<Value = Vec<Glob>> {
    prop::collection::vec("[ab*]{1,3}".prop_map(|text| text.parse().unwrap()), 0..3)
}

fn some_tags() -> impl Strategy<Value = Option<TagExpression>> {
    let expressions = ["x", "not x", "x or y", "x and not y"].map(|text| text.parse().unwrap());
    prop::option::of(prop::sample::select(expressions.to_vec()))
}

/// Reading an expression takes a thread, so it is done once.
static CONDITIONS: LazyLock<[(Vec<Glob>, Condition); 3]> = LazyLock::new(|| {
    [condition(&["a*"], "args.n > 1"), condition(&["*"], "args.n < 3"), condition(&["b"], "args.m")]
});

fn some_conditions() -> impl Strategy<Value = Vec<(Vec<Glob>, Condition)>> {
    prop::sample::subsequence(CONDITIONS.to_vec(), 0..=3)
}

prop_compose! {
    fn some_terms()(
        tools in some_globs(), preset in some_globs(), preset_tags in some_tags(), preset_reads in any::<bool>(),
        deny_tools in some_globs(), tags in some_tags(), read_only in any::<bool>(), when in some_conditions(),
    ) -> Terms {
        let preset = Preset::new("p".into(), preset, preset_tags, preset_reads, None);
        Terms { tools, presets: vec![preset.into()], deny_tools, tags, read_only, when }
    }
}

proptest! {
    #[test]
    fn a_restriction_never_allows_more(
        terms in some_terms(), more in some_globs(), tags in some_tags(), conditions in some_conditions(),
        n in 0..4,
        name in "[ab]{0,3}", own in prop::sample::subsequence(vec!["x", "y"], 0..=2), reads in any::<bool>(),
    ) {
        let own: Vec<String> = own.into_iter().map(str::to_owned).collect();
        let facts = facts(&name, &own, reads);
        let allows = |terms: Terms| {
            let access = Access::new(terms).unwrap();
            access.decide(&facts).is_allowed()
                && access.check_arguments(&facts, "c", "t", &json!({"n": n})).is_allowed()
        };
        let before = allows(terms.clone());
        let when = terms.when.iter().cloned().chain(conditions).collect();
        let deny_tools = terms.deny_tools.iter().chain(&more).cloned().collect();
        let narrower = [
            Terms { deny_tools, ..terms.clone() },
            Terms { read_only: true, ..terms.clone() },
            Terms { tags: terms.tags.clone().or(tags), ..terms.clone() },
            Terms { tools: Vec::new(), ..terms.clone() },
            Terms { presets: Vec::new(), ..terms.clone() },
            Terms { when, ..terms },
        ];
        for terms in narrower {
            prop_assert!(before || !allows(terms));
        }
    }

    #[test]
    fn a_view_never_allows_more_than_the_right(
        terms in some_terms(), query in "(tools=[ab*]{1,3})?(&tags=(x|-x|x,y))?(&preset=p)?",
        name in "[ab]{0,3}", own in prop::sample::subsequence(vec!["x", "y"], 0..=2), reads in any::<bool>(),
    ) {
        let own: Vec<String> = own.into_iter().map(str::to_owned).collect();
        let facts = facts(&name, &own, reads);
        let presets = [("p".to_owned(), Preset::new("p".into(), globs(&["a*"]), None, true, None).into())].into();
        let narrowing = Narrowing::parse(query.trim_start_matches('&'), &presets).unwrap();
        let access = Access::new(terms).unwrap();
        let view = View { access: &access, narrowing: &narrowing };
        let decision = view.decide(&facts);
        let allowed = decision.is_allowed();
        prop_assert_eq!(allowed, access.decide(&facts).is_allowed() && narrowing.selects(&facts));
        let explained = Explanation::new(view, &facts, "c", "t", None);
        prop_assert_eq!(explained.allowed, allowed);
        prop_assert_eq!(explained.rule.as_str(), decision.rule().as_ref());
        let verdict = Verdicts::of(&access, [facts]).get(0);
        prop_assert_eq!(verdict.decision(&access), access.decide(&facts));
    }
}
