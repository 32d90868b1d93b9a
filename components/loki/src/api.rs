//! One question to Loki, and what its refusals mean.
//!
//! Loki refuses in plain text. The text says which limit or which part of the query was wrong, so the argument to
//! mend is found in it.

use bulkhead_sdk::Response;
use bulkhead_sdk::prelude::*;
use serde::de::DeserializeOwned;

/// Queries longer than this go in a form body: proxies commonly refuse request lines over 4 to 8 KiB, and
/// percent-encoding can triple the length.
const LONGEST_IN_URL: usize = 2000;

/// A Loki's HTTP API, as one tenant.
#[derive(Debug)]
pub(crate) struct Api {
    base: Base,
    tenant: Option<String>,
}

/// A question: an endpoint and its parameters.
#[derive(Debug)]
pub(crate) struct Ask {
    path: &'static str,
    segments: Vec<String>,
    params: Vec<(&'static str, String)>,
    /// The argument to name when Loki finds the request bad and its words do not say which.
    blame: &'static str,
    /// Whether a form POST asks the same.
    takes_form: bool,
}

/// What most answers come in. Loki leaves `data` out where a list is empty.
#[derive(Deserialize)]
struct Envelope<T> {
    status: String,
    data: Option<T>,
}

impl Ask {
    /// A GET of a path below the base.
    pub(crate) fn get(path: &'static str) -> Self {
        Self { path, segments: Vec::new(), params: Vec::new(), blame: "query", takes_form: false }
    }

    /// A LogQL query, which may be long.
    pub(crate) fn query(path: &'static str, query: &str) -> Self {
        Self { takes_form: true, ..Self::get(path) }.with("query", query)
    }

    /// Adds path segments.
    pub(crate) fn below(mut self, segments: [&str; 2]) -> Self {
        self.segments.extend(segments.map(str::to_owned));
        self
    }

    /// Adds a parameter.
    #[expect(clippy::needless_pass_by_value, reason = "`.with(\"limit\", 5)` reads better than `&5`")]
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.params.push((name, value.to_string()));
        self
    }

    /// Adds a parameter if there is a value for it.
    pub(crate) fn maybe(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Names the argument that is to blame for what Loki finds bad.
    pub(crate) fn blame(mut self, argument: &'static str) -> Self {
        self.blame = argument;
        self
    }
}

impl Api {
    /// The API under this base URL; the error names the config key.
    pub(crate) fn new(url: &str, tenant: Option<String>) -> Result<Self, String> {
        let base = Base::new(url).map_err(|error| format!("config.url: {error}"))?;
        // Loki's own rule for tenant ids; `|` separates several.
        let known = |letter: char| letter.is_ascii_alphanumeric() || "!-_.*'()|".contains(letter);
        match tenant {
            Some(tenant) if tenant.is_empty() || !tenant.chars().all(known) => Err(format!(
                "config.tenant: `{tenant}` is not a tenant id: letters, digits and !-_.*'(), several as `a|b`"
            )),
            tenant => Ok(Self { base, tenant }),
        }
    }

    /// Whose logs are asked for.
    pub(crate) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// Asks for what comes as `{status, data}`; no `data` is what is empty.
    pub(crate) async fn data<T: DeserializeOwned + Default>(&self, ask: Ask) -> Result<T> {
        let envelope: Envelope<T> = self.bare(ask).await?;
        match envelope.status.as_str() {
            "success" => Ok(envelope.data.unwrap_or_default()),
            status => Err(Error::failed(format!("Loki answered with the status `{status}` and no reason"))),
        }
    }

    /// Asks for what comes without an envelope.
    pub(crate) async fn bare<T: DeserializeOwned>(&self, ask: Ask) -> Result<T> {
        self.send(ask).await?.json()
    }

    /// Asks for a text.
    pub(crate) async fn text(&self, ask: Ask) -> Result<String> {
        Ok(self.send(ask).await?.text())
    }

    /// Sends, and tells a refusal as the error it is. Not generic, so that the component holds it once.
    async fn send(&self, ask: Ask) -> Result<Response> {
        let long = ask.params.iter().map(|(_, value)| value.len()).sum::<usize>() > LONGEST_IN_URL;
        let mut request = if ask.takes_form && long {
            let form: Vec<(&str, &str)> = ask.params.iter().map(|(name, value)| (*name, &**value)).collect();
            self.base.post(ask.path).form(&form)
        } else {
            let path =
                ask.segments.iter().fold(self.base.get(ask.path), |request, name| request.segment(name));
            ask.params.iter().fold(path, |request, (name, value)| request.query(name, value))
        };
        if let Some(tenant) = &self.tenant {
            request = request.header("x-scope-orgid", tenant);
        }
        let response = request.header("accept", "application/json").send().await?;
        match response.status {
            200..=299 => Ok(response),
            300..=399 => Err(Error::upstream(
                response.status,
                "a redirect, which does not look like Loki: check the service's `url`",
            )),
            _ => Err(refusal(&response, ask.blame)),
        }
    }
}

/// What Loki's words say is wrong, and the argument to mend. In the order they are looked for.
const BLAMED: &[(&str, &str)] = &[
    ("max_entries_limit", "limit"),
    ("max entries limit", "limit"),
    ("time range exceeds", "start"),
    ("end timestamp must not be before", "start"),
    ("maximum resolution", "step"),
    ("step", "step"),
    ("parse error", "query"),
];

fn refusal(response: &Response, blame: &str) -> Error {
    let (status, said) = (response.status, response.text());
    let said = said.trim();
    if said.contains("no org id") {
        return Error::denied(format!(
            "{said} ({status}): this Loki has tenants; the operator names one in the service's `tenant`"
        ));
    }
    match status {
        400 | 413 | 422 => {
            let found = BLAMED.iter().find(|(words, _)| said.contains(words));
            // The SDK finds the message in a JSON body, and keeps it short.
            let told = response.error();
            let told = told.message().trim_end_matches(" (the same request would fail again)");
            Error::invalid(
                found.map_or(blame, |(_, argument)| argument),
                format!("{told} (Loki answered {status})"),
            )
        }
        504 => response.error().context("ask for less, by a narrower selector or a shorter window"),
        _ => response.error(),
    }
}
