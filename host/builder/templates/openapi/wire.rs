//! Owns how arguments are written in requests, as far as this API needs it, and what becomes of responses.

// @use
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::{Request, Response};
// @use query each fields deep header cookies form multipart lines
use serde_json::Map;
// @use file
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
// @answer
/// Sends a request and passes on what came back: an object as it is, other JSON as `result`, text as text.
pub(crate) async fn answer(request: Request) -> Result<Output> {
    let response: Response = request.send().await?.ok()?;
    if response.body.is_empty() {
        return Ok(Output::json(&json!({ "status": response.status })));
    }
    let kind = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    match serde_json::from_slice::<Value>(&response.body) {
        Ok(object @ Value::Object(_)) => Ok(Output::json(&object)),
        Ok(other) => Ok(Output::json(&json!({ "result": other }))),
        Err(_) if kind.starts_with("image/") => {
            Ok(Output::new().content(Content::Image { data: response.body.clone(), mime_type: kind }))
        }
        Err(_) => match String::from_utf8(response.body.clone()) {
            Ok(text) => Ok(Output::text(text)),
            Err(_) => Err(Error::failed(format!("the API answered with bytes of the type {kind:?}"))),
        },
    }
}
// @value
/// An argument as JSON.
pub(crate) fn value(argument: &impl Serialize) -> Result<Value> {
    serde_json::to_value(argument).map_err(|error| Error::failed(error.to_string()))
}
// @plain
/// A value as a text; lists and objects in it are JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
// @text
/// An argument as a text.
pub(crate) fn text(argument: &impl Serialize) -> Result<String> {
    Ok(plain(&value(argument)?))
}
// @items
/// What a value has in it, if it is a list.
fn items(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().filter(|item| !item.is_null()).map(plain).collect(),
        one => vec![plain(one)],
    }
}
// @json
/// `filter={"a":1}`
pub(crate) fn json(request: Request, key: &str, argument: &impl Serialize) -> Result<Request> {
    Ok(match value(argument)? {
        Value::Null => request,
        value => request.query(key, value),
    })
}
// @each
/// `tags=a&tags=b`, and `a=1&b=2` for an object.
pub(crate) fn each(request: Request, key: &str, argument: &impl Serialize) -> Result<Request> {
    Ok(match value(argument)? {
        Value::Object(fields) => apart(request, &fields),
        value => items(&value).into_iter().fold(request, |request, item| request.query(key, item)),
    })
}

/// The fields of an object, each for itself.
fn apart(request: Request, fields: &Map<String, Value>) -> Request {
    let there = fields.iter().filter(|(_, field)| !field.is_null());
    there.fold(request, |request, (name, field)| request.query(name, plain(field)))
}
// @joined
/// `tags=a,b`
pub(crate) fn joined(request: Request, key: &str, between: char, argument: &impl Serialize) -> Result<Request> {
    let parts = match value(argument)? {
        Value::Object(fields) => {
            let there = fields.into_iter().filter(|(_, field)| !field.is_null());
            there.flat_map(|(name, field)| [name, plain(&field)]).collect()
        }
        value => items(&value),
    };
    if let Some(odd) = parts.iter().find(|part| part.contains(between)) {
        return Err(Error::invalid(key, format!("`{odd}` has {between:?} in it, which this API separates values with")));
    }
    Ok(if parts.is_empty() { request } else { request.query(key, parts.join(&between.to_string())) })
}
// @deep
/// `filter[name]=x&filter[tags][0]=y`
pub(crate) fn deep(request: Request, key: &str, argument: &impl Serialize) -> Result<Request> {
    Ok(below(request, key, &value(argument)?))
}

