//! Field selectors: few fields of each kind, and no others.

use serde_json::Value;

use crate::kinds::Kind;
use crate::status::{Outcome, Status};

/// What fields have to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, bool, String)>);

const ALWAYS: [&str; 2] = ["metadata.name", "metadata.namespace"];

/// Those of a resource besides its name and namespace.
const MORE: &[(&str, &[&str])] = &[
    (
        "pods",
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
    ),
    (
        "events",
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
    ),
    ("nodes", &["spec.unschedulable"]),
    ("namespaces", &["status.phase"]),
    ("secrets", &["type"]),
    ("services", &["spec.clusterIP", "spec.type"]),
    ("replicationcontrollers", &["status.replicas"]),
    ("replicasets.apps", &["status.replicas"]),
    ("jobs.batch", &["status.successful"]),
    ("certificatesigningrequests.certificates.k8s.io", &["spec.signerName"]),
];

impl Fields {
    /// Reads a `fieldSelector` for a kind.
    pub fn parse(kind: &Kind, text: &str) -> Outcome<Self> {
        let terms = text.split(',').map(str::trim).filter(|term| !term.is_empty());
        let fields: Vec<(String, bool, String)> = terms.map(term).collect::<Outcome<_>>()?;
        fields.iter().try_for_each(|(field, ..)| known(kind, field))?;
        Ok(Self(fields))
    }

    /// Whether it leaves anything out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object's fields are such.
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(field, equal, wanted)| (value(object, field) == *wanted) == *equal)
    }
}

fn term(text: &str) -> Outcome<(String, bool, String)> {
    let parts = text.split_once("!=").map(|(field, value)| (field, false, value)).or_else(|| {
        text.split_once("==").or_else(|| text.split_once('=')).map(|(field, value)| (field, true, value))
    });
    let why = || Status::bad_request(format!("invalid selector: '{text}'; can't understand '{text}'"));
    let (field, equal, value) = parts.ok_or_else(why)?;
    Ok((field.trim().to_owned(), equal, value.trim().to_owned()))
}

fn known(kind: &Kind, field: &str) -> Outcome<()> {
    let storage = kind.storage();
    let more = MORE.iter().find(|(resource, _)| *resource == storage).map(|(_, fields)| *fields);
    if ALWAYS.contains(&field) || more.is_some_and(|fields| fields.contains(&field)) {
        return Ok(());
    }
    let why = match more {
        Some(_) => format!("field label not supported: {field}"),
        None => {
            format!("{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
        }
    };
    Err(Status::bad_request(why))
}

/// A field as text; one that is not there is the type's zero.
fn value(object: &Value, field: &str) -> String {
    let path = match field {
        "source" => "/source/component".to_owned(),
        "status.successful" => "/status/succeeded".to_owned(),
        field => format!("/{}", field.replace('.', "/")),
    };
    match (object.pointer(&path), field) {
        (Some(Value::String(text)), _) => text.clone(),
        (Some(value), _) if !value.is_null() => value.to_string(),
        (_, "spec.unschedulable" | "spec.hostNetwork") => "false".to_owned(),
        (_, "status.replicas" | "status.successful") => "0".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::named;

    #[test]
    fn fields_are_those_of_the_kind() {
        let matches = |kind: &str, text: &str, object: &Value| {
            Fields::parse(named(kind).unwrap(), text).map(|fields| fields.matches(object))
        };
        let pod = json!({ "metadata": { "name": "a" }, "spec": { "nodeName": "n1" }, "status": { "phase": "Running" } });
        assert_eq!(matches("Pod", "spec.nodeName=n1,status.phase!=Pending", &pod), Ok(true));
        assert_eq!(matches("Pod", "metadata.name==b", &pod), Ok(false));
        assert_eq!(
            matches("Pod", "spec.replicas=1", &pod).unwrap_err().message,
            "field label not supported: spec.replicas"
        );
        assert_eq!(
            matches("ConfigMap", "data.x=1", &pod).unwrap_err().message,
            "\"data.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        );
        assert_eq!(matches("Pod", "nonsense", &pod).unwrap_err().code, 400);
        let event = json!({ "involvedObject": { "kind": "Pod", "name": "a" }, "type": "Warning", "reason": "BackOff" });
        assert_eq!(matches("Event", "involvedObject.name=a,type=Warning,reason=BackOff", &event), Ok(true));
        assert_eq!(matches("Node", "spec.unschedulable=false", &json!({})), Ok(true));
    }
}
