//! What the API server says when it refuses: a `Status`, told as the kind of error that says who can mend it.

use std::time::Duration;

use bulkhead_sdk::Response;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

/// The response, or the error it is. `blame` is the argument that made the request what it is.
pub(crate) fn checked(response: Response, blame: &str) -> Result<Response> {
    if response.status < 400 { Ok(response) } else { Err(refusal(&response, blame)) }
}

/// Whether the server knows that the object is not there; a 404 of anyone else says nothing.
pub(crate) fn says_absent(response: &Response) -> bool {
    response.status == 404
        && status(response).is_some_and(|status| {
            text(&status, "/reason") == "NotFound" && !text(&status, "/details/name").is_empty()
        })
}

fn status(response: &Response) -> Option<Value> {
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    (text(&body, "/kind") == "Status").then_some(body)
}

fn refusal(response: &Response, blame: &str) -> Error {
    let Some(status) = status(response) else { return response.error() };
    let (message, code) = (text(&status, "/message"), response.status);
    let wait = status.pointer("/details/retryAfterSeconds").and_then(Value::as_u64).map(Duration::from_secs);
    match (code, text(&status, "/reason")) {
        (404, _) if text(&status, "/details/name").is_empty() => Error::not_found(format!(
            "{message} (404): this cluster does not serve that kind in that version; `api_resources` lists what it has"
        )),
        (404, _) => Error::not_found(format!("{message} (404)")),
        (403, _) => Error::denied(format!(
            "{message} (403): a retry will not help; `can_i` shows what the credential of this service may do"
        )),
        (410, _) => Error::invalid(
            "cursor",
            format!("has expired ({message}): list again from the start, without it"),
        ),
        (409, _) if !conflicts(&status).is_empty() => Error::upstream(
            409,
            format!(
                "other managers own fields of this manifest: {}. Leave these fields out, or set `force` to take them over",
                conflicts(&status).join("; ")
            ),
        ),
        (409, "AlreadyExists") => Error::upstream(
            409,
            format!("{message}: change it with `apply` or `patch`, or give another name"),
        ),
        (400 | 413 | 415 | 422, _) => {
            Error::invalid(blame, format!("the server refuses it ({code}): {message}"))
        }
        (429, _) => Error::rate_limited(format!("{message} (429)"), wait.or_else(|| header_wait(response))),
        (500 | 504, "ServerTimeout" | "Timeout") | (503, _) => {
            Error::unavailable(format!("{message} ({code}); a retry may help"), wait)
        }
        _ => response.error(),
    }
}

fn header_wait(response: &Response) -> Option<Duration> {
    response.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

/// `manager "kubectl" owns .spec.replicas`, for each field that someone else manages.
fn conflicts(status: &Value) -> Vec<String> {
    list(status, "/details/causes")
        .iter()
        .filter(|cause| text(cause, "/reason") == "FieldManagerConflict")
        .map(|cause| {
            let owner = text(cause, "/message").trim_start_matches("conflict with ");
            format!("{owner} owns {}", text(cause, "/field"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: u16, body: &Value) -> String {
        let response = Response {
            status: code,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
            truncated: false,
        };
        checked(response, "manifests").unwrap_err().to_string()
    }

    fn status(code: u16, reason: &str, message: &str, details: &Value) -> String {
        said(
            code,
            &json!({ "kind": "Status", "status": "Failure", "reason": reason, "message": message, "details": details }),
        )
    }

    #[test]
    fn a_status_is_told_as_what_it_means() {
        assert_eq!(
            status(404, "NotFound", "pods \"a\" not found", &json!({ "name": "a", "kind": "pods" })),
            "pods \"a\" not found (404)"
        );
        assert_eq!(
            status(404, "NotFound", "the server could not find the requested resource", &json!({})),
            "the server could not find the requested resource (404): this cluster does not serve that kind in that version; \
             `api_resources` lists what it has"
        );
        assert_eq!(
            status(410, "Expired", "The provided continue parameter is too old", &json!({})),
            "arguments.cursor: has expired (The provided continue parameter is too old): list again from the start, without it"
        );
        assert_eq!(
            status(422, "Invalid", "Deployment.apps \"web\" is invalid: spec.replicas: -1", &json!({})),
            "arguments.manifests: the server refuses it (422): Deployment.apps \"web\" is invalid: spec.replicas: -1"
        );
        let causes = json!({ "causes": [{
            "reason": "FieldManagerConflict", "message": "conflict with \"kubectl\" using apps/v1", "field": ".spec.replicas"
        }] });
        assert_eq!(
            status(409, "Conflict", "Apply failed with 1 conflict", &causes),
            "the upstream answered 409: other managers own fields of this manifest: \"kubectl\" using apps/v1 owns \
             .spec.replicas. Leave these fields out, or set `force` to take them over"
        );
        assert_eq!(
            status(409, "Conflict", "the object has been modified", &json!({})),
            "the upstream answered 409: the object has been modified (what is there has changed, or is there already: \
             read it again first)"
        );
        assert_eq!(
            status(429, "TooManyRequests", "no", &json!({ "retryAfterSeconds": 3 })),
            "no (429) (retry after 3 s)"
        );
        assert_eq!(
            status(504, "Timeout", "slow", &json!({ "retryAfterSeconds": 1 })),
            "slow (504); a retry may help (retry after 1 s)"
        );
    }

    #[test]
    fn only_the_server_itself_says_that_something_is_absent() {
        let of = |body: &Value| Response {
            status: 404,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
            truncated: false,
        };
        let absent = json!({ "kind": "Status", "reason": "NotFound", "details": { "name": "a" } });
        assert!(says_absent(&of(&absent)));
        for other in
            [json!({ "message": "no such thing" }), json!({ "kind": "Status", "reason": "NotFound" })]
        {
            assert!(!says_absent(&of(&other)), "{other}");
        }
    }
}
