//! The columns of each kind's table.

use serde_json::Value;

use crate::kinds::Kind;
use crate::{clock, pods};

/// A column, and how a cell of it is made of an object and the time.
pub struct Column {
    /// Its head.
    pub name: &'static str,
    /// `string` or `integer`.
    pub kind: &'static str,
    /// Above zero only for those who ask for all.
    pub priority: u8,
    /// Of an object, now.
    pub cell: fn(&Value, f64) -> Value,
}

const fn text(name: &'static str, cell: fn(&Value, f64) -> Value) -> Column {
    Column { name, kind: "string", priority: 0, cell }
}

const fn wide(name: &'static str, cell: fn(&Value, f64) -> Value) -> Column {
    Column { name, kind: "string", priority: 1, cell }
}

const fn count(name: &'static str, cell: fn(&Value, f64) -> Value) -> Column {
    Column { name, kind: "integer", priority: 0, cell }
}

const NAME: Column = text("Name", |object, _| object["metadata"]["name"].clone());
const AGE: Column = text("Age", |object, now| since(&object["metadata"]["creationTimestamp"], now));

/// Of a kind; name and age, if it has none of its own.
pub fn of(kind: &Kind) -> &'static [Column] {
    let known = OWN.iter().find(|(name, _)| *name == kind.kind && !kind.is_measured());
    known.map_or(&[NAME, AGE], |(_, columns)| columns)
}

const OWN: &[(&str, &[Column])] = &[
    ("Pod", PODS),
    ("Deployment", DEPLOYMENTS),
    ("ReplicaSet", REPLICA_SETS),
    ("Node", NODES),
    ("Service", SERVICES),
    ("Event", EVENTS),
];

const PODS: &[Column] = &[
    NAME,
    text("Ready", |pod, _| {
        let statuses = pod["status"]["containerStatuses"].as_array();
        let ready = statuses.map_or(0, |all| all.iter().filter(|one| one["ready"] == true).count());
        let all = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
        format!("{ready}/{all}").into()
    }),
    text("Status", |pod, _| pods::status(pod).into()),
    text("Restarts", |pod, now| pods::restarts(pod, now).into()),
    AGE,
    wide("IP", |pod, _| or(&pod["status"]["podIP"], "<none>")),
    wide("Node", |pod, _| or(&pod["spec"]["nodeName"], "<none>")),
    wide("Nominated Node", |pod, _| or(&pod["status"]["nominatedNodeName"], "<none>")),
    wide("Readiness Gates", |_, _| "<none>".into()),
];

const DEPLOYMENTS: &[Column] = &[
    NAME,
    text("Ready", |object, _| {
        let (ready, wanted) =
            (number(&object["status"]["readyReplicas"]), number(&object["spec"]["replicas"]));
        format!("{ready}/{wanted}").into()
    }),
    count("Up-to-date", |object, _| number(&object["status"]["updatedReplicas"]).into()),
    count("Available", |object, _| number(&object["status"]["availableReplicas"]).into()),
    AGE,
    wide("Containers", |object, _| containers(object, "name")),
    wide("Images", |object, _| containers(object, "image")),
    wide("Selector", |object, _| pairs(&object["spec"]["selector"]["matchLabels"])),
];

const REPLICA_SETS: &[Column] = &[
    NAME,
    count("Desired", |object, _| number(&object["spec"]["replicas"]).into()),
    count("Current", |object, _| number(&object["status"]["replicas"]).into()),
    count("Ready", |object, _| number(&object["status"]["readyReplicas"]).into()),
    AGE,
    wide("Containers", |object, _| containers(object, "name")),
    wide("Images", |object, _| containers(object, "image")),
    wide("Selector", |object, _| pairs(&object["spec"]["selector"]["matchLabels"])),
];

