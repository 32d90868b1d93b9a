//! The upstream of a component under test: a server on loopback that answers to whatever was asked, as the script of the
//! moment says, and remembers what it was asked. What its author wrote for it (`--upstream`) comes first, where nothing is
//! meant to fail.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// What every failing answer says. A result with these words does not hide the failure.
pub(super) const WORDS: &str = "the kit's upstream says no";
/// Seconds after which it may be asked again.
pub(super) const RETRY_AFTER: u64 = 37;
/// A body that nobody should read to its end: more than the SDKs do.
const HUGE: usize = 9 << 20;
/// What is kept of a request's body.
const BODY: usize = 1 << 20;

/// How the upstream answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// As if all were well; with one of several bodies, for nobody knows what it should be.
    Well(usize),
    /// With this status, and words.
    Status(u16),
    /// With 200 and bytes that are not what they say.
    Garbage,
    /// With 200 and a body that breaks off.
    Truncated,
    /// With 200 and a body of nine megabytes.
    Huge,
    /// With 200 and nothing.
    Empty,
    /// With a redirect to a host that nobody granted.
    Redirect,
    /// Not at all.
    Silence,
}

impl Script {
    /// Every way to fail, in the order in which they are played: the last makes the host leave the upstream alone.
    pub(super) const TROUBLES: [Self; 12] = [
        Self::Status(401),
        Self::Status(404),
        Self::Status(409),
        Self::Status(500),
        Self::Status(503),
        Self::Garbage,
        Self::Truncated,
        Self::Huge,
        Self::Empty,
        Self::Redirect,
        Self::Silence,
        Self::Status(429),
    ];

    /// Its name, for the report.
    pub(super) fn name(self) -> String {
        match self {
            Self::Well(_) => "well".to_owned(),
            Self::Status(status) => status.to_string(),
            Self::Garbage => "garbage".to_owned(),
            Self::Truncated => "a body that breaks off".to_owned(),
            Self::Huge => "nine megabytes".to_owned(),
            Self::Empty => "an empty body".to_owned(),
            Self::Redirect => "302".to_owned(),
            Self::Silence => "silence".to_owned(),
        }
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) method: String,
    /// Whom it was meant for.
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Received {
    /// Whether it only asks.
    pub(super) fn reads(&self) -> bool {
        reads(&self.method)
    }
}

/// Whether a method only asks, whatever the path (RFC 9110 §9.2.1).
pub(super) fn reads(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// What the author says the upstream answers when all is well.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// `GET /v1/items/*`: a method, and a path in which a last `*` is any rest.
    on: String,
    /// 200 unless given.
    status: Option<u16>,
    /// Of the response.
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    /// Text as it is; anything else as JSON.
    #[serde(default)]
    body: Value,
}

impl Answer {
    /// Reads a list of answers, YAML or JSON.
    pub(super) fn list(text: &str) -> Result<Vec<Self>, String> {
        let list: Vec<Self> =
            serde_saphyr::from_str(text).map_err(|error| error.without_snippet().to_string())?;
        for one in &list {
            let method = one.on.split_once(' ').filter(|(method, path)| {
                !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase()) && path.starts_with('/')
            });
            if method.is_none() {
                return Err(format!("on: `{}` is not a method and a path, like `GET /v1/items/*`", one.on));
            }
            if let Some(status) = one.status.filter(|status| StatusCode::from_u16(*status).is_err()) {
                return Err(format!("status: {status} is none"));
            }
            let unsound = one.headers.iter().find(|(name, value)| {
                HeaderName::try_from(name.as_str()).is_err() || HeaderValue::try_from(value.as_str()).is_err()
            });
            if let Some((name, _)) = unsound {
                return Err(format!("headers: `{name}` is no header, or its value is none"));
            }
        }
        Ok(list)
    }

    fn fits(&self, method: &str, path: &str) -> bool {
        let Some((own, pattern)) = self.on.split_once(' ') else { return false };
        own == method
            && match pattern.strip_suffix('*') {
                Some(start) => path.starts_with(start),
                None => path == pattern,
            }
    }

