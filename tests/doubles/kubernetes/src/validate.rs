//! What an object has to be, what may not change of it, and what it is given where it says nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::kinds::Kind;
use crate::labels::Selector;
use crate::status::{Cause, Outcome, Status};

/// Fills in what is left out.
pub fn defaults(kind: &Kind, object: &mut Value) {
    let template = object.get("spec").is_some_and(|spec| spec["template"]["spec"].is_object());
    if template && ["apps", "batch"].contains(&kind.group) {
        pod(&mut object["spec"]["template"]["spec"], kind.kind == "Job");
    }
    let spec: &[(&str, Value)] = &match kind.kind {
        "Deployment" => vec![
            ("replicas", json!(1)),
            ("revisionHistoryLimit", json!(10)),
            ("progressDeadlineSeconds", json!(600)),
            (
                "strategy",
                json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } }),
            ),
        ],
        "ReplicaSet" | "StatefulSet" => vec![("replicas", json!(1))],
        "Service" => vec![
            ("type", json!("ClusterIP")),
            ("clusterIP", json!("10.96.77.7")),
            ("sessionAffinity", json!("None")),
        ],
        "Namespace" => vec![("finalizers", json!(["kubernetes"]))],
        _ => Vec::new(),
    };
    for (field, value) in spec {
        if object["spec"][*field].is_null() {
            object["spec"][*field] = value.clone();
        }
    }
    let status = match kind.kind {
        "Namespace" => json!({ "phase": "Active" }),
        "Pod" => json!({ "phase": "Pending", "qosClass": "BestEffort" }),
        "PersistentVolumeClaim" => json!({ "phase": "Pending" }),
        "ReplicaSet" | "StatefulSet" => json!({ "replicas": 0 }),
        "Service" => json!({ "loadBalancer": {} }),
        _ => Value::Null,
    };
    if object["status"].is_null() {
        object.as_object_mut().map(|fields| fields.remove("status"));
        if !status.is_null() {
            object["status"] = status;
        }
    }
    match kind.kind {
        "Pod" => pod(&mut object["spec"], false),
        "Secret" => secret(object),
        "Namespace" => {
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = object["metadata"]["name"].clone();
        }
        _ => {}
    }
}

fn pod(spec: &mut Value, once: bool) {
    let restart = if once { Value::Null } else { json!("Always") };
    let fields = [
        ("restartPolicy", restart),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("terminationGracePeriodSeconds", json!(30)),
    ];
    for (field, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
        if spec[field].is_null() {
            spec[field] = value;
        }
    }
    for container in spec["containers"].as_array_mut().into_iter().flatten() {
        for port in container["ports"].as_array_mut().into_iter().flatten() {
            if port["protocol"].is_null() {
                port["protocol"] = "TCP".into();
            }
        }
        // Looking for a list has put a null there.
        if let Some(fields) = container.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
    }
}

/// What is said in plain is kept encoded.
fn secret(object: &mut Value) {
    if object["type"].is_null() {
        object["type"] = "Opaque".into();
    }
    let Some(fields) = object.as_object_mut() else { return };
    let Some(Value::Object(plain)) = fields.remove("stringData") else { return };
    for (key, value) in plain {
        let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
        fields.entry("data").or_insert_with(|| json!({}))[key] = encoded.into();
    }
}

/// Whether a new object may be.
pub fn new(kind: &Kind, object: &Value) -> Outcome<()> {
    refused(kind, object, &causes(kind, object))
}

/// Whether an object may change like this.
pub fn changed(kind: &Kind, old: &Value, new: &Value) -> Outcome<()> {
    let mut causes = causes(kind, new);
    let fixed: &[&str] = match kind.kind {
        "Deployment" | "ReplicaSet" | "DaemonSet" => &["selector"],
        "Job" => &["selector", "template", "completions"],
        _ => &[],
    };
    for field in fixed.iter().filter(|field| old["spec"][**field] != new["spec"][**field]) {
        causes.push(Cause::invalid(&format!("spec.{field}"), &new["spec"][*field], "field is immutable"));
    }
    if kind.kind == "StatefulSet" && set_differs(old, new) {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                   'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                   'minReadySeconds' are forbidden";
        causes.push(Cause::forbidden("spec", why));
    }
    if kind.kind == "Pod" && pod_differs(old, new) {
        let why = "pod updates may not change fields other than `spec.containers[*].image`, \
                   `spec.initContainers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to \
                   existing tolerations), `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                   previously negative)";
        causes.push(Cause::forbidden("spec", why));
    }
    if old["immutable"] == true {
        let fields = ["data", "binaryData"].into_iter().filter(|field| old[*field] != new[*field]);
        causes.extend(
            fields.map(|field| Cause::forbidden(field, "field is immutable when `immutable` is set")),
        );
    }
    refused(kind, new, &causes)
}

