//! Who asks, what they may, and the reviews that tell them.

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::cluster::State;
use crate::kinds::Kind;
use crate::route::Target;
use crate::status::{Cause, Outcome, Status};

/// Who asks.
pub const USER: &str = "system:serviceaccount:tools:bulkhead";

/// What the user may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    verb: String,
    resource: String,
    namespace: String,
}

/// What a user wants to do.
struct Wish<'a> {
    verb: &'a str,
    group: &'a str,
    resource: String,
    namespace: &'a str,
    name: &'a str,
}

impl Denial {
    /// `*` is any verb or resource, and an empty namespace is everywhere.
    pub fn new(verb: &str, resource: &str, namespace: &str) -> Self {
        Self { verb: verb.to_owned(), resource: resource.to_owned(), namespace: namespace.to_owned() }
    }

    fn is_of(&self, wish: &Wish<'_>) -> bool {
        let fits = |rule: &str, what: &str| rule == "*" || rule == what;
        fits(&self.verb, wish.verb)
            && fits(&self.resource, &wish.resource)
            && (self.namespace.is_empty() || self.namespace == wish.namespace)
    }
}

/// Whether a token is good, where one is needed.
pub fn authenticate(state: &State, request: &Request) -> Outcome<()> {
    let Some(token) = &state.token else { return Ok(()) };
    let good = request.header("authorization").is_some_and(|header| header == format!("Bearer {token}"));
    if good { Ok(()) } else { Err(Status::unauthorized()) }
}

/// Whether the user may.
pub fn authorize(state: &State, target: &Target, verb: &str) -> Outcome<()> {
    let resource = match &target.subresource {
        Some(part) => format!("{}/{part}", target.kind.plural),
        None => target.kind.plural.to_owned(),
    };
    // A namespace is asked for as if it were within itself.
    let namespace = match (&target.name, target.kind.plural) {
        (Some(name), "namespaces") => name,
        _ => &target.namespace,
    };
    let name = target.name.as_deref().unwrap_or_default();
    let wish = Wish { verb, group: target.kind.group, resource, namespace, name };
    let denied = state.denied.iter().any(|denial| denial.is_of(&wish));
    if denied { Err(Status::forbidden(target.kind, wish.name, &wish.refused())) } else { Ok(()) }
}

impl Wish<'_> {
    fn refused(&self) -> String {
        let place = match self.namespace {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let (verb, resource, group) = (self.verb, &self.resource, self.group);
        format!("User {USER:?} cannot {verb} resource {resource:?} in API group {group:?} {place}")
    }
}

/// Answers a question about what somebody may, or who they are.
pub fn review(state: &State, target: &Target, request: &Request) -> Outcome {
    let mut asked = request.json();
    if !asked.is_object() {
        return Err(Status::bad_request(
            "couldn't get version/kind; json parse error: unexpected end of JSON input",
        ));
    }
    asked["kind"] = target.kind.kind.into();
    asked["apiVersion"] = target.kind.api_version().into();
    if !asked["metadata"].is_object() {
        asked["metadata"] = json!({});
    }
    asked["status"] = match target.kind.kind {
        "SelfSubjectRulesReview" => rules(state, target.kind, &asked["spec"])?,
        "SelfSubjectReview" => {
            json!({ "userInfo": { "username": USER, "groups": ["system:authenticated"] } })
        }
        "TokenReview" => json!({ "authenticated": true, "user": { "username": USER } }),
        "Binding" => return Err(Status::method_not_allowed()),
        _ => access(state, target.kind, &asked["spec"])?,
    };
    Ok(Reply::json(201, &asked))
}

fn access(state: &State, kind: &Kind, spec: &Value) -> Outcome<Value> {
    if spec["nonResourceAttributes"].is_object() {
        return Ok(json!({ "allowed": true, "reason": RULE }));
    }
    let wanted = &spec["resourceAttributes"];
    let word = |field: &str| wanted[field].as_str().unwrap_or_default();
    if !wanted.is_object() {
        let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        return Err(Status::invalid(
            kind,
            "",
            &[Cause::invalid("spec.resourceAttributes", &Value::Null, why)],
        ));
    }
    let resource = match word("subresource") {
        "" => word("resource").to_owned(),
        part => format!("{}/{part}", word("resource")),
    };
    let wish = Wish {
        verb: word("verb"),
        group: word("group"),
        resource,
        namespace: word("namespace"),
        name: word("name"),
    };
    Ok(match state.denied.iter().any(|denial| denial.is_of(&wish)) {
        true => json!({ "allowed": false }),
        false => json!({ "allowed": true, "reason": RULE }),
    })
}

const RULE: &str = "RBAC: allowed by ClusterRoleBinding \"bulkhead\" of ClusterRole \"bulkhead\" to ServiceAccount \
                    \"bulkhead/tools\"";

/// Everything, or what is left of it by name where something is denied.
fn rules(state: &State, kind: &Kind, spec: &Value) -> Outcome<Value> {
    let namespace = spec["namespace"].as_str().unwrap_or_default();
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let verbs = ["get", "list", "watch", "create", "update", "patch", "delete"];
    let resources =
        crate::kinds::KINDS.iter().filter(|known| !known.is_review() && known.group != kind.group);
    let rule = |known: &Kind, resource: String, verbs: &[&str]| {
        let may = |verb: &&&str| {
            let wish = Wish { verb, group: known.group, resource: resource.clone(), namespace, name: "" };
            !state.denied.iter().any(|denial| denial.is_of(&wish))
        };
        let verbs: Vec<&str> = verbs.iter().filter(may).copied().collect();
        let rule = json!({ "verbs": verbs, "apiGroups": [known.group], "resources": [resource] });
        Some(rule).filter(|_| !verbs.is_empty())
    };
    let mut all: Vec<Value> = Vec::new();
    for known in resources {
        all.extend(rule(known, known.plural.to_owned(), &verbs));
        for part in known.subresources.iter().filter(|part| ["log", "scale", "eviction"].contains(part)) {
            let verbs: &[&str] = match *part {
                "log" => &["get"],
                "eviction" => &["create"],
                _ => &["get", "update", "patch"],
            };
            all.extend(rule(known, format!("{}/{part}", known.plural), verbs));
        }
    }
    let paths =
        json!([{ "verbs": ["get"], "nonResourceURLs": ["/api", "/apis", "/livez", "/readyz", "/version"] }]);
    Ok(json!({ "resourceRules": all, "nonResourceRules": paths, "incomplete": false }))
}
