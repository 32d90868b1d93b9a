//! A plain client: JSON-RPC over one POST at a time, as close to the wire as a test needs.

use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Bytes};
use hyper_util::{client::legacy::Client as Http, rt::TokioExecutor};
use serde_json::{Value, json};

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

    /// The same client with a further header in every request.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends any request; the headers MCP needs are there unless `request` has its own.
    pub(crate) async fn send(&self, request: Request<String>) -> Response<Bytes> {
        let (mut parts, body) = request.into_parts();
        let usual = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
        for (name, value) in usual {
            parts.headers.entry(name).or_insert_with(|| value.parse().unwrap());
        }
        for (name, value) in &self.headers {
            parts.headers.insert(hyper::header::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        let response = self.http.request(Request::from_parts(parts, Full::from(body))).await.unwrap();
        let (parts, body) = response.into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
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