/// A custom object is changed only by who has seen it.
pub fn no_version(kind: &Kind, name: &str) -> Status {
    let cause = Cause::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
    Status::invalid(kind, name, &[cause])
}

fn refused(kind: &Kind, object: &Value, causes: &[Cause]) -> Outcome<()> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if causes.is_empty() { Ok(()) } else { Err(Status::invalid(kind, name, causes)) }
}

const NAME: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                    must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

fn causes(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = &object["metadata"]["name"];
    match name.as_str().unwrap_or_default() {
        "" => causes.push(Cause::required("metadata.name", "name or generateName is required")),
        text if !subdomain(text) && kind.group != "rbac.authorization.k8s.io" => {
            causes.push(Cause::invalid("metadata.name", name, NAME));
        }
        _ => {}
    }
    let spec = &object["spec"];
    if spec["replicas"].as_i64().is_some_and(|replicas| replicas < 0) {
        causes.push(Cause::invalid("spec.replicas", &spec["replicas"], "must be greater than or equal to 0"));
    }
    match kind.kind {
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" => {
            selected(spec, &mut causes);
            containers(&spec["template"]["spec"], "spec.template.spec", &mut causes);
        }
        "Job" => containers(&spec["template"]["spec"], "spec.template.spec", &mut causes),
        "Pod" => containers(spec, "spec", &mut causes),
        "Service" if spec["ports"].as_array().is_none_or(Vec::is_empty) && spec["clusterIP"] != "None" => {
            causes.push(Cause::required("spec.ports", ""));
        }
        _ => {}
    }
    causes
}

fn subdomain(name: &str) -> bool {
    let letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let part = |part: &str| {
        part.starts_with(letter)
            && part.ends_with(letter)
            && part.chars().all(|one| letter(one) || one == '-')
    };
    name.len() <= 253 && name.split('.').all(part)
}

fn selected(spec: &Value, causes: &mut Vec<Cause>) {
    match Selector::of(&spec["selector"]).filter(|selector| !selector.is_empty()) {
        None => causes.push(Cause::required("spec.selector", "")),
        Some(selector) if !selector.matches(&spec["template"]) => {
            let labels = &spec["template"]["metadata"]["labels"];
            let why = "`selector` does not match template `labels`";
            causes.push(Cause::invalid("spec.template.metadata.labels", labels, why));
        }
        Some(_) => {}
    }
}

fn containers(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    let all = spec["containers"].as_array().map_or(&[][..], Vec::as_slice);
    if all.is_empty() {
        causes.push(Cause::required(&format!("{at}.containers"), ""));
    }
    for (place, container) in all.iter().enumerate() {
        for field in ["name", "image"] {
            if container[field].as_str().unwrap_or_default().is_empty() {
                causes.push(Cause::required(&format!("{at}.containers[{place}].{field}"), ""));
            }
        }
        let policies = ["Always", "IfNotPresent", "Never"];
        let policy = &container["imagePullPolicy"];
        if policy.as_str().is_some_and(|word| !policies.contains(&word)) {
            let field = format!("{at}.containers[{place}].imagePullPolicy");
            causes.push(Cause::unsupported(&field, policy, &policies));
        }
    }
}

fn set_differs(old: &Value, new: &Value) -> bool {
    let free = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    without(old, &free) != without(new, &free)
}

fn pod_differs(old: &Value, new: &Value) -> bool {
    let free = ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"];
    let images = |object: &Value| {
        let mut spec = without(object, &free);
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                container["image"] = Value::Null;
            }
        }
        spec
    };
    images(old) != images(new)
}

fn without(object: &Value, free: &[&str]) -> Value {
    let fields = object["spec"].as_object().into_iter().flatten();
    let fields = fields.filter(|(field, _)| !free.contains(&field.as_str()));
    fields.map(|(field, value)| (field.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
}
