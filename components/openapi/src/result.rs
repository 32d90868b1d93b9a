//! Owns results: status, the headers that were selected, and the body by its media type. How much of it reaches a client,
//! and which part, is the host's.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::{Response, serde_json};

/// What a body is.
enum Body {
    None,
    Json(Value),
    Text(String),
    /// Bytes of that media type.
    Binary(String),
}

/// A response that went well, as `{status, headers, body}`.
pub(crate) fn output(response: &Response, at: &str, selected: &[&str]) -> Output {
    let mut result = json!({ "status": response.status });
    let headers: serde_json::Map<String, Value> = selected
        .iter()
        .filter_map(|name| Some((name.to_ascii_lowercase(), json!(response.header(name)?))))
        .collect();
    let mut put = |key: &str, value: Value| {
        if let Value::Object(result) = &mut result {
            result.insert(key.to_owned(), value);
        }
    };
    let plain = headers.is_empty();
    if !plain {
        put("headers", Value::Object(headers));
    }
    match body(response) {
        Body::None => Output::json(&result),
        Body::Json(value) => {
            put("body", value);
            Output::json(&result)
        }
        Body::Text(text) => {
            put("body", json!(text));
            // JSON around a text would only escape it.
            if plain { Output::structured_with_text(result, text) } else { Output::json(&result) }
        }
        Body::Binary(mime_type) => {
            put("media_type", json!(mime_type));
            put("bytes", json!(response.body.len()));
            let data = response.body.clone();
            Output::json(&result).content(match mime_type.split('/').next() {
                Some("image") => Content::Image { data, mime_type },
                Some("audio") => Content::Audio { data, mime_type },
                _ => Content::Blob { uri: at.to_owned(), mime_type: Some(mime_type), data },
            })
        }
    }
}

fn body(response: &Response) -> Body {
    if response.body.is_empty() {
        return Body::None;
    }
    let kind = response.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = || serde_json::from_slice::<Value>(&response.body).ok();
    let says_json = ["", "application/json", "text/json"].contains(&kind.as_str()) || kind.ends_with("+json");
    if says_json && let Some(value) = json() {
        return Body::Json(value);
    }
    if kind.contains("ndjson") || kind == "application/jsonl" {
        let lines = response.body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        if let Ok(values) = lines.map(serde_json::from_slice).collect::<Result<Vec<Value>, _>>() {
            return Body::Json(Value::Array(values));
        }
    }
    // Text is what reads as text, unless it says that it is something else.
    let binary = ["image/", "audio/", "video/", "font/"].iter().any(|prefix| kind.starts_with(prefix))
        && kind != "image/svg+xml";
    match std::str::from_utf8(&response.body) {
        Ok(text) if !binary && !text.contains('\0') => Body::Text(text.to_owned()),
        _ if kind.is_empty() => Body::Binary("application/octet-stream".to_owned()),
        _ => Body::Binary(kind),
    }
}
