//! What came of a request, in words a test can compare: `200`, `HttpRequestDenied`, `200, then …`, or what
//! WASI did not even let one build.

use serde_json::{Value, json};

use crate::{
    bindings::wasi::{
        http::{
            outgoing_handler,
            types::{Fields, Method, OutgoingBody, OutgoingRequest, Scheme},
        },
        io::streams::{InputStream, StreamError},
    },
    guest::{Answer, structured},
    http,
};

/// The head of an answer and as much of its body as came.
pub struct Seen {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// Why there is no more of it.
    pub broken: Option<String>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// Everything, for a test to look through.
    pub fn shown(&self) -> Value {
        let headers: serde_json::Map<String, Value> = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned().into()))
            .collect();
        json!({ "status": self.status, "headers": headers, "body": String::from_utf8_lossy(&self.body) })
    }
}

/// Method, URL and headers as they are, and what came of it.
pub type Attempt<'a> = (Method, String, &'a [(&'a str, &'a [u8])]);

/// Sends a request and reads what comes; the error is in words.
pub fn exchange(attempt: &Attempt<'_>, body: &[u8]) -> Result<Seen, String> {
    let request = build(attempt)?;
    let outgoing = request.body().map_err(|()| "unbuilt: body".to_owned())?;
    let answer = outgoing_handler::handle(request, None).map_err(|code| http::code(&code))?;
    if !body.is_empty() {
        let stream = outgoing.write().unwrap();
        let _ = body.chunks(4096).try_for_each(|chunk| stream.blocking_write_and_flush(chunk));
    }
    let _ = OutgoingBody::finish(outgoing, None);
    let response = http::receive(&answer).map_err(|code| http::code(&code))?;
    let incoming = response.consume().unwrap();
    let (body, broken) = drain(&incoming.stream().unwrap());
    Ok(Seen { status: response.status(), headers: response.headers().entries(), body, broken })
}

/// The outcome of a request without a body.
pub fn outcome(attempt: &Attempt<'_>) -> String {
    match exchange(attempt, &[]) {
        Err(why) => why,
        Ok(Seen { status, broken: Some(why), .. }) => format!("{status}, then {why}"),
        Ok(seen) => match seen.header("bulkhead-refused") {
            Some(by) => format!("{} by the host: {by}", seen.status),
            None => seen.status.to_string(),
        },
    }
}

/// The outcomes of plain GETs, as an answer.
pub fn gets(urls: impl IntoIterator<Item = String>) -> Answer {
    outcomes(urls.into_iter().map(|url| outcome(&(Method::Get, url, &[]))))
}

/// Outcomes as an answer.
pub fn outcomes(outcomes: impl IntoIterator<Item = String>) -> Answer {
    structured(&json!({ "outcomes": outcomes.into_iter().collect::<Vec<_>>() }))
}

/// What `Fields` says to a header: `taken` or why not.
pub fn header(name: &str, value: &[u8]) -> String {
    match Fields::new().append(name, value) {
        Ok(()) => "taken".to_owned(),
        Err(error) => named(&error),
    }
}

/// The name of an error without what it carries: `InvalidSyntax`; of one of a file as WASI has it: `not-permitted`.
pub fn named(error: &impl std::fmt::Debug) -> String {
    let shown = format!("{error:?}");
    if let Some((_, rest)) = shown.split_once("name: \"") {
        return rest.split('"').next().unwrap_or_default().to_owned();
    }
    let shown = shown.rsplit("::").next().unwrap_or_default();
    shown.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}

/// A request to a URL that is taken apart at its first `://` and `/`, and no more.
fn build((method, url, headers): &Attempt<'_>) -> Result<OutgoingRequest, String> {
    let fields = Fields::new();
    for (name, value) in *headers {
        fields.append(name, value).map_err(|error| format!("unbuilt: header {}", named(&error)))?;
    }
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let request = OutgoingRequest::new(fields);
    request.set_method(method).map_err(|()| "unbuilt: method")?;
    request.set_scheme(Some(&scheme)).map_err(|()| "unbuilt: scheme")?;
    request.set_authority(Some(authority)).map_err(|()| "unbuilt: authority")?;
    request.set_path_with_query(Some(path)).map_err(|()| "unbuilt: path")?;
    Ok(request)
}

/// All of a body, or what came before it broke off.
fn drain(stream: &InputStream) -> (Vec<u8>, Option<String>) {
    let mut read = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(chunk) => read.extend(chunk),
            Err(StreamError::Closed) => return (read, None),
            // wasmtime has no code for most faults of a body, but words.
            Err(StreamError::LastOperationFailed(error)) => {
                return (read, Some(error.to_debug_string().lines().next().unwrap_or_default().to_owned()));
            }
        }
    }
}