const NODES: &[Column] = &[
    NAME,
    text("Status", |node, _| {
        let conditions = node["status"]["conditions"].as_array();
        let ready = conditions.and_then(|all| all.iter().find(|one| one["type"] == "Ready"));
        let ready = match ready.map(|one| one["status"] == "True") {
            Some(true) => "Ready",
            Some(false) => "NotReady",
            None => "Unknown",
        };
        let closed = if node["spec"]["unschedulable"] == true { ",SchedulingDisabled" } else { "" };
        format!("{ready}{closed}").into()
    }),
    text("Roles", |node, _| {
        let labels = node["metadata"]["labels"].as_object();
        let role = |label: &String| label.strip_prefix("node-role.kubernetes.io/").map(str::to_owned);
        let roles: Vec<String> = labels.into_iter().flatten().filter_map(|(label, _)| role(label)).collect();
        if roles.is_empty() { "<none>".into() } else { roles.join(",").into() }
    }),
    AGE,
    text("Version", |node, _| node["status"]["nodeInfo"]["kubeletVersion"].clone()),
    wide("Internal-IP", |node, _| address(node, "InternalIP")),
    wide("External-IP", |node, _| address(node, "ExternalIP")),
    wide("OS-Image", |node, _| node["status"]["nodeInfo"]["osImage"].clone()),
    wide("Kernel-Version", |node, _| node["status"]["nodeInfo"]["kernelVersion"].clone()),
    wide("Container-Runtime", |node, _| node["status"]["nodeInfo"]["containerRuntimeVersion"].clone()),
];

const SERVICES: &[Column] = &[
    NAME,
    text("Type", |service, _| or(&service["spec"]["type"], "ClusterIP")),
    text("Cluster-IP", |service, _| or(&service["spec"]["clusterIP"], "<none>")),
    text("External-IP", |service, _| match service["spec"]["type"].as_str() {
        Some("LoadBalancer") => or(&service["status"]["loadBalancer"]["ingress"][0]["ip"], "<pending>"),
        Some("ExternalName") => or(&service["spec"]["externalName"], "<none>"),
        _ => "<none>".into(),
    }),
    text("Port(s)", |service, _| {
        let port = |port: &Value| {
            let node = port["nodePort"].as_i64().map_or(String::new(), |node| format!(":{node}"));
            format!("{}{node}/{}", port["port"], port["protocol"].as_str().unwrap_or("TCP"))
        };
        let ports: Vec<String> =
            service["spec"]["ports"].as_array().into_iter().flatten().map(port).collect();
        if ports.is_empty() { "<none>".into() } else { ports.join(",").into() }
    }),
    AGE,
    wide("Selector", |service, _| pairs(&service["spec"]["selector"])),
];

const EVENTS: &[Column] = &[
    text("Last Seen", |event, now| since(last_seen(event), now)),
    text("Type", |event, _| event["type"].clone()),
    text("Reason", |event, _| event["reason"].clone()),
    text("Object", |event, _| {
        let about = about(event);
        let kind = about["kind"].as_str().unwrap_or_default().to_lowercase();
        format!("{kind}/{}", about["name"].as_str().unwrap_or_default()).into()
    }),
    wide("Subobject", |event, _| or(&about(event)["fieldPath"], "")),
    wide("Source", |event, _| or(&event["source"]["component"], "")),
    text("Message", |event, _| or(&event["message"], event["note"].as_str().unwrap_or_default())),
    wide("First Seen", |event, now| since(&event["firstTimestamp"], now)),
    Column { priority: 1, ..count("Count", |event, _| number(&event["count"]).into()) },
    Column { priority: 1, ..NAME },
];

fn about(event: &Value) -> &Value {
    [&event["involvedObject"], &event["regarding"]]
        .into_iter()
        .find(|one| !one.is_null())
        .unwrap_or(&Value::Null)
}

fn last_seen(event: &Value) -> &Value {
    let times = [&event["series"]["lastObservedTime"], &event["lastTimestamp"], &event["eventTime"]];
    times.into_iter().find(|time| time.is_string()).unwrap_or(&Value::Null)
}

fn since(time: &Value, now: f64) -> Value {
    match time.as_str().and_then(clock::parse) {
        Some(time) => clock::age(now - time).into(),
        None => "<unknown>".into(),
    }
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn or(value: &Value, other: &str) -> Value {
    if value.is_string() { value.clone() } else { other.into() }
}

fn containers(object: &Value, field: &str) -> Value {
    let all = object["spec"]["template"]["spec"]["containers"].as_array();
    let each: Vec<&str> = all.into_iter().flatten().filter_map(|one| one[field].as_str()).collect();
    each.join(",").into()
}

fn pairs(labels: &Value) -> Value {
    let pairs: Vec<String> = labels
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if pairs.is_empty() { "<none>".into() } else { pairs.join(",").into() }
}

fn address(node: &Value, kind: &str) -> Value {
    let all = node["status"]["addresses"].as_array();
    let found = all.and_then(|all| all.iter().find(|one| one["type"] == kind));
    found.map_or_else(|| "<none>".into(), |one| one["address"].clone())
}
