//! What its tools do.

use serde_json::{Value, json};

use crate::{
    bindings::{
        bulkhead::service::{
            call,
            types::{Outcome, Retry, ServiceError, ToolCall, ToolResult, UpstreamError},
        },
        wasi::{
            clocks::monotonic_clock,
            http::types::{Fields, Method},
        },
    },
    drawn,
    export::{config, lighten},
    has,
    http::{self, Reply},
};

type Answer = Result<Outcome, ServiceError>;

/// One call.
pub fn call(call: &ToolCall) -> Answer {
    let arguments: Value = serde_json::from_str(&call.arguments)
        .map_err(|error| ServiceError::InvalidArguments(error.to_string()))?;
    let id = arguments["id"].as_i64().unwrap_or_default();
    let url = format!("{}/items/{id}", config("url"));
    match call.name.as_str() {
        "put_item" => put(&url, &arguments),
        "delete_item" => answered(&send(&Method::Delete, &url, &[], &[])?),
        _ => get(id, &url),
    }
}

fn get(id: i64, url: &str) -> Answer {
    misbehave(id);
    talk();
    if has("call.result") {
        return structured(&json!({ "bytes": 1, "all": "x".repeat(2 << 20) }));
    }
    if has("call.output") {
        return structured(&json!({ "bytes": "many" }));
    }
    if has("annotations.read_only") {
        return answered(&send(&Method::Put, url, &[], b"{}")?);
    }
    if has("annotations.read_only_post") {
        return answered(&send(&Method::Post, url, &[], b"{}")?);
    }
    if has("egress.malformed") {
        let _ = http::get(&format!("{}/items/..%2f{id}", config("url")));
    }
    if has("egress.credential") {
        return answered(&send(&Method::Get, url, &[("authorization", b"Bearer mine")], &[])?);
    }
    if has("egress.many") {
        // Until one is refused; an upstream that fails is not asked again.
        let well = |reply: &Reply| reply.status == 200 && reply.body.len() < 1 << 20;
        let last = (0..150).map(|_| http::get(url)).find(|reply| !reply.as_ref().is_ok_and(well));
        return last.and_then(Result::ok).map_or(failed("nothing came"), |reply| answered(&reply));
    }
    if has("log.secret") {
        return answered(&send(&Method::Get, &format!("{url}?token={}", config("api_token")), &[], &[])?);
    }
    answered(&send(&Method::Get, url, &[], &[])?)
}

fn put(url: &str, arguments: &Value) -> Answer {
    let mut body = json!({ "name": arguments["name"] });
    if has("annotations.idempotent") {
        body["request"] = json!(drawn());
    }
    answered(&send(&Method::Put, url, &[], body.to_string().as_bytes())?)
}

/// What a guest must not, whatever its upstream does.
fn misbehave(id: i64) {
    assert!(!has("call.trap") || id < 100, "the last item");
    if has("call.deadline") {
        monotonic_clock::subscribe_duration(3_600_000_000_000).block();
    }
    if has("call.cpu") {
        let mut n = 0_u64;
        loop {
            n = std::hint::black_box(n.wrapping_add(1));
        }
    }
    if has("call.memory") {
        let mut all = Vec::new();
        loop {
            all.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        }
    }
    if has("call.handles") {
        std::mem::forget((0..1000).map(|_| Fields::new()).collect::<Vec<_>>());
    }
}

fn talk() {
    if has("log.progress") {
        call::progress(2.0, Some(3.0), None);
        call::progress(1.0, Some(3.0), None);
    }
    if has("log.flood") {
        eprintln!("{}", "one more line\n".repeat(10_000));
    }
}

fn send(method: &Method, url: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Result<Reply, ServiceError> {
    lighten();
    http::send(method, url, headers, body).map_err(|code| {
        assert!(!has("upstream.trap"), "nobody expects this");
        let why = http::code(&code);
        if why == "HttpRequestDenied" {
            return ServiceError::Denied("the host does not let this request out".to_owned());
        }
        while has("upstream.hang") {
            monotonic_clock::subscribe_duration(100_000_000).block();
        }
        ServiceError::Unavailable(Retry {
            message: format!("the shop does not answer: {why}"),
            retry_after_ms: None,
        })
    })
}

/// What a reply means.
fn answered(reply: &Reply) -> Answer {
    if has("upstream.memory") && reply.body.len() > 1 << 20 {
        std::hint::black_box(vec![reply.body.clone(); 12]);
    }
    let hidden = has("upstream.error_hidden") && reply.status != 404
        || has("upstream.not_found_hidden") && reply.status == 404;
    if reply.status == 200 || hidden {
        let bytes = reply.body.len();
        return structured(&json!({ "bytes": bytes }));
    }
    if has("upstream.status_unsaid") {
        return failed("it did not work");
    }
    let message = format!("the shop answers {}", reply.status);
    let retry_after = reply.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
    let retry_after_ms = retry_after.map(|wait| wait * 1000).filter(|_| !has("upstream.retry_lost"));
    Err(match reply.status {
        404 => ServiceError::NotFound(message),
        401 => ServiceError::Denied(message),
        429 => ServiceError::RateLimited(Retry { message, retry_after_ms }),
        503 => ServiceError::Unavailable(Retry { message, retry_after_ms }),
        status => ServiceError::Upstream(UpstreamError { status, message }),
    })
}

fn structured(value: &Value) -> Answer {
    Ok(Outcome::Complete(ToolResult { content: Vec::new(), structured: Some(value.to_string()), meta: None }))
}

fn failed(message: &str) -> Answer {
    Err(ServiceError::Failed(message.to_owned()))
}
