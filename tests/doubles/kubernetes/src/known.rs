//! Whether a body is of the kind its path says, and has only fields that there are.

use double_kit::Reply;
use serde_json::Value;

use crate::kinds::Kind;
use crate::options::Unknown;
use crate::status::{Cause, Outcome, Status};

/// The fields of what is written most, by what has them. What is not here is not looked into.
const FIELDS: &[(&str, &str)] = &[
    ("", "apiVersion kind metadata spec status"),
    (
        "metadata",
        "annotations creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generateName generation \
         labels managedFields name namespace ownerReferences resourceVersion selfLink uid",
    ),
    (
        "Deployment.spec",
        "minReadySeconds paused progressDeadlineSeconds replicas revisionHistoryLimit selector strategy template",
    ),
    (
        "StatefulSet.spec",
        "minReadySeconds ordinals persistentVolumeClaimRetentionPolicy podManagementPolicy replicas revisionHistoryLimit \
         selector serviceName template updateStrategy volumeClaimTemplates",
    ),
    ("DaemonSet.spec", "minReadySeconds revisionHistoryLimit selector template updateStrategy"),
    ("template", "metadata spec"),
    (
        "pod",
        "activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy enableServiceLinks \
         ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname hostnameOverride \
         imagePullSecrets initContainers nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName \
         readinessGates resourceClaims resources restartPolicy runtimeClassName schedulerName schedulingGates \
         schedulingGroup securityContext serviceAccount serviceAccountName setHostnameAsFQDN shareProcessNamespace \
         subdomain terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes workloadRef",
    ),
    (
        "container",
        "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy \
         resources restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce \
         terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir",
    ),
];

/// A body says the kind of its path, or nothing.
pub fn typed(kind: &Kind, object: &Value) -> Outcome<()> {
    let word = |field: &str| object[field].as_str().unwrap_or_default();
    let (version, name) = (word("apiVersion"), word("kind"));
    if !version.is_empty() && version != kind.api_version() {
        return Err(Status::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({})",
            kind.api_version()
        )));
    }
    if !name.is_empty() && name != kind.kind {
        return Err(Status::bad_request(format!(
            "{name} in version {:?} cannot be handled as a {}: no kind {name:?} is registered here",
            kind.version, kind.kind
        )));
    }
    let replicas = &object["spec"]["replicas"];
    if !replicas.is_null() && !replicas.is_i64() && !kind.is_custom() {
        return Err(Status::bad_request(format!(
            "{0} in version {1:?} cannot be handled as a {0}: json: cannot unmarshal {2} into Go struct field \
             {0}Spec.spec.replicas of type int32",
            kind.kind,
            kind.version,
            type_of(replicas)
        )));
    }
    Ok(())
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        _ => "number",
    }
}

/// A whole object loses the fields that there are not, or is refused: what is to be said of it.
pub fn check(kind: &Kind, object: &mut Value, then: Unknown) -> Outcome<Vec<String>> {
    known(kind, object, then, |why| {
        Status::bad_request(format!(
            "{0} in version {1:?} cannot be handled as a {0}: {why}",
            kind.kind, kind.version
        ))
    })
}

/// So does what a patch makes of one.
pub fn patched(kind: &Kind, object: &mut Value, then: Unknown) -> Outcome<Vec<String>> {
    known(kind, object, then, |why| {
        let cause = Cause::invalid("patch", &Value::String("{...}".to_owned()), &why);
        Status::invalid_named("", "", "", "", &[cause])
    })
}

fn known(
    kind: &Kind,
    object: &mut Value,
    then: Unknown,
    refused: impl Fn(String) -> Status,
) -> Outcome<Vec<String>> {
    let unknown = unknown(kind, object);
    let told: Vec<String> = unknown.iter().map(|field| format!("unknown field {:?}", field.text())).collect();
    if then == Unknown::Refused && !told.is_empty() {
        return Err(refused(format!("strict decoding error: {}", told.join(", "))));
    }
    for field in &unknown {
        if let Some(Value::Object(fields)) = object.pointer_mut(&field.parent) {
            fields.remove(&field.name);
        }
    }
    Ok(if then == Unknown::Told { told } else { Vec::new() })
}

/// A reply that says what was dropped.
pub fn warned(reply: Reply, warnings: &[String]) -> Reply {
    warnings.iter().fold(reply, |reply, warning| reply.with("warning", &format!("299 - {warning:?}")))
}

/// What is applied never has.
pub fn applied(kind: &Kind, object: &Value) -> Outcome<()> {
    let unknown = unknown(kind, object);
    let Some(field) = unknown.first() else { return Ok(()) };
    let word = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    Err(Status::unknown(&format!(
        "failed to create typed patch object ({}/{}; {}, Kind={}): .{}: field not declared in schema",
        word("namespace"),
        word("name"),
        kind.api_version(),
        kind.kind,
        field.text()
    )))
}

/// A field that there is not: where, and what it is called.
struct Field {
    /// A JSON pointer.
    parent: String,
    name: String,
}

impl Field {
    /// As messages have it: `spec.containers[0].imag`.
    fn text(&self) -> String {
        let mut text = String::new();
        for part in self.parent.split('/').skip(1).chain([self.name.as_str()]) {
            match part.parse::<usize>() {
                Ok(place) => text += &format!("[{place}]"),
                Err(_) if text.is_empty() => part.clone_into(&mut text),
                Err(_) => text += &format!(".{part}"),
            }
        }
        text
    }
}

/// Where there are fields that there are not.
fn unknown(kind: &Kind, object: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    let name = kind.kind;
    let templated = ["Deployment", "StatefulSet", "DaemonSet"].contains(&name);
    if templated || name == "Pod" {
        look("", object, "", &mut found);
    }
    look("metadata", object, "/metadata", &mut found);
    if name == "Pod" {
        pod(object, "/spec", &mut found);
    }
    if templated {
        look(&format!("{name}.spec"), object, "/spec", &mut found);
        look("template", object, "/spec/template", &mut found);
        look("metadata", object, "/spec/template/metadata", &mut found);
        pod(object, "/spec/template/spec", &mut found);
    }
    found
}

fn pod(object: &Value, at: &str, found: &mut Vec<Field>) {
    look("pod", object, at, found);
    for list in ["containers", "initContainers"] {
        let at = format!("{at}/{list}");
        let count = object.pointer(&at).and_then(Value::as_array).map_or(0, Vec::len);
        (0..count).for_each(|place| look("container", object, &format!("{at}/{place}"), found));
    }
}

fn look(what: &str, object: &Value, at: &str, found: &mut Vec<Field>) {
    let known = FIELDS.iter().find(|(name, _)| *name == what).map_or("", |(_, fields)| fields);
    let fields = object.pointer(at).and_then(Value::as_object).into_iter().flatten();
    let unknown = fields.map(|(field, _)| field).filter(|field| !known.split(' ').any(|one| one == *field));
    found.extend(unknown.map(|name| Field { parent: at.to_owned(), name: name.clone() }));
}
