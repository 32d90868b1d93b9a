//! One question to Prometheus and the envelope its answer comes in.
//!
//! Every answer is `{status, data, errorType, error, warnings, infos}`. What goes wrong is told in
//! Prometheus's own words, as the kind of error that says who can mend it: the caller's arguments,
//! the server, or the operator's `url`.

use bulkhead_sdk::Response;
use bulkhead_sdk::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Map;
use serde_json::value::RawValue;

/// Queries longer than this go in a form body: proxies commonly refuse request lines over 4 to 8 KiB,
/// and percent-encoding can triple the length.
const LONGEST_IN_URL: usize = 2000;

/// A Prometheus server's HTTP API.
#[derive(Debug)]
pub(crate) struct Api {
    base: Base,
}

/// A question: an endpoint under `/api/v1/` and its parameters.
#[derive(Debug)]
pub(crate) struct Ask {
    path: String,
    params: Vec<(&'static str, String)>,
    /// The argument to name when Prometheus finds the request bad without saying which parameter;
    /// empty for the arguments as a whole.
    blame: &'static str,
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Get,
    /// GET, or a form POST when the parameters are long.
    GetOrForm,
    /// POST with parameters in the URL: it changes something.
    Post,
}

/// `data`, with what Prometheus had to remark.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) data: T,
    pub(crate) remarks: Remarks,
}

/// Warnings (the answer may be incomplete) and infos (the query may not mean what was meant).
#[derive(Debug, Default, JsonSchema, Serialize)]
pub(crate) struct Remarks {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    infos: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    status: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    error_type: Option<String>,
    error: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

impl Ask {
    /// A GET of `/api/v1/{path}`.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { path: path.into(), params: Vec::new(), blame: "", way: Way::Get }
    }

    /// A query, which may be long.
    pub(crate) fn query(path: &str) -> Self {
        Self { way: Way::GetOrForm, blame: "query", ..Self::get(path) }
    }

    /// A POST that changes something.
    pub(crate) fn post(path: &str) -> Self {
        Self { way: Way::Post, ..Self::get(path) }
    }

    /// Adds a parameter.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.params.push((name, value.into()));
        self
    }

    /// Adds a parameter if there is a value for it.
    pub(crate) fn maybe(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a parameter once for each value.
    pub(crate) fn each(self, name: &'static str, values: &[String]) -> Self {
        values.iter().fold(self, |ask, value| ask.with(name, value))
    }

    /// Names the argument that is to blame for a request Prometheus finds bad.
    pub(crate) fn blame(mut self, argument: &'static str) -> Self {
        self.blame = argument;
        self
    }
}

impl Api {
    /// The API under this base URL; the error names the config key.
    pub(crate) fn new(url: &str) -> Result<Self, String> {
        let base = Base::new(url).map_err(|error| format!("config.url: {error}"))?;
        Ok(Self { base })
    }

    /// Asks, and opens the envelope.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, ask: Ask) -> Result<Answer<T>> {
        let blame = ask.blame;
        let (response, path) = self.send(ask).await?;
        open(&response, &path, blame)
    }

    /// Sends, and tells the path for messages. Not generic, so that the component holds it once.
    async fn send(&self, ask: Ask) -> Result<(Response, String)> {
        let path = format!("/api/v1/{}", ask.path);
        let long = ask.params.iter().map(|(_, value)| value.len()).sum::<usize>() > LONGEST_IN_URL;
        let request = match ask.way {
            Way::GetOrForm if long => {
                let form: Vec<(&str, &str)> =
                    ask.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
                self.base.post(&path).form(&form)
            }
            way => {
                let start = if way == Way::Post { self.base.post(&path) } else { self.base.get(&path) };
                ask.params.iter().fold(start, |request, (name, value)| request.query(name, value))
            }
        };
        let response = request.header("accept", "application/json").send().await?;
        Ok((response, self.below_origin(&path)))
    }

    /// The whole path, with the prefix that the configured URL may have.
    fn below_origin(&self, path: &str) -> String {
        let (base, origin) = (self.base.to_string(), self.base.origin());
        format!("{}{path}", base.strip_prefix(&origin).unwrap_or_default())
    }
}