    fn response(&self) -> Response<Body> {
        let (text, kind) = match &self.body {
            Value::String(text) => (text.clone(), "text/plain; charset=utf-8"),
            Value::Null => (String::new(), "text/plain; charset=utf-8"),
            body => (body.to_string(), "application/json"),
        };
        let mut response = said(self.status.unwrap_or(200), kind, text);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()))
            {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Bodies as upstreams have them. Which one is right nobody knows; none may crash a component.
fn bodies() -> [Value; 6] {
    let one = json!({ "id": 1, "name": "example", "status": "ok", "created_at": "2026-01-02T03:04:05Z" });
    [
        json!({ "id": 1, "name": "example", "status": "success", "data": [one], "items": [one], "total": 1 }),
        json!({}),
        json!([]),
        json!({ "status": "success", "data": {}, "items": [], "result": [] }),
        json!([one, one]),
        json!({ "data": null, "items": null, "id": "1", "name": 1, "status": [] }),
    ]
}

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The upstream.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    script: Script,
    answers: Vec<Answer>,
    received: Vec<Received>,
}

impl Upstream {
    /// Starts it, on a free port.
    pub(super) async fn start(answers: Vec<Answer>) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State { script: Script::Well(0), answers, received: Vec::new() }));
        let known = state.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let known = known.clone();
                tokio::spawn(async move {
                    let serve = service_fn(move |request| answer(known.clone(), request));
                    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), serve);
                    // A client that goes away has had enough.
                    let _ = serving.await;
                });
            }
        });
        Ok(Self { address, state, serving })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// From now on it answers so, and remembers nothing of before.
    pub(super) fn play(&self, script: Script) {
        let mut state = self.state();
        state.script = script;
        state.received.clear();
    }

    /// What came since.
    pub(super) fn received(&self) -> Vec<Received> {
        self.state().received.clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing under this lock can panic.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY).collect().await.map(http_body_util::Collected::to_bytes);
    let host =
        parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let received = Received {
        method: parts.method.to_string(),
        host,
        target: parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned(),
        headers: parts.headers,
        body: body.unwrap_or_default(),
    };
    let (script, written) = {
        let mut state = locked(&state);
        let fits = |answer: &&Answer| answer.fits(&received.method, parts.uri.path());
        let written = state.answers.iter().find(fits).map(Answer::response);
        state.received.push(received);
        (state.script, written)
    };
    let response = match (script, written) {
        (Script::Well(_), Some(written)) => written,
        (Script::Silence, _) => std::future::pending().await,
        (script, _) => played(script),
    };
    Ok(response)
}

fn played(script: Script) -> Response<Body> {
    const JSON: &str = "application/json";
    match script {
        Script::Well(turn) => {
            let bodies = bodies();
            let body = bodies.get(turn.checked_rem(bodies.len()).unwrap_or_default());
            said(200, JSON, body.cloned().unwrap_or_default().to_string())
        }
        Script::Status(status) => {
            let mut response = said(status, JSON, json!({ "message": WORDS, "error": WORDS }).to_string());
            if status == 429 {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
            }
            response
        }
        Script::Garbage => said(200, JSON, Bytes::from_static(b"\x00\xff\xfe<html>{\"data\": \xc3\x28")),
        Script::Truncated => {
            let start = Frame::data(Bytes::from_static(b"{\"status\":\"success\",\"data\":[{\"id\":"));
            let broken = std::io::Error::other("the kit's upstream breaks off");
            let body = StreamBody::new(stream::iter([Ok(start), Err(broken)]));
            let mut response = Response::new(body.boxed_unsync());
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
            response
        }
        Script::Huge => said(200, JSON, format!("{{\"data\":\"{}\"}}", "x".repeat(HUGE))),
        Script::Empty | Script::Silence => said(200, JSON, ""),
        Script::Redirect => {
            let mut response = said(302, "text/plain", WORDS);
            let elsewhere = HeaderValue::from_static("http://elsewhere.test/");
            response.headers_mut().insert(header::LOCATION, elsewhere);
            response
        }
    }
}

fn said(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // Otherwise what it said while all was well might answer where it is to fail.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_author_writes_is_answered_or_refused_with_the_reason() {
        let list = Answer::list(
            "- { on: 'GET /a/*', body: { x: 1 } }\n- { on: 'POST /b', status: 201, body: made }",
        );
        let list = list.unwrap();
        assert!(list[0].fits("GET", "/a/b/c") && !list[0].fits("GET", "/a") && !list[0].fits("POST", "/a/b"));
        assert!(list[1].fits("POST", "/b") && !list[1].fits("POST", "/b/c"));
        assert_eq!(list[1].response().status(), 201);
        for (text, why) in [
            ("- { on: /a }", "is not a method and a path"),
            ("- { on: 'GET /', status: 99 }", "status: 99"),
            ("- { on: 'GET /', headers: { 'a b': c } }", "headers: `a b`"),
            ("- { of: 'GET /' }", "of"),
            ("3", ""),
        ] {
            let error = Answer::list(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