fn below(request: Request, key: &str, value: &Value) -> Request {
    match value {
        Value::Null => request,
        Value::Object(fields) => {
            fields.iter().fold(request, |request, (name, field)| below(request, &format!("{key}[{name}]"), field))
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.fold(request, |request, (place, item)| below(request, &format!("{key}[{place}]"), item))
        }
        one => request.query(key, plain(one)),
    }
}
// @segments
/// `a,b` as one segment of a path.
pub(crate) fn segments(name: &str, argument: &impl Serialize) -> Result<String> {
    let parts = items(&value(argument)?);
    match parts.iter().find(|part| part.contains(',')) {
        Some(odd) => Err(Error::invalid(name, format!("`{odd}` has a comma in it, which this API separates values with"))),
        None => Ok(parts.join(",")),
    }
}
// @header
/// A header, if there is anything to say; a list is `a,b`.
pub(crate) fn header(request: Request, name: &str, argument: &impl Serialize) -> Result<Request> {
    let parts = match value(argument)? {
        Value::Object(fields) => fields.into_iter().flat_map(|(name, field)| [name, plain(&field)]).collect(),
        value => items(&value),
    };
    let text = parts.join(",");
    if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Err(Error::invalid(name, "goes into a header: visible ASCII without line breaks"));
    }
    Ok(if parts.is_empty() { request } else { request.header(name, text) })
}
// @cookies
/// The cookies that were given; the operator's `egress` has to name them.
pub(crate) fn cookies(request: Request, cookies: &[(&str, Value)]) -> Result<Request> {
    let mut pairs = Vec::new();
    for (name, value) in cookies.iter().filter(|(_, value)| !value.is_null()) {
        let text = plain(value);
        if !text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)) {
            return Err(Error::invalid(name, "goes into a cookie: no spaces, quotes, commas, semicolons"));
        }
        pairs.push(format!("{name}={text}"));
    }
    Ok(if pairs.is_empty() { request } else { request.header("cookie", pairs.join("; ")) })
}
// @body
/// A JSON body of another media type than `application/json`.
pub(crate) fn body(request: Request, kind: &str, argument: &impl Serialize) -> Result<Request> {
    Ok(request.body(value(argument)?.to_string(), kind))
}
// @lines
/// One JSON value on each line.
pub(crate) fn lines(request: Request, kind: &str, argument: &impl Serialize) -> Result<Request> {
    let all = match value(argument)? {
        Value::Array(items) => items,
        one => vec![one],
    };
    let text: String = all.iter().map(|item| format!("{item}\n")).collect();
    Ok(request.body(text, kind))
}
// @form
/// `a=1&b=2`: lists repeat their name, objects are JSON.
pub(crate) fn form(request: Request, argument: &impl Serialize) -> Result<Request> {
    let value = value(argument)?;
    let fields = value.as_object().ok_or_else(|| Error::invalid("body", "expected an object"))?;
    let pairs: Vec<(&str, String)> = fields
        .iter()
        .flat_map(|(name, field)| items(field).into_iter().map(move |item| (name.as_str(), item)))
        .collect();
    Ok(request.form(&pairs.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>()))
}
// @file
/// A file: its text, or its bytes in base64.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The content, if it is text.
    pub text: Option<String>,
    /// The content in base64, if not.
    pub base64: Option<String>,
    /// What it is called.
    pub filename: Option<String>,
    /// Its media type.
    pub content_type: Option<String>,
}

impl File {
    fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        match (&self.text, &self.base64) {
            (Some(text), None) => Ok(text.clone().into_bytes()),
            (None, Some(encoded)) => {
                STANDARD.decode(encoded).map_err(|error| Error::invalid(name, format!("is not base64: {error}")))
            }
            _ => Err(Error::invalid(name, "expected either `text` or `base64`")),
        }
    }
}
// @binary
/// Bytes as a body.
pub(crate) fn binary(request: Request, kind: &str, file: &File) -> Result<Request> {
    let kind = file.content_type.as_deref().unwrap_or(kind);
    Ok(request.body(file.bytes("body")?, kind))
}
// @multipart
/// A part for each value, and for each file.
pub(crate) fn multipart(request: Request, argument: &impl Serialize, files: &[&str]) -> Result<Request> {
    let value = value(argument)?;
    let fields = value.as_object().ok_or_else(|| Error::invalid("body", "expected an object"))?;
    let mut parts = Vec::new();
    for (name, field) in fields {
        let all = match field {
            Value::Null => continue,
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for one in all {
            parts.push(if files.contains(&name.as_str()) { attached(name, one)? } else { said(name, one) });
        }
    }
    // Made of the content, so that the same call sends the same bytes; and not in it.
    let mut boundary = String::from("part");
    while parts.iter().any(|part| part.windows(boundary.len()).any(|there| there == boundary.as_bytes())) {
        boundary.push_str(&format!("-{}", parts.len() + boundary.len()));
    }
    let mut body = Vec::new();
    for part in parts {
        body.extend(format!("--{boundary}\r\n").bytes());
        body.extend(part);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").bytes());
    Ok(request.body(body, &format!("multipart/form-data; boundary={boundary}")))
}

fn said(name: &str, value: &Value) -> Vec<u8> {
    let kind = if value.is_object() || value.is_array() { "\r\ncontent-type: application/json" } else { "" };
    format!("content-disposition: form-data; name=\"{}\"{kind}\r\n\r\n{}", quoted(name), plain(value)).into_bytes()
}

fn attached(name: &str, value: &Value) -> Result<Vec<u8>> {
    let file: File = serde_json::from_value(value.clone()).map_err(|error| Error::invalid(name, error.to_string()))?;
    let usual = if file.text.is_some() { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    let kind = file.content_type.as_deref().unwrap_or(usual);
    if !kind.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Err(Error::invalid(name, "content_type: is not a media type"));
    }
    let called = quoted(file.filename.as_deref().unwrap_or(name));
    let name_in_it = quoted(name);
    let head = format!(
        "content-disposition: form-data; name=\"{name_in_it}\"; filename=\"{called}\"\r\ncontent-type: {kind}\r\n\r\n"
    );
    Ok([head.into_bytes(), file.bytes(name)?].concat())
}

fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
