//! One question to Elasticsearch, and whether what comes back is an answer.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::{Request, Response};

use crate::failure;

/// An Elasticsearch server's HTTP API.
#[derive(Debug)]
pub(crate) struct Api {
    base: Base,
}

/// A question being put together.
#[derive(Debug)]
pub(crate) struct Ask {
    request: Request,
    path: String,
    /// The argument to name when Elasticsearch finds the request bad without saying more.
    blame: &'static str,
}

impl Api {
    /// The API under this base URL; the error names the config key.
    pub(crate) fn new(url: &str) -> Result<Self, String> {
        let base = Base::new(url).map_err(|error| format!("config.url: {error}"))?;
        Ok(Self { base })
    }

    /// A GET; each segment is encoded as a whole. None is the root.
    pub(crate) fn get(&self, segments: &[&str]) -> Ask {
        self.ask(Method::Get, segments)
    }

    /// A POST of JSON. Every one of them only reads.
    pub(crate) fn post(&self, segments: &[&str], body: &Value) -> Ask {
        let mut ask = self.ask(Method::Post, segments);
        ask.request = ask.request.json_body(body);
        ask
    }

    fn ask(&self, method: Method, segments: &[&str]) -> Ask {
        let start = if segments.is_empty() { "/" } else { "" };
        let start = self.base.request(method, start);
        // The `_cat` API answers in JSON for this header too.
        let request = segments.iter().fold(start, |request, segment| request.segment(segment));
        let request = request.header("accept", "application/json");
        Ask { request, path: format!("/{}", segments.join("/")), blame: "" }
    }
}

impl Ask {
    /// Adds a parameter.
    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.request = self.request.query(name, value);
        self
    }

    /// Names the argument that is to blame for a request Elasticsearch finds bad.
    pub(crate) fn blame(mut self, argument: &'static str) -> Self {
        self.blame = argument;
        self
    }

    /// The response, if it is no refusal.
    pub(crate) async fn respond(self) -> Result<Response> {
        let Self { request, path, blame } = self;
        let response = request.send().await?;
        if response.is_success() { Ok(response) } else { Err(failure::told(&response, &path, blame)) }
    }

    /// An answer that is an object.
    pub(crate) async fn object(self) -> Result<Value> {
        let path = self.path.clone();
        object(&self.respond().await?, &path)
    }

    /// An answer of the `_cat` API: rows.
    pub(crate) async fn rows(self) -> Result<Vec<Value>> {
        let path = self.path.clone();
        let response = self.respond().await?;
        serde_json::from_slice(&response.body).map_err(|_| failure::foreign(&response, &path))
    }
}

/// The body, which has to be an object.
pub(crate) fn object(response: &Response, path: &str) -> Result<Value> {
    match serde_json::from_slice(&response.body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(failure::foreign(response, path)),
    }
}

/// Refuses what is no name or pattern of indices: such a word would be another endpoint.
pub(crate) fn index_name(name: &str) -> Result<&str> {
    let each = name.split(',').map(|part| part.trim_start_matches('-'));
    for part in each {
        if part.is_empty() || (part.starts_with('_') && part != "_all") || matches!(part, "." | "..") {
            let why =
                format!("`{name}` is no index, alias, data stream or pattern such as `logs-*,-logs-old*`");
            return Err(Error::invalid("index", why));
        }
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_a_name_or_a_pattern_and_never_an_endpoint() {
        for good in ["logs", "logs-*,-logs-old*", "_all", "*", "eu:logs-*", "<logs-{now/d}>", ".kibana"] {
            assert_eq!(index_name(good), Ok(good));
        }
        for bad in ["", "_cluster", "logs,", "logs,_tasks", "..", "-_x"] {
            assert!(index_name(bad).unwrap_err().to_string().starts_with("arguments.index: "), "{bad}");
        }
    }
}
