//! What there is, in the old documents and in the aggregated one.

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::cluster::Metrics;
use crate::kinds::{self, KINDS, Kind};

/// The name is `APIGroupDiscoveryList` either way.
fn aggregated(request: &Request) -> Option<&'static str> {
    let accept = request.header("accept").unwrap_or_default();
    let accepted = accept.split(',').map(|one| one.split(';').map(str::trim).collect::<Vec<_>>());
    accepted.filter(|parts| parts.contains(&"as=APIGroupDiscoveryList")).find_map(|parts| {
        let version =
            ["v2", "v2beta1"].into_iter().find(|version| parts.contains(&&*format!("v={version}")))?;
        parts.contains(&"g=apidiscovery.k8s.io").then_some(version)
    })
}

/// `/api`.
pub fn core(request: &Request) -> Reply {
    match aggregated(request) {
        Some(version) => discovered(version, &[discovered_group("", &["v1"], true)]),
        None => Reply::json(
            200,
            &json!({
                "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": "10.0.0.1:6443" }],
            }),
        ),
    }
}

/// `/apis`.
pub fn groups(request: &Request, metrics: Metrics) -> Reply {
    let mut groups = kinds::groups();
    groups.retain(|(group, _)| metrics != Metrics::Absent || *group != "metrics.k8s.io");
    match aggregated(request) {
        Some(version) => {
            let fresh = |group: &str| metrics == Metrics::Served || group != "metrics.k8s.io";
            let all: Vec<Value> = groups
                .iter()
                .map(|(group, versions)| discovered_group(group, versions, fresh(group)))
                .collect();
            discovered(version, &all)
        }
        None => {
            let all: Vec<Value> =
                groups.iter().map(|(group, versions)| group_document(group, versions)).collect();
            Reply::json(200, &json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": all }))
        }
    }
}

/// `/apis/{group}`.
pub fn group(group: &str) -> Reply {
    let Some((group, versions)) = kinds::groups().into_iter().find(|(known, _)| *known == group) else {
        return Reply::text(404, "404 page not found\n");
    };
    let mut document = group_document(group, &versions);
    document["kind"] = "APIGroup".into();
    document["apiVersion"] = "v1".into();
    Reply::json(200, &document)
}

fn group_document(group: &str, versions: &[&str]) -> Value {
    let version =
        |version: &&str| json!({ "groupVersion": format!("{group}/{version}"), "version": version });
    let versions: Vec<Value> = versions.iter().map(version).collect();
    json!({ "name": group, "preferredVersion": versions.first(), "versions": versions })
}

/// `/api/v1`, `/apis/{group}/{version}`.
pub fn resources(group: &str, version: &str) -> Reply {
    let mut resources = Vec::new();
    let mut name = String::new();
    for kind in KINDS.iter().filter(|kind| kind.group == group && kind.version == version) {
        name = kind.api_version();
        let mut resource = json!({
            "name": kind.plural, "singularName": singular(kind), "namespaced": kind.namespaced, "kind": kind.kind,
            "verbs": kind.verbs(),
        });
        for (field, words) in [("shortNames", &kind.short), ("categories", &kind.categories)] {
            if !words.is_empty() {
                resource[field] = json!(words);
            }
        }
        resources.push(resource);
        for part in &kind.subresources {
            let (group, version, answer) = answer(kind, part);
            let mut resource = json!({
                "name": format!("{}/{part}", kind.plural), "singularName": "", "namespaced": kind.namespaced,
                "kind": answer, "verbs": part_verbs(part),
            });
            if (group, version) != (kind.group, kind.version) {
                resource["group"] = group.into();
                resource["version"] = version.into();
            }
            resources.push(resource);
        }
    }
    let list = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources,
    });
    Reply::json(200, &list)
}

fn discovered(version: &str, groups: &[Value]) -> Reply {
    let list = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"), "metadata": {},
        "items": groups,
    });
    let kind = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    Reply::new(200, &kind, list.to_string())
}

fn discovered_group(group: &str, versions: &[&str], fresh: bool) -> Value {
    let version = |version: &&str| {
        let of = |kind: &&'static Kind| fresh && kind.group == group && kind.version == *version;
        let resources: Vec<Value> = KINDS.iter().filter(of).map(discovered_resource).collect();
        let freshness = if fresh { "Current" } else { "Stale" };
        json!({ "version": version, "resources": resources, "freshness": freshness })
    };
    let versions: Vec<Value> = versions.iter().map(version).collect();
    let metadata = if group.is_empty() { json!({}) } else { json!({ "name": group }) };
    json!({ "metadata": metadata, "versions": versions })
}

fn discovered_resource(kind: &'static Kind) -> Value {
    let gvk = |(group, version, kind): (&str, &str, &str)| json!({ "group": group, "version": version, "kind": kind });
    let part = |part: &&str| json!({ "subresource": part, "responseKind": gvk(answer(kind, part)), "verbs": part_verbs(part) });
    let mut resource = json!({
        "resource": kind.plural, "responseKind": gvk((kind.group, kind.version, kind.kind)),
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": singular(kind), "verbs": kind.verbs(),
    });
    for (field, words) in [("shortNames", &kind.short), ("categories", &kind.categories)] {
        if !words.is_empty() {
            resource[field] = json!(words);
        }
    }
    if !kind.subresources.is_empty() {
        resource["subresources"] = kind.subresources.iter().map(part).collect();
    }
    resource
}

/// The metrics server leaves it out.
fn singular(kind: &Kind) -> String {
    if kind.is_measured() { String::new() } else { kind.kind.to_lowercase() }
}

/// The group, version and kind of a part.
fn answer(kind: &'static Kind, part: &str) -> (&'static str, &'static str, &'static str) {
    let own = |name| (kind.group, kind.version, name);
    match (part, kind.kind) {
        ("scale", _) => ("autoscaling", "v1", "Scale"),
        ("eviction", _) => ("policy", "v1", "Eviction"),
        ("token", _) => ("authentication.k8s.io", "v1", "TokenRequest"),
        ("binding", _) => own("Binding"),
        ("attach", _) => own("PodAttachOptions"),
        ("exec", _) => own("PodExecOptions"),
        ("portforward", _) => own("PodPortForwardOptions"),
        ("proxy", "Pod") => own("PodProxyOptions"),
        ("proxy", "Service") => own("ServiceProxyOptions"),
        ("proxy", _) => own("NodeProxyOptions"),
        (_, name) => own(name),
    }
}

fn part_verbs(part: &str) -> &'static [&'static str] {
    match part {
        "log" => &["get"],
        "eviction" | "binding" | "token" => &["create"],
        "attach" | "exec" | "portforward" => &["create", "get"],
        "proxy" => &["create", "delete", "get", "patch", "update"],
        "finalize" => &["update"],
        _ => &["get", "patch", "update"],
    }
}
