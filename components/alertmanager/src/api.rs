//! One question to Alertmanager, and what its answer means.
//!
//! Success is bare JSON, or nothing at all for what changes something; a refusal is a JSON string. What goes wrong is
//! told in Alertmanager's own words, as the kind of error that says who can mend it.

use std::fmt::Display;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::{Request, Response};
use serde::de::DeserializeOwned;

/// An Alertmanager's HTTP API.
#[derive(Debug)]
pub(crate) struct Api {
    base: Base,
}

/// A question that is not sent yet.
#[derive(Debug)]
pub(crate) struct Ask {
    request: Request,
    path: String,
    /// The argument to name when Alertmanager finds the request bad; empty for the arguments as a whole.
    blame: &'static str,
}

impl Api {
    /// The API under this base URL; the error names the config key.
    pub(crate) fn new(url: &str) -> Result<Self, String> {
        let base = Base::new(url).map_err(|error| format!("config.url: {error}"))?;
        Ok(Self { base })
    }

    /// A GET of `/api/v2/{path}`.
    pub(crate) fn get(&self, path: &'static str) -> Ask {
        self.ask(Method::Get, path)
    }

    /// A POST of a JSON body to `/api/v2/{path}`.
    pub(crate) fn post(&self, path: &'static str, body: &Value) -> Ask {
        let ask = self.ask(Method::Post, path);
        Ask { request: ask.request.json_body(body), ..ask }
    }

    /// One silence.
    pub(crate) async fn silence<T: DeserializeOwned>(&self, id: &str) -> Result<T> {
        self.of_silence(Method::Get, id).json().await.map_err(|error| no_silence(error, id))
    }

    /// Ends one silence.
    pub(crate) async fn expire(&self, id: &str) -> Result<()> {
        self.of_silence(Method::Delete, id).done().await.map_err(|error| no_silence(error, id))
    }

    fn of_silence(&self, method: Method, id: &str) -> Ask {
        let ask = self.ask(method, "silence");
        Ask { request: ask.request.segment(id), path: format!("{}/{id}", ask.path), blame: "id" }
    }

    fn ask(&self, method: Method, path: &'static str) -> Ask {
        let path = format!("/api/v2/{path}");
        let request = self.base.request(method, &path).header("accept", "application/json");
        Ask { request, path, blame: "" }
    }
}

impl Ask {
    /// Adds a parameter.
    pub(crate) fn with(self, name: &str, value: impl Display) -> Self {
        Self { request: self.request.query(name, value), ..self }
    }

    /// Adds a parameter if there is a value for it.
    pub(crate) fn maybe(self, name: &str, value: Option<&str>) -> Self {
        Self { request: self.request.query_opt(name, value), ..self }
    }

    /// Adds a parameter once for each value.
    pub(crate) fn each(self, name: &str, values: impl IntoIterator<Item = impl Display>) -> Self {
        values.into_iter().fold(self, |ask, value| ask.with(name, value))
    }

    /// Names the argument that is to blame for a request Alertmanager finds bad.
    pub(crate) fn blame(self, argument: &'static str) -> Self {
        Self { blame: argument, ..self }
    }

    /// Sends it and reads what comes back.
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let (path, blame) = (self.path, self.blame);
        let response = self.request.send().await?;
        accepted(&response, &path, blame)?;
        serde_json::from_slice(&response.body).map_err(|_| strange(&response, &path))
    }

    /// Sends it; a success has nothing to say.
    pub(crate) async fn done(self) -> Result<()> {
        let response = self.request.send().await?;
        accepted(&response, &self.path, self.blame)
    }
}

/// Refuses what is no success.
fn accepted(response: &Response, path: &str, blame: &str) -> Result<()> {
    match response.status {
        200..=299 => Ok(()),
        400 | 422 => Err(Error::invalid(blame, format!("Alertmanager refuses it: {}", said(response)))),
        404 => Err(Error::not_found(format!("{path} is not there (404): {}", said(response)))),
        300..=399 => Err(strange(response, path)),
        _ => Err(response.error()),
    }
}

/// Alertmanager's words: a JSON string, or an object with a `message` where the request did not fit its document.
fn said(response: &Response) -> String {
    let words = match serde_json::from_slice(&response.body) {
        Ok(Value::String(words)) => words,
        Ok(Value::Object(object)) => {
            object.get("message").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        _ => response.text(),
    };
    match words.trim() {
        "" => "no reason given".to_owned(),
        words => bulkhead_sdk::value::shortened(words, 300),
    }
}

/// An answer that is not Alertmanager's: a proxy, a login page, another server.
fn strange(response: &Response, path: &str) -> Error {
    let what = match response.status {
        300..=399 => "answered with a redirect",
        _ => "did not answer with Alertmanager's JSON",
    };
    Error::upstream(
        response.status,
        format!(
            "{path} {what}: check the service's `url`, which has to reach Alertmanager itself, path prefix included"
        ),
    )
}

/// A 404 of a silence is about the silence, unless the path itself is not known there.
fn no_silence(error: Error, id: &str) -> Error {
    match error {
        Error::NotFound(words) if !words.contains("page not found") => Error::not_found(format!(
            "there is no silence `{id}`: expired ones are forgotten after a while; `silences` lists those there are"
        )),
        other => other,
    }
}
