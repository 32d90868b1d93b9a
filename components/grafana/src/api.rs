//! One request to Grafana, and what its refusals mean.
//!
//! Grafana explains itself as `{message, …}`, which the SDK passes on. What is told here beside that: answers that are
//! not Grafana's (a login page, a proxy), and the argument to blame when Grafana finds a request bad.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::{Request, Response};
use serde::de::DeserializeOwned;

use crate::Config;

/// A Grafana server's HTTP API.
#[derive(Debug)]
pub(crate) struct Api {
    base: Base,
    org_id: Option<u32>,
    /// What links begin with, without a slash at its end.
    public: String,
}

impl Api {
    /// The API under this config's URL; the error names the config key.
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        let base = Base::new(&config.url).map_err(|error| format!("config.url: {error}"))?;
        let public = match &config.public_url {
            Some(url) => Base::new(url).map_err(|error| format!("config.public_url: {error}"))?.to_string(),
            None => base.to_string(),
        };
        Ok(Self { base, org_id: config.org_id, public })
    }

    /// A request; the path begins with `/`, and what comes from arguments is added by `segment` and `query`.
    pub(crate) fn request(&self, method: Method, path: &str) -> Request {
        let request = self.base.request(method, path);
        match self.org_id {
            Some(org) => request.header("x-grafana-org-id", org.to_string()),
            None => request,
        }
    }

    /// A GET request.
    pub(crate) fn get(&self, path: &str) -> Request {
        self.request(Method::Get, path)
    }

    /// A URL for people.
    pub(crate) fn public(&self, path: &str) -> String {
        format!("{}{path}", self.public)
    }

    /// A URL for people of a path that Grafana gave: it has the path prefix already.
    pub(crate) fn public_of(&self, path: &str) -> String {
        let below = |base: &str| {
            let prefix = base.splitn(4, '/').nth(3).filter(|prefix| !prefix.is_empty())?;
            path.strip_prefix('/')?.strip_prefix(prefix)
        };
        let rest = below(&self.public).or_else(|| below(&self.base.to_string()));
        self.public(rest.unwrap_or(path))
    }

    /// What a link says of the organisation, where there is more than one.
    pub(crate) fn org(&self) -> Option<(String, String)> {
        self.org_id.map(|org| ("orgId".to_owned(), org.to_string()))
    }
}

/// Sends it and reads JSON.
pub(crate) async fn json<T: DeserializeOwned>(request: Request) -> Result<T> {
    read(&send(request).await?)
}

/// Sends it and reads a list; Go writes an empty one as null at times.
pub(crate) async fn list(request: Request) -> Result<Vec<Value>> {
    Ok(json::<Option<Vec<Value>>>(request).await?.unwrap_or_default())
}

/// Sends it and gives the answer, whatever its status.
pub(crate) async fn send(request: Request) -> Result<Response> {
    request.header("accept", "application/json").send().await
}

/// What an answer holds, or why it is none.
pub(crate) fn read<T: DeserializeOwned>(response: &Response) -> Result<T> {
    let first = response.body.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_json = matches!(first, Some(b'{' | b'[' | b'n'));
    match response.status {
        200..=299 if is_json => response.json(),
        200..=399 => Err(foreign(response)),
        404 if !is_json => Err(Error::not_found(
            "not found (404, and not in Grafana's form): this is no Grafana, or the service's `url` lacks a path prefix",
        )),
        _ => Err(response.error()),
    }
}

/// An answer that is not Grafana's: a login page, a proxy, another server.
pub(crate) fn foreign(response: &Response) -> Error {
    let what = match response.status {
        300..=399 => "answered with a redirect, as to a login page",
        _ if response.body.is_empty() => "answered with nothing",
        _ => "did not answer with JSON",
    };
    Error::upstream(
        response.status,
        format!(
            "it {what}, which does not look like Grafana's API: check the service's `url` and credential"
        ),
    )
}

/// Names the argument to blame for what Grafana finds bad.
pub(crate) fn blame<T>(result: Result<T>, argument: &str) -> Result<T> {
    result.map_err(|error| match error {
        Error::Upstream { status: 400 | 422, message } => {
            Error::invalid(argument, format!("Grafana says: {message}"))
        }
        other => other,
    })
}

/// What is worth having but may be forbidden, or not there in this version or edition: then why it is left out.
pub(crate) fn optional<T>(result: Result<T>, what: &str, notes: &mut Vec<String>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error @ (Error::Denied(_) | Error::NotFound(_))) => {
            notes.push(format!("{what}: {error}"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Says of what, when it is not found.
pub(crate) fn named<T>(result: Result<T>, what: &str) -> Result<T> {
    result.map_err(|error| match error {
        Error::NotFound(_) => error.context(what),
        other => other,
    })
}
