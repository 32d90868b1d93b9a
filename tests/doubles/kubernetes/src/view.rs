//! The form of an answer: whole objects, their metadata, or a table, as `Accept` asks for it.

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::kinds::Kind;
use crate::status::{Outcome, Status};
use crate::{table, versions};

/// The form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// As they are.
    Full,
    /// Printed.
    Table,
    /// `PartialObjectMetadata`.
    Metadata,
    /// `PartialObjectMetadataList`.
    MetadataList,
}

impl View {
    /// The first one of `Accept` that there is.
    pub fn of(request: &Request) -> Outcome<Self> {
        let accept = request.header("accept").unwrap_or("*/*");
        let known = accept.split(',').find_map(|one| Self::asked(one.trim()));
        known.ok_or_else(|| {
            Status::not_acceptable(
                "only the following media types are accepted: application/json, application/yaml, \
                 application/vnd.kubernetes.protobuf",
            )
        })
    }

    fn asked(media_type: &str) -> Option<Self> {
        let mut parts = media_type.split(';').map(str::trim);
        if !matches!(parts.next()?, "application/json" | "*/*" | "application/*") {
            return None;
        }
        let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
        let parameter =
            |name| parameters.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        if parameter("as").is_empty() {
            return Some(Self::Full);
        }
        match (parameter("as"), parameter("g"), parameter("v")) {
            ("Table", "meta.k8s.io", "v1") => Some(Self::Table),
            ("PartialObjectMetadata", "meta.k8s.io", "v1") => Some(Self::Metadata),
            ("PartialObjectMetadataList", "meta.k8s.io", "v1") => Some(Self::MetadataList),
            _ => None,
        }
    }

    /// A reply with one object.
    pub fn one(self, kind: &Kind, object: &Value, request: &Request, now: f64, code: u16) -> Outcome {
        let object = versions::served(kind, object);
        let body = match self {
            Self::Full => object,
            Self::Table => {
                let meta = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
                table::render(kind, &[object], &meta, table::Rows::of(request)?, now)
            }
            Self::Metadata => partial(&object),
            Self::MetadataList => {
                return Err(Status::not_acceptable(&format!(
                    "you requested PartialObjectMetadataList, but the requested object is not a list (*{})",
                    kind.kind
                )));
            }
        };
        Ok(Reply::json(code, &body))
    }

    /// A reply with several objects.
    pub fn list(
        self,
        kind: &Kind,
        objects: &[impl AsRef<Value>],
        meta: &Value,
        request: &Request,
        now: f64,
    ) -> Outcome {
        let objects: Vec<Value> =
            objects.iter().map(|object| versions::served(kind, object.as_ref())).collect();
        let body = match self {
            Self::Full => json!({
                "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(), "metadata": meta,
                "items": objects.into_iter().map(|object| as_item(kind, object)).collect::<Value>(),
            }),
            Self::Table => table::render(kind, &objects, meta, table::Rows::of(request)?, now),
            Self::MetadataList => json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta,
                "items": objects.iter().map(partial).collect::<Value>(),
            }),
            Self::Metadata => {
                return Err(Status::not_acceptable(&format!(
                    "you requested PartialObjectMetadata, but the requested object is a list (*{}List)",
                    kind.kind
                )));
            }
        };
        Ok(Reply::json(200, &body))
    }
}

/// In a list of a built-in kind, only the list says which kind it is.
fn as_item(kind: &Kind, mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut().filter(|_| !kind.is_custom()) {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    object
}

/// An object's metadata, as an object.
pub fn partial(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
    })
}
