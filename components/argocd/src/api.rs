//! Owns asking Argo CD, and what its refusals mean.
//!
//! Errors come as `{error, code, message}` with a gRPC code. Some of them are facts of the state an application is in and
//! not of the request, so they are told apart by their words.

use bulkhead_sdk::http::Request;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::{Method, Response};
use serde::de::DeserializeOwned;

/// The code of gRPC for a bad argument.
const INVALID_ARGUMENT: i64 = 3;

/// The HTTP API of an Argo CD.
#[derive(Debug)]
pub(crate) struct Api {
    base: Base,
}

/// An application as a caller names it: `name`, or `namespace/name` where it is not in Argo CD's own namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named<'a> {
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
}

impl<'a> Named<'a> {
    /// Takes a caller's name apart.
    pub(crate) fn parse(text: &'a str) -> Result<Self> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        if name.is_empty() || name.contains('/') || namespace == Some("") {
            return Err(Error::invalid("name", format!("`{text}` is neither `name` nor `namespace/name`")));
        }
        Ok(Self { namespace, name })
    }
}

impl Api {
    /// The API under this base URL; the error names the config key.
    pub(crate) fn new(url: &str) -> Result<Self, String> {
        let base = Base::new(url).map_err(|error| format!("config.url: {error}"))?;
        Ok(Self { base })
    }

    /// A GET of a path below the base.
    pub(crate) fn get(&self, path: &str) -> Request {
        self.base.get(path)
    }

    /// A GET of something of an application; the application itself, if it is nothing.
    pub(crate) fn of(&self, app: &Named<'_>, what: &[&str]) -> Request {
        let request = self.base.get("/api/v1/applications").segment(app.name);
        what.iter()
            .fold(request, |request, segment| request.segment(segment))
            .query_opt("appNamespace", app.namespace)
    }

    /// An application as it is.
    pub(crate) async fn app(&self, app: &Named<'_>) -> Result<Value> {
        json(self.of(app, &[])).await
    }

    /// Starts an operation; the body names the application once more, as the gateway wants it.
    pub(crate) async fn start(&self, app: &Named<'_>, what: &str, mut body: Value) -> Result<Value> {
        if let Some(body) = body.as_object_mut() {
            body.insert("name".into(), app.name.into());
            if let Some(namespace) = app.namespace {
                body.insert("appNamespace".into(), namespace.into());
            }
            body.retain(|_, value| !value.is_null());
        }
        let request = self.base.request(Method::Post, "/api/v1/applications").segment(app.name).segment(what);
        json(request.json_body(&body)).await
    }
}

/// Sends, and reads JSON.
pub(crate) async fn json<T: DeserializeOwned>(request: Request) -> Result<T> {
    send(request).await?.json()
}

/// Sends, and tells a refusal as the error it is. Not generic, so that the component holds it once.
pub(crate) async fn send(request: Request) -> Result<Response> {
    let response = request.header("accept", "application/json").send().await?;
    match response.status {
        200..=299 => Ok(response),
        300..=399 => Err(Error::upstream(
            response.status,
            "a redirect, which does not look like Argo CD's API: check the service's `url`",
        )),
        _ => Err(refusal(&response)),
    }
}

fn refusal(response: &Response) -> Error {
    let body: Value = response.json().unwrap_or_default();
    let said = body.get("message").and_then(Value::as_str).unwrap_or_default();
    let code = body.get("code").and_then(Value::as_i64);
    let status = response.status;
    if let Some(error) = state(said) {
        return error;
    }
    let error = response.error();
    match status {
        // So that nobody learns which applications there are.
        403 => error.context("it is forbidden, or there is no such thing, and Argo CD does not say which"),
        400 if said.contains("selector") => {
            Error::invalid("selector", format!("{said} (Argo CD answered 400)"))
        }
        400 if code == Some(INVALID_ARGUMENT) => Error::invalid("", format!("{said} (Argo CD answered 400)")),
        _ => error,
    }
}

/// What Argo CD refuses because of how things are, by its words.
fn state(said: &str) -> Option<Error> {
    if said.contains("another operation is already in progress") {
        return Some(Error::failed(
            "another operation is already in progress: see it with application, and retry when it has ended",
        ));
    }
    if said.contains("auto-sync is enabled") {
        return Some(Error::failed(format!(
            "{said}: automated sync would undo it; whoever owns the application has to turn that off first, or to revert in git"
        )));
    }
    if said.contains("unable to resolve") || said.contains("failed to resolve revision") {
        return Some(Error::invalid("revision", said));
    }
    if said.contains("sync window") {
        return Some(Error::failed(format!(
            "{said}: retry when the window allows it (diagnose shows which)"
        )));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_may_have_a_namespace() {
        assert_eq!(Named::parse("shop"), Ok(Named { namespace: None, name: "shop" }));
        assert_eq!(Named::parse("team/shop"), Ok(Named { namespace: Some("team"), name: "shop" }));
        for wrong in ["", "/", "a/", "/a", "a/b/c"] {
            let error = Named::parse(wrong).unwrap_err().to_string();
            assert_eq!(error, format!("arguments.name: `{wrong}` is neither `name` nor `namespace/name`"));
        }
    }
}
