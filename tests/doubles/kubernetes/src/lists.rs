//! How lists and maps are merged: item by item, or as a whole.

use crate::kinds::Kind;

/// How a list is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As a whole.
    Atomic,
    /// Values, each of them once.
    Set,
    /// Items, known by these keys; a strategic patch goes by the first.
    Keyed(&'static [&'static str]),
}

const KEYED: &[(&str, &[&str])] = &[
    ("conditions", &["type"]),
    ("containers", &["name"]),
    ("env", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("hostAliases", &["ip"]),
    ("imagePullSecrets", &["name"]),
    ("initContainers", &["name"]),
    ("ownerReferences", &["uid"]),
    ("podIPs", &["ip"]),
    ("resourceClaims", &["name"]),
    ("schedulingGates", &["name"]),
    ("secrets", &["name"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    ("volumeDevices", &["devicePath"]),
    ("volumeMounts", &["mountPath"]),
    ("volumes", &["name"]),
    ("webhooks", &["name"]),
];

const WHOLE_MAPS: [&str; 13] = [
    "configMapKeyRef",
    "fieldRef",
    "involvedObject",
    "labelSelector",
    "namespaceSelector",
    "nodeSelector",
    "objectSelector",
    "podSelector",
    "resourceFieldRef",
    "roleRef",
    "scaleTargetRef",
    "secretKeyRef",
    "selector",
];

/// Of the list at a path of field names.
pub fn shape(kind: &Kind, path: &[String]) -> Shape {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let Some((field, parents)) = path.split_last() else { return Shape::Atomic };
    let own = kind.is_custom() && parents != ["metadata"];
    match (*field, parents) {
        ("finalizers", ["metadata"]) | ("podCIDRs", ["spec"]) => Shape::Set,
        // A definition that says nothing of its lists has them replaced.
        _ if own => Shape::Atomic,
        ("ports", ["spec"]) if kind.kind == "Service" => Shape::Keyed(&["port", "protocol"]),
        ("ports", [.., "containers" | "initContainers" | "ephemeralContainers"]) => {
            Shape::Keyed(&["containerPort", "protocol"])
        }
        ("addresses", ["status"]) => Shape::Keyed(&["type"]),
        (field, _) => KEYED
            .iter()
            .find(|(name, _)| *name == field)
            .map_or(Shape::Atomic, |(_, keys)| Shape::Keyed(keys)),
    }
}

/// Whether the map at a path of field names is owned and replaced as a whole.
pub fn is_whole(kind: &Kind, path: &[String]) -> bool {
    !kind.is_custom() && path.last().is_some_and(|field| WHOLE_MAPS.contains(&field.as_str()))
}
