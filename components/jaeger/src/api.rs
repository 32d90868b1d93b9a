//! What Jaeger is asked, in either of its dialects, and what its refusals mean.

mod v1;
mod v3;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{Nanos, Window};
use bulkhead_sdk::value::text;
use bulkhead_sdk::{Request, Response};
use serde::de::DeserializeOwned;

use crate::model::{Dependency, Operation, Trace};

/// Jaeger's HTTP APIs: `v1` is what its UI uses, `v3` is the one that is published.
// No words on the variants: they would be in the schema of the config.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they would be in the schema")]
pub enum Dialect {
    #[default]
    V1,
    V3,
}

/// A Jaeger's query service.
#[derive(Debug)]
pub(crate) struct Api {
    base: Base,
    dialect: Dialect,
}

/// Which traces are looked for: those with one span that fits all of it.
#[derive(Clone, Debug)]
pub(crate) struct Search<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: Option<&'a str>,
    pub(crate) attributes: Vec<(&'a str, &'a str)>,
    pub(crate) shortest: Option<Nanos>,
    pub(crate) longest: Option<Nanos>,
    pub(crate) window: Window,
    pub(crate) limit: usize,
}

impl Api {
    /// The API under this base URL; the error names the config key.
    pub(crate) fn new(url: &str, dialect: Dialect) -> Result<Self, String> {
        let base = Base::new(url).map_err(|error| format!("config.url: {error}"))?;
        Ok(Self { base, dialect })
    }

    /// Every service that sent spans, in the order of the alphabet.
    pub(crate) async fn services(&self) -> Result<Vec<String>> {
        let mut services = match self.dialect {
            Dialect::V1 => v1::services(self).await?,
            Dialect::V3 => v3::services(self).await?,
        };
        services.sort();
        services.dedup();
        Ok(services)
    }

    /// The operations of a service, in the order of the alphabet.
    pub(crate) async fn operations(&self, service: &str) -> Result<Vec<Operation>> {
        let mut operations = match self.dialect {
            Dialect::V1 => v1::operations(self, service).await?,
            Dialect::V3 => v3::operations(self, service).await?,
        };
        operations.sort();
        operations.dedup();
        Ok(operations)
    }

    /// The traces that fit, the newest first.
    pub(crate) async fn traces(&self, search: &Search<'_>) -> Result<Vec<Trace>> {
        let found = match self.dialect {
            Dialect::V1 => v1::traces(self, search).await,
            Dialect::V3 => v3::traces(self, search).await,
        };
        let mut traces = found.map_err(|error| match error {
            Error::Failed(words) if words.contains("larger than") => {
                Error::failed(format!("{words}: lower `limit`, or search for less"))
            }
            error => error,
        })?;
        traces.sort_by_cached_key(|trace| (-trace.extent().0, trace.id.clone()));
        Ok(traces)
    }

    /// One trace; the argument is named if this is no trace's id.
    pub(crate) async fn trace(&self, id: &str, argument: &str) -> Result<Trace> {
        let digits = id.trim().to_ascii_lowercase();
        if digits.is_empty() || digits.len() > 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::invalid(
                argument,
                format!("`{id}` is not a trace id: expected up to 32 hexadecimal digits"),
            ));
        }
        let found = match self.dialect {
            Dialect::V1 => v1::trace(self, &digits).await,
            Dialect::V3 => v3::trace(self, &digits).await,
        };
        let gone = "it is older than what is kept, was not sampled, or is not written yet";
        match found {
            Ok(Some(trace)) if !trace.spans.is_empty() => Ok(trace),
            Ok(_) => Err(Error::not_found(format!("Jaeger has no trace {digits}: {gone}"))),
            Err(Error::NotFound(words)) if words.contains("trace") => {
                Err(Error::not_found(format!("{words}: {gone}")))
            }
            Err(error) => Err(error),
        }
    }

    /// Who called whom, the most calls first.
    pub(crate) async fn dependencies(&self, window: Window) -> Result<Vec<Dependency>> {
        let mut found = match self.dialect {
            Dialect::V1 => v1::dependencies(self, window).await?,
            Dialect::V3 => v3::dependencies(self, window).await?,
        };
        found.sort_by(|a, b| (b.calls, &a.parent, &a.child).cmp(&(a.calls, &b.parent, &b.child)));
        Ok(found)
    }

    fn get(&self, path: &str) -> Request {
        self.base.get(path)
    }
}

/// Sends, and tells a refusal as the error it is.
async fn send(request: Request) -> Result<Response> {
    let response = request.header("accept", "application/json").send().await?;
    match response.status {
        200..=299 => Ok(response),
        300..=399 => Err(foreign(&response, "a redirect")),
        _ => Err(refusal(&response)),
    }
}

/// Sends and reads JSON. Jaeger has its UI's page for every path it does not know.
async fn ask<T: DeserializeOwned>(request: Request) -> Result<T> {
    let response = send(request).await?;
    let begins = response.body.iter().find(|byte| !byte.is_ascii_whitespace());
    if begins == Some(&b'<') {
        return Err(foreign(&response, "a page, no JSON"));
    }
    response.json()
}

fn foreign(response: &Response, what: &str) -> Error {
    let words = format!("{what}, which is not Jaeger's API: check the service's `url` and `api`");
    Error::upstream(response.status, words)
}

/// The words Jaeger has for a parameter, and the argument it comes from. In the order they are looked for.
const BLAMED: &[(&str, &str)] = &[
    ("minDuration' should", "min_duration"),
    ("maxDuration", "max_duration"),
    ("durationMax", "max_duration"),
    ("minDuration", "min_duration"),
    ("durationMin", "min_duration"),
    ("tag", "attributes"),
    ("attributes", "attributes"),
    ("trace", "trace_id"),
    ("lookback", "start"),
    ("limit", "limit"),
    ("searchDepth", "limit"),
    ("start", "start"),
    ("end", "end"),
    ("operation", "operation"),
    ("service", "service"),
];

fn refusal(response: &Response) -> Error {
    let error = response.error();
    match (response.status, &error) {
        (400 | 422, error) => {
            let said = error.message().trim_end_matches(" (the same request would fail again)");
            let found = BLAMED.iter().find(|(words, _)| said.contains(words));
            Error::invalid(
                found.map_or("", |(_, argument)| argument),
                format!("{said} (Jaeger answered {})", response.status),
            )
        }
        // What is not JSON is no answer of Jaeger's: the path is not there.
        (404, _) if serde_json::from_slice::<Value>(&response.body).is_err() => {
            error.context("this path is not there; check the service's `url` and `api`")
        }
        _ => error,
    }
}

/// Seconds, as Go has durations.
fn seconds(length: Nanos) -> String {
    let text = format!("{:.9}", length as f64 / 1e9);
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// JSON of the attributes that are looked for.
fn attributes(search: &Search<'_>) -> Option<String> {
    let pairs = search.attributes.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
    let all: serde_json::Map<String, Value> = pairs.collect();
    (!all.is_empty()).then(|| Value::from(all).to_string())
}

/// A string field, owned.
fn owned(value: &Value, pointer: &str) -> String {
    text(value, pointer).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        assert_eq!(
            [seconds(1_500_000_000), seconds(250_000), seconds(60_000_000_000)],
            ["1.5s", "0.00025s", "60s"]
        );
    }
}
