//! A plain client: JSON-RPC over one POST at a time, as close to the wire as a test needs.

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
};
use hyper_util::{client::legacy::Client as Http, rt::TokioExecutor};
use serde_json::{Value, json};

/// Why there is no answer.
pub(crate) type Gone = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Client {
    url: String,
    /// Sent with every request.
    headers: Vec<(String, String)>,
    http: Http<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>,
}

impl Client {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            headers: Vec::new(),
            http: Http::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Where it sends to.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The same client with a further header in every request.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same client at a URL with this at its end.
    pub(crate) fn at(&self, end: &str) -> Self {
        Self { url: format!("{}{end}", self.url), ..self.clone() }
    }

    /// Begins a session with a version; the client that is in it.
    pub(crate) async fn begin(&self, version: &str) -> Self {
        let response = self.post(&initialize(version)).await;
        assert_eq!(response.status(), 200, "{response:?}");
        let id = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        self.clone().with("mcp-session-id", &id).with("mcp-protocol-version", version)
    }

    /// The value of a header of every request.
    pub(crate) fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(known, _)| known == name).unwrap().1
    }

    /// A request without a body to this client's URL.
    pub(crate) async fn bare(&self, method: &str) -> Response<Bytes> {
        self.send(Request::builder().method(method).uri(&self.url).body(String::new()).unwrap()).await
    }

    /// Sends a request whose answer is a stream, and does not wait for its end.
    pub(crate) async fn stream(&self, method: &str, body: &str) -> Events {
        let request = Request::builder().method(method).uri(&self.url).body(body.to_owned()).unwrap();
        let (parts, body) = self.begin_to_send(request).await.into_parts();
        Events { status: parts.status.as_u16(), headers: parts.headers, body, read: Vec::new() }
    }

    /// Sends any request; the headers MCP needs are there unless `request` has its own.
    pub(crate) async fn send(&self, request: Request<String>) -> Response<Bytes> {
        self.try_send(request).await.unwrap()
    }

    /// The same where the server may be gone before it has answered.
    pub(crate) async fn try_send(&self, request: Request<String>) -> Result<Response<Bytes>, Gone> {
        let (parts, body) = self.try_to_send(request).await?.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }

    async fn begin_to_send(&self, request: Request<String>) -> Response<Incoming> {
        self.try_to_send(request).await.unwrap()
    }

    async fn try_to_send(&self, request: Request<String>) -> Result<Response<Incoming>, Gone> {
        let (mut parts, body) = request.into_parts();
        let usual = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
        for (name, value) in usual {
            parts.headers.entry(name).or_insert_with(|| value.parse().unwrap());
        }
        for (name, value) in &self.headers {
            parts.headers.insert(hyper::header::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        Ok(self.http.request(Request::from_parts(parts, Full::from(body))).await?)
    }

    pub(crate) async fn post(&self, body: &str) -> Response<Bytes> {
        self.send(Request::post(&self.url).body(body.to_owned()).unwrap()).await
    }

    /// What another path of the same host answers, as text.
    pub(crate) async fn get(&self, path: &str) -> String {
        let url = self.url.parse::<hyper::Uri>().unwrap();
        let url = format!("http://{}{path}", url.authority().unwrap());
        let response = self.send(Request::get(url).body(String::new()).unwrap()).await;
        String::from_utf8(response.body().to_vec()).unwrap()
    }

    /// The names of the tools that are listed.
    pub(crate) async fn tools(&self) -> Vec<String> {
        let listed = self.rpc("tools/list", json!({})).await;
        let tools = listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("{listed}"));
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// One JSON-RPC request; the whole response message.
    pub(crate) async fn rpc(&self, method: &str, params: Value) -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = self.post(&message.to_string()).await;
        serde_json::from_slice(response.body()).unwrap_or_else(|e| panic!("{e}: {response:?}"))
    }

    /// A tool call whose server may be gone before it has answered; the whole response message.
    pub(crate) async fn try_call(&self, tool: &str, arguments: Value) -> Result<Value, Gone> {
        let params = json!({ "name": tool, "arguments": arguments });
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let response = self.try_send(Request::post(&self.url).body(message.to_string()).unwrap()).await?;
        Ok(serde_json::from_slice(response.body()).unwrap_or_else(|e| panic!("{e}: {response:?}")))
    }

    /// One tool call; its `result`, or the JSON-RPC `error`.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        let mut message = self.rpc("tools/call", json!({ "name": tool, "arguments": arguments })).await;
        if message["error"].is_null() { message["result"].take() } else { message["error"].take() }
    }

    /// The structured result of a call that must succeed.
    pub(crate) async fn ok(&self, tool: &str, arguments: Value) -> Value {
        let mut result = self.call(tool, arguments).await;
        assert!(result["isError"] != json!(true) && result["content"].is_array(), "{tool}: {result}");
        result["structuredContent"].take()
    }

    /// Reason and text of a call that must fail.
    pub(crate) async fn refused(&self, tool: &str, arguments: Value) -> (String, String) {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], json!(true), "{tool}: {result}");
        let reason = result["_meta"]["bulkhead/error"]["reason"].as_str().unwrap().to_owned();
        (reason, result["content"][0]["text"].as_str().unwrap().to_owned())
    }

    /// One call of the `hostile` guest's `fetch`, served under the name `service`: the responses, or reason
    /// and text of why there are none.
    pub(crate) async fn fetch(
        &self,
        service: &str,
        arguments: Value,
    ) -> Result<Vec<Value>, (String, String)> {
        let mut result = self.call(&format!("{service}_fetch"), arguments).await;
        if result["isError"] == json!(true) {
            let reason = result["_meta"]["bulkhead/error"]["reason"].as_str().unwrap().to_owned();
            return Err((reason, result["content"][0]["text"].as_str().unwrap().to_owned()));
        }
        let Value::Array(responses) = result["structuredContent"]["responses"].take() else {
            panic!("{result}");
        };
        Ok(responses)
    }
}

/// A request of 2026-07-28 to be told of something.
pub(crate) fn listen(notifications: &Value) -> String {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "notifications": notifications, "_meta": meta });
    json!({ "jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen", "params": params }).to_string()
}

/// The body of `initialize`.
pub(crate) fn initialize(version: &str) -> String {
    let client = json!({ "name": "t", "version": "1" });
    let params = json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client });
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params }).to_string()
}

/// A stream of server-sent events, as it comes. Dropped, its connection is closed.
#[derive(Debug)]
pub(crate) struct Events {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    read: Vec<u8>,
}

/// One of them.
#[derive(Debug, Default)]
pub(crate) struct Event {
    pub(crate) kind: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) retry: Option<String>,
    pub(crate) data: String,
}

impl Event {
    /// Its data, which is JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Events {
    /// The next event, comments left out; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\n\n") {
                let text: Vec<u8> = self.read.drain(..end + 2).collect();
                let event = Self::parse(std::str::from_utf8(&text).unwrap());
                if event.is_some() {
                    return event;
                }
                continue;
            }
            let frame = self.body.frame().await?.unwrap();
            self.read.extend_from_slice(&frame.into_data().unwrap());
        }
    }

    /// All that is left.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    fn parse(text: &str) -> Option<Event> {
        let mut event = Event::default();
        let mut any = false;
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(':')) {
            let (name, value) = line.split_once(": ").unwrap();
            any = true;
            match name {
                "event" => event.kind = Some(value.to_owned()),
                "id" => event.id = Some(value.to_owned()),
                "retry" => event.retry = Some(value.to_owned()),
                "data" => event.data.push_str(value),
                other => panic!("{other}"),
            }
        }
        any.then_some(event)
    }
}