impl<T> Answer<T> {
    /// An answer without remarks.
    pub(crate) fn of(data: T) -> Self {
        Self { data, remarks: Remarks::default() }
    }
}

impl Remarks {
    /// Writes `warnings` and `infos` where there are any.
    pub(crate) fn write(self, object: &mut Map<String, Value>) {
        for (name, remarks) in [("warnings", self.warnings), ("infos", self.infos)] {
            if !remarks.is_empty() {
                object.insert(name.into(), remarks.into());
            }
        }
    }
}

/// What the envelope holds. Its own fields are read first, so that an error is told as one whatever
/// `data` is.
fn open<T: DeserializeOwned>(response: &Response, path: &str, blame: &str) -> Result<Answer<T>> {
    let envelope: Envelope<'_> = match serde_json::from_slice(&response.body) {
        Ok(envelope) => envelope,
        Err(_) => return Err(foreign(response, path)),
    };
    match envelope.status.as_str() {
        "error" => return Err(refusal(response.status, envelope, blame)),
        "success" if response.is_success() => {}
        _ => return Err(foreign(response, path)),
    }
    // Go writes an empty list as null at times.
    let data = envelope.data.map_or("[]", RawValue::get);
    match serde_json::from_str(data) {
        Ok(data) => {
            Ok(Answer { data, remarks: Remarks { warnings: envelope.warnings, infos: envelope.infos } })
        }
        Err(_) if envelope.data.is_none() => {
            Err(Error::failed(format!("Prometheus's answer to {path} has no data")))
        }
        Err(error) => {
            Err(Error::failed(format!("Prometheus's answer to {path} has an unknown form: {error}")))
        }
    }
}

/// An error Prometheus explained.
fn refusal(status: u16, envelope: Envelope<'_>, blame: &str) -> Error {
    let kind = envelope.error_type.unwrap_or_else(|| "error".to_owned());
    let words = envelope.error.unwrap_or_else(|| "no reason given".to_owned());
    let told = format!("{kind}: {words}");
    match kind.as_str() {
        "bad_data" => Error::invalid(argument(&words).unwrap_or(blame), told),
        "not_found" => Error::not_found(told),
        "timeout" | "canceled" | "unavailable" => Error::unavailable(told, None),
        _ => Error::upstream(status, told),
    }
}

/// The argument behind a parameter that Prometheus names.
fn argument(words: &str) -> Option<&'static str> {
    if words.contains("maximum resolution") {
        return Some("step");
    }
    let (_, rest) = words.split_once("invalid parameter \"")?;
    let (name, _) = rest.split_once('"')?;
    let known = [
        "query",
        "time",
        "timeout",
        "start",
        "end",
        "step",
        "limit",
        "type",
        "state",
        "metric",
        "match_target",
    ];
    if name == "match[]" { Some("match") } else { known.into_iter().find(|known| *known == name) }
}

/// An answer that is not Prometheus's: a proxy, a login page, another server, or a path it does not have.
fn foreign(response: &Response, path: &str) -> Error {
    let status = response.status;
    let strange = |what: &str| {
        let words = format!("{path} {what}, which does not look like Prometheus: check the service's `url`");
        Error::upstream(status, words)
    };
    match status {
        401 | 403 | 429 | 502..=504 => response.error(),
        404 => Error::not_found(format!(
            "{path} is not there (404, and not in Prometheus's form): this server is too old for it, is not a \
             Prometheus, or the service's `url` lacks a path prefix"
        )),
        300..=399 => strange("answered with a redirect"),
        _ => strange("did not answer with Prometheus's JSON"),
    }
}
