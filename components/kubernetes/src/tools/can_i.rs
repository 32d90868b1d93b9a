//! `can_i`: what the credential of this service may do.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use crate::Kubernetes;
use crate::api::Api;
use crate::kind::{self, Kind};
use crate::object::flag;

/// The rules that are shown.
const MOST_RULES: usize = 150;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct CanI {
    /// `["delete pods", "patch deployments/scale web", "get /metrics"]`. None: all it may.
    #[schemars(length(max = 20))]
    checks: Option<Vec<String>>,
    /// Default: configured. `*`: in all.
    namespace: Option<String>,
}

returns!(Answers { items: "array" });

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::reads(
            "can_i",
            "Permissions",
            "Whether this service's credential may do things, or all it may do.",
            can_i,
        )
        // Reviews are asked for by POST, and change nothing; kinds are looked up.
        .egress("{config.url}/apis/authorization.k8s.io/v1/*", &["POST"])
        .egress("{config.url}/api", &["GET"])
        .egress("{config.url}/api/*", &["GET"])
        .egress("{config.url}/apis", &["GET"])
        .egress("{config.url}/apis/*/*", &["GET"])
        .output::<Answers>(),
    )
}

async fn can_i(service: &Kubernetes, args: CanI, _: &Call) -> Result<Output> {
    let api = &service.api;
    let checks = args.checks.unwrap_or_default();
    if checks.is_empty() {
        return rules(api, api.one(args.namespace.as_deref())?).await;
    }
    let namespace = api.scope(args.namespace.as_deref()).unwrap_or_default();
    let answers =
        join_all(checks.iter().enumerate().map(|(place, check)| one(api, namespace, place, check))).await;
    let items: Vec<Value> = answers.into_iter().collect::<Result<_>>()?;
    Ok(Output::json(&json!({ "namespace": named(namespace), "items": items })))
}

fn named(namespace: &str) -> &str {
    if namespace.is_empty() { "*" } else { namespace }
}

fn review(plural: &'static str, kind: &'static str) -> Kind {
    Kind::new("authorization.k8s.io", "v1", kind, plural, false)
}

async fn one(api: &Api, namespace: &str, place: usize, check: &str) -> Result<Value> {
    let spec = attributes(api, namespace, check).await.map_err(|error| match error {
        Error::InvalidArguments(why) => Error::invalid(
            &format!("checks[{place}]"),
            why.trim_start_matches("arguments.").trim_start_matches("arguments: "),
        ),
        other => other,
    })?;
    let kind = review("selfsubjectaccessreviews", "SelfSubjectAccessReview");
    let body =
        json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec });
    let answer = api.post(kind.at(None), &body, false).await?;
    if answer.pointer("/status/allowed").is_none() {
        return Err(Error::failed("the answer to an access review does not say whether it is allowed"));
    }
    let mut out = json!({ "check": check, "allowed": flag(&answer, "/status/allowed") });
    if let Some(out) = out.as_object_mut() {
        for (name, pointer) in [("reason", "/status/reason"), ("error", "/status/evaluationError")] {
            if !text(&answer, pointer).is_empty() {
                out.insert(name.into(), text(&answer, pointer).into());
            }
        }
    }
    Ok(out)
}

/// What is asked, in the words of a review.
async fn attributes(api: &Api, namespace: &str, check: &str) -> Result<Value> {
    let mut words = check.split_whitespace();
    let (Some(verb), Some(what), name, None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Error::invalid(
            "",
            format!("`{check}` is no check: expected `VERB KIND[/SUBRESOURCE] [NAME]` or `VERB /path`"),
        ));
    };
    if what.starts_with('/') {
        return Ok(json!({ "nonResourceAttributes": { "verb": verb, "path": what } }));
    }
    let (kind, subresource) = what.split_once('/').unwrap_or((what, ""));
    let kind = kind::resolve(api, kind).await?;
    let namespace = if kind.namespaced { namespace } else { "" };
    Ok(json!({ "resourceAttributes": {
        "verb": verb, "group": kind.group, "version": kind.version, "resource": kind.plural, "subresource": subresource,
        "namespace": namespace, "name": name.unwrap_or_default(),
    } }))
}

/// All that is allowed in a namespace, as far as the server's authorizers can say.
async fn rules(api: &Api, namespace: &str) -> Result<Output> {
    let kind = review("selfsubjectrulesreviews", "SelfSubjectRulesReview");
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": { "namespace": namespace },
    });
    let answer = api.post(kind.at(None), &body, false).await?;
    if answer.pointer("/status/resourceRules").is_none() {
        return Err(Error::failed("the answer to a rules review has no rules"));
    }
    let mut items: Vec<Value> = list(&answer, "/status/resourceRules").iter().map(rule).collect();
    items.extend(
        list(&answer, "/status/nonResourceRules")
            .iter()
            .map(|rule| json!({ "verbs": words(rule, "/verbs"), "paths": words(rule, "/nonResourceURLs") })),
    );
    let left = items.len().saturating_sub(MOST_RULES);
    items.truncate(MOST_RULES);
    let mut out = json!({ "namespace": namespace, "items": items });
    if let (true, Some(out)) = (left > 0, out.as_object_mut()) {
        out.insert("left_out".into(), format!("{left} more rules: ask with `checks`").into());
    }
    if let (true, Some(out)) = (flag(&answer, "/status/incomplete"), out.as_object_mut()) {
        let why = format!("incomplete: {}", text(&answer, "/status/evaluationError"));
        out.insert("note".into(), format!("{why}. Ask with `checks` to be sure").into());
    }
    Ok(Output::json(&out))
}

fn rule(rule: &Value) -> Value {
    let groups: Vec<&str> = list(rule, "/apiGroups").iter().filter_map(Value::as_str).collect();
    let resources = list(rule, "/resources").iter().filter_map(Value::as_str);
    let group = groups.iter().find(|group| !group.is_empty()).map(|_| groups.join(","));
    let mut out =
        json!({ "verbs": words(rule, "/verbs"), "resources": resources.collect::<Vec<_>>().join(",") });
    if let Some(out) = out.as_object_mut() {
        out.extend(group.map(|group| ("groups".to_owned(), group.into())));
        let names = words(rule, "/resourceNames");
        if !names.is_empty() {
            out.insert("names".into(), names.into());
        }
    }
    out
}

fn words(value: &Value, pointer: &str) -> String {
    list(value, pointer).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}
