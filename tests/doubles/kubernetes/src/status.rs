//! What goes wrong, in the server's words: `Status` objects.

use double_kit::Reply;
use serde_json::{Value, json};

use crate::kinds::Kind;

/// A failure.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// HTTP status.
    pub code: u16,
    /// A word for a program.
    pub reason: &'static str,
    /// For a person.
    pub message: String,
    /// What it is about.
    pub details: Value,
    /// Of the list, when a token has expired.
    pub metadata: Value,
}

/// A reply, or what went wrong.
pub type Outcome<T = Reply> = Result<T, Status>;

/// One cause of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueInvalid`, say.
    pub reason: &'static str,
    /// Why.
    pub message: String,
    /// Where.
    pub field: String,
}

impl Cause {
    /// A field whose value is not one it may have.
    pub fn invalid(field: &str, value: &Value, why: &str) -> Self {
        let message = format!("Invalid value: {value}: {why}");
        Self { reason: "FieldValueInvalid", message, field: field.to_owned() }
    }

    /// A field that is missing.
    pub fn required(field: &str, why: &str) -> Self {
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        Self {
            reason: "FieldValueRequired",
            message: format!("Required value{why}"),
            field: field.to_owned(),
        }
    }

    /// A field that may not be set, or changed.
    pub fn forbidden(field: &str, why: &str) -> Self {
        Self { reason: "FieldValueForbidden", message: format!("Forbidden: {why}"), field: field.to_owned() }
    }

    /// A word that is none of a field's.
    pub fn unsupported(field: &str, value: &Value, words: &[&str]) -> Self {
        let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", words.join(", "));
        Self { reason: "FieldValueNotSupported", message, field: field.to_owned() }
    }

    /// As it is in the details.
    pub fn json(&self) -> Value {
        json!({ "reason": self.reason, "message": self.message, "field": self.field })
    }
}

impl Status {
    fn new(code: u16, reason: &'static str, message: String, details: Value) -> Self {
        Self { code, reason, message, details, metadata: json!({}) }
    }

    /// No object of that name.
    pub fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.resource());
        Self::new(404, "NotFound", message, about(kind, kind.plural, name))
    }

    /// A path below a version of a group that leads nowhere.
    pub fn no_resource() -> Self {
        let message = "the server could not find the requested resource".to_owned();
        Self::new(404, "NotFound", message, json!({}))
    }

    /// There is one of that name.
    pub fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", kind.resource());
        Self::new(409, "AlreadyExists", message, about(kind, kind.plural, name))
    }

    /// What was to be changed has changed.
    pub fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.resource());
        Self::new(409, "Conflict", message, about(kind, kind.plural, name))
    }

    /// Fields that others own.
    pub fn apply_conflict(message: String, causes: &[Cause]) -> Self {
        let causes: Vec<Value> = causes.iter().map(Cause::json).collect();
        Self::new(409, "Conflict", message, json!({ "causes": causes }))
    }

    /// The user may not.
    pub fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let resource = kind.resource();
        let message = match name {
            "" => format!("{resource} is forbidden: {why}"),
            name => format!("{resource} {name:?} is forbidden: {why}"),
        };
        Self::new(403, "Forbidden", message, about(kind, kind.plural, name))
    }

    /// Nobody knows who asks.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized".to_owned(), Value::Null)
    }

    /// The object is not one there may be.
    pub fn invalid(kind: &Kind, name: &str, causes: &[Cause]) -> Self {
        Self::invalid_named(&kind.qualified(), kind.group, kind.kind, name, causes)
    }

    /// The same for what is no object of the store.
    pub fn invalid_named(qualified: &str, group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let whys: Vec<String> =
            causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let whys = if whys.len() == 1 { whys.concat() } else { format!("[{}]", whys.join(", ")) };
        let mut details = json!({ "kind": kind });
        details["causes"] = causes.iter().map(Cause::json).collect();
        for (key, value) in [("name", name), ("group", group)] {
            if !value.is_empty() {
                details[key] = value.into();
            }
        }
        Self::new(422, "Invalid", format!("{qualified} {name:?} is invalid: {whys}"), details)
    }

    /// The request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message.into(), Value::Null)
    }

    /// A continue token of long ago, and one to go on with regardless.
    pub fn expired(fresh: &str) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start \
                       a new list without the continue parameter, or use the continue token in this response to \
                       retrieve the remainder of the results. Continuing with the provided token results in an \
                       inconsistent list - objects that were created, modified, or deleted between the time the first \
                       chunk was returned and now may show up in the list.";
        let metadata = json!({ "continue": fresh });
        Self { metadata, ..Self::new(410, "Expired", message.to_owned(), Value::Null) }
    }

    /// Not with this method.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource".to_owned();
        Self::new(405, "MethodNotAllowed", message, json!({}))
    }

    /// None of the forms the server can answer in.
    pub fn not_acceptable(message: &str) -> Self {
        Self::new(406, "NotAcceptable", message.to_owned(), Value::Null)
    }

    /// A body the server cannot read.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(415, "UnsupportedMediaType", message, json!({}))
    }

    /// A disruption budget does not allow it now.
    pub fn disruption(cause: &str) -> Self {
        let message = "Cannot evict pod as it would violate the pod's disruption budget.".to_owned();
        let causes = json!([{ "reason": "DisruptionBudget", "message": cause }]);
        Self::new(429, "TooManyRequests", message, json!({ "causes": causes }))
    }

    /// The server's own fault.
    pub fn internal(message: &str) -> Self {
        let details = json!({ "causes": [{ "message": message }] });
        Self::new(500, "InternalError", format!("Internal error occurred: {message}"), details)
    }

    /// A fault that nobody named.
    pub fn unknown(message: &str) -> Self {
        Self::new(500, "", message.to_owned(), Value::Null)
    }

    /// A patch that cannot be done.
    pub fn unprocessable() -> Self {
        let message = "the server rejected our request due to an error in our request".to_owned();
        Self::new(422, "Invalid", message, json!({}))
    }

    /// What stands behind a group does not answer.
    pub fn unavailable() -> Self {
        let message = "the server is currently unable to handle the request".to_owned();
        Self::new(503, "ServiceUnavailable", message, Value::Null)
    }

    /// As a reply.
    pub fn reply(&self) -> Reply {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": self.metadata, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if !self.details.is_null() {
            body["details"] = self.details.clone();
        }
        let reply = Reply::json(self.code, &body);
        match self.details["retryAfterSeconds"].as_u64() {
            Some(seconds) => reply.with("retry-after", &seconds.to_string()),
            None => reply,
        }
    }
}

/// That something was done.
pub fn success(kind: &Kind, name: &str, uid: &str) -> Value {
    let mut details = about(kind, kind.plural, name);
    details["uid"] = uid.into();
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}

fn about(kind: &Kind, word: &str, name: &str) -> Value {
    let mut about = json!({ "kind": word });
    for (key, value) in [("name", name), ("group", kind.group)] {
        if !value.is_empty() {
            about[key] = value.into();
        }
    }
    about
}
