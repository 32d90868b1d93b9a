//! The options of a write: whether it is a trial, who writes, and how much is checked.

use double_kit::Request;
use serde_json::{Value, json};

use crate::owned::Manager;
use crate::route::Target;
use crate::status::{Cause, Outcome, Status};

/// The media type of server-side apply.
pub const APPLY: &str = "application/apply-patch+yaml";

/// What becomes of fields that there are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// They are dropped.
    Dropped,
    /// They are dropped, and that is said.
    Told,
    /// The write is.
    Refused,
}

/// Of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Nothing is kept.
    pub dry: bool,
    /// Fields of others are taken.
    pub force: bool,
    /// What becomes of unknown fields.
    pub unknown: Unknown,
    /// Who writes.
    pub manager: Manager,
}

impl Options {
    /// Of a request.
    pub fn of(target: &Target, request: &Request) -> Outcome<Self> {
        let name = match request.method.as_str() {
            "POST" => "CreateOptions",
            "PUT" => "UpdateOptions",
            _ => "PatchOptions",
        };
        let applies = request.media_type() == APPLY;
        let word = |name: &str| request.param(name).unwrap_or_default();
        let mut causes = dry_causes(request.params("dryRun"));
        if !["", "Ignore", "Warn", "Strict"].contains(&word("fieldValidation")) {
            let value = json!(word("fieldValidation"));
            causes.push(Cause::unsupported("fieldValidation", &value, &["", "Ignore", "Strict", "Warn"]));
        }
        if applies && word("fieldManager").is_empty() {
            causes.push(Cause::required("fieldManager", "is required for apply patch"));
        }
        if !applies && request.param("force").is_some() {
            causes.push(Cause::forbidden("force", "may not be specified for non-apply patch"));
        }
        if !causes.is_empty() {
            return Err(refused(name, &causes));
        }
        let agent = request.header("user-agent").unwrap_or("unknown").split('/').next().unwrap_or_default();
        let manager = Manager {
            name: (if word("fieldManager").is_empty() { agent } else { word("fieldManager") }).to_owned(),
            operation: if applies { "Apply" } else { "Update" },
            api_version: target.kind.api_version(),
            subresource: target.subresource.clone().unwrap_or_default(),
        };
        Ok(Self {
            dry: word("dryRun") == "All",
            force: word("force") == "true",
            unknown: match word("fieldValidation") {
                "Strict" => Unknown::Refused,
                "Ignore" => Unknown::Dropped,
                _ => Unknown::Told,
            },
            manager,
        })
    }
}

/// What is wrong with a `dryRun`.
pub fn dry_causes<'a>(values: impl Iterator<Item = &'a str>) -> Vec<Cause> {
    let wrong = values.filter(|value| !value.is_empty() && *value != "All");
    wrong.map(|value| Cause::unsupported("dryRun", &json!([value]), &["All"])).collect()
}

/// Options there may not be.
pub fn refused(name: &str, causes: &[Cause]) -> Status {
    Status::invalid_named(&format!("{name}.meta.k8s.io"), "meta.k8s.io", name, "", causes)
}

/// The object of a body.
pub fn body(request: &Request) -> Outcome<Value> {
    let body = request.json();
    if body.is_object() {
        return Ok(body);
    }
    Err(Status::bad_request("couldn't get version/kind; json parse error: the body is no JSON object"))
}
