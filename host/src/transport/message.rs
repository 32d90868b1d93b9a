//! From a body's bytes to JSON-RPC messages. Whatever comes, the answer is a message or an error with the right code:
//! rmcp takes what is wrong for another kind of message, or says so in plain text.
#![expect(deprecated, reason = "legacy clients set log levels")]

use std::fmt;

use axum::{http::StatusCode, response::Response};
use rmcp::model::{
    CallToolRequestParams, CancelledNotificationParam, ClientJsonRpcMessage, CompleteRequestParams,
    GetPromptRequestParams, InitializeRequestParams, JsonRpcMessage, PaginatedRequestParams,
    ProgressNotificationParam, ProtocolVersion, ReadResourceRequestParams, SetLevelRequestParams,
    SubscribeRequestParams, UnsubscribeRequestParams,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value, json};

use super::http::json_rpc_of;

/// Messages in one batch. Each may start a guest; a client that has more to ask sends several.
const BATCH: usize = 64;
/// Of a client's own words, this much is repeated to it.
const QUOTED: usize = 64;

/// Methods that 2026-07-28 does not have, of those with params.
const LEGACY: [&str; 4] = ["initialize", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"];

/// JSON-RPC 2.0 §5.1.
pub const PARSE_ERROR: i32 = -32700;
/// The same.
pub const INVALID_REQUEST: i32 = -32600;
/// The same.
pub const INVALID_PARAMS: i32 = -32602;

/// What a body holds.
#[derive(Debug)]
pub enum Incoming {
    /// One message.
    One(Message),
    /// A batch (2025-03-26 only); what is wrong with one of its messages is no matter of the others'.
    Many(Vec<Result<Message, Malformed>>),
}

/// A message that has the form of one.
#[derive(Debug)]
pub struct Message {
    value: Map<String, Value>,
    kind: Kind,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is to be answered.
    Request,
    /// It is not.
    Notification,
    /// It answers a request of ours.
    Answer,
}

/// What is wrong with a message, or with a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Malformed {
    /// The JSON-RPC error.
    pub code: i32,
    /// What is wrong.
    pub why: String,
    /// The id of the request, as far as there is one.
    pub id: Value,
}

impl Malformed {
    pub(super) fn new(code: i32, why: impl Into<String>) -> Self {
        Self { code, why: why.into(), id: Value::Null }
    }

    pub(super) fn of(mut self, id: Value) -> Self {
        self.id = id;
        self
    }

    /// Params that do not fit their method; rmcp would take the method for an unknown one.
    pub(super) fn unfit(method: &str, misfit: &serde_json::Error) -> Self {
        Self::new(INVALID_PARAMS, format!("the params of {method} do not fit: {misfit}"))
    }

    /// As the answer to the one message of a body.
    pub(super) fn response(self) -> Response {
        json_rpc_of(StatusCode::BAD_REQUEST, self.code, &self.why, &self.id)
    }

    /// As one of the answers to a batch.
    pub(super) fn answer(self) -> Value {
        json!({ "jsonrpc": "2.0", "id": self.id, "error": { "code": self.code, "message": self.why } })
    }
}

/// Reads a body.
///
/// # Errors
/// When it is no JSON, or its one message is none.
pub fn read(body: &[u8]) -> Result<Incoming, Malformed> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed = Strict.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    let value = parsed.map_err(|error| {
        if error.is_data() {
            return Malformed::new(INVALID_REQUEST, error.to_string());
        }
        Malformed::new(PARSE_ERROR, format!("the body is not JSON: {error}"))
    })?;
    let Value::Array(messages) = value else { return Message::new(value).map(Incoming::One) };
    if messages.is_empty() || messages.len() > BATCH {
        return Err(Malformed::new(INVALID_REQUEST, format!("a batch has between 1 and {BATCH} messages")));
    }
    let read = |message| Message::new(message)?.fit();
    Ok(Incoming::Many(messages.into_iter().map(read).collect()))
}

impl Message {
    fn new(value: Value) -> Result<Self, Malformed> {
        let Value::Object(value) = value else {
            return Err(Malformed::new(INVALID_REQUEST, "a message is a JSON object"));
        };
        let id = match value.get("id") {
            None => None,
            Some(Value::String(_)) => value.get("id").cloned(),
            Some(Value::Number(number)) if number.is_i64() => value.get("id").cloned(),
            Some(_) => {
                return Err(Malformed::new(
                    INVALID_REQUEST,
                    "`id` must be a string or an integer of 64 bits",
                ));
            }
        };
        let wrong = |code, why: String| Err(Malformed::new(code, why).of(id.clone().unwrap_or(Value::Null)));
        if value.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return wrong(INVALID_REQUEST, "`jsonrpc` must be \"2.0\"".to_owned());
        }
        let answers = value.contains_key("result") || value.contains_key("error");
        let kind = match (value.get("method"), &id) {
            (Some(Value::String(_)), _) if answers => {
                return wrong(
                    INVALID_REQUEST,
                    "a message with `method` has no `result` and no `error`".into(),
                );
            }
            (Some(Value::String(_)), Some(_)) => Kind::Request,
            (Some(Value::String(_)), None) => Kind::Notification,
            (Some(_), _) => return wrong(INVALID_REQUEST, "`method` must be a string".to_owned()),
            (None, _) if answers => Kind::Answer,
            (None, _) => return wrong(INVALID_REQUEST, "`method` is missing".to_owned()),
        };
        match (kind, value.get("params")) {
            (Kind::Answer, _) | (_, None | Some(Value::Object(_))) => {}
            _ => return wrong(INVALID_PARAMS, "`params` must be an object".to_owned()),
        }
        Ok(Self { value, kind })
    }

    /// The message, if its params fit its method.
    ///
    /// # Errors
    /// When they do not.
    pub fn fit(self) -> Result<Self, Malformed> {
        match self.misfit() {
            Some(misfit) => Err(Malformed::unfit(self.method().unwrap_or_default(), &misfit).of(self.id())),
            None => Ok(self),
        }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its method; none of an answer.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.value.get("method")?.as_str()
    }

    /// Its id, or null.
    #[must_use]
    pub fn id(&self) -> Value {
        self.value.get("id").cloned().unwrap_or(Value::Null)
    }

    /// The version that it names itself, as those do that need no session.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        let meta = self.value.get("params")?.get("_meta")?;
        meta.get("io.modelcontextprotocol/protocolVersion")?.as_str()
    }

    /// As rmcp knows it.
    ///
    /// # Errors
    /// When rmcp does not.
    pub fn typed(self) -> Result<ClientJsonRpcMessage, Malformed> {
        let (kind, id) = (self.kind, self.id());
        let typed = ClientJsonRpcMessage::deserialize(Value::Object(self.value));
        match typed {
            Ok(typed) if kind == kind_of(&typed) => Ok(typed),
            Ok(_) => Err(Malformed::new(INVALID_REQUEST, "the message is of no kind").of(id)),
            Err(error) => Err(Malformed::new(INVALID_REQUEST, error.to_string()).of(id)),
        }
    }

    /// Its params, if it has any.
    #[must_use]
    pub fn params(&self) -> Option<&Map<String, Value>> {
        self.value.get("params")?.as_object()
    }

    /// Its id and its params.
    #[must_use]
    pub fn into_request(mut self) -> (Value, Option<Map<String, Value>>) {
        let params = match self.value.remove("params") {
            Some(Value::Object(params)) => Some(params),
            _ => None,
        };
        (self.value.remove("id").unwrap_or_default(), params)
    }

    fn misfit(&self) -> Option<serde_json::Error> {
        let method = self.method()?;
        // They are unknown to who names that version, whatever comes with them.
        if LEGACY.contains(&method) && self.version().is_some_and(is_modern) {
            return None;
        }
        let empty = Value::Object(Map::new());
        let params = self.value.get("params").unwrap_or(&empty);
        match method {
            "initialize" => misfit::<InitializeRequestParams>(params),
            "tools/call" => misfit::<CallToolRequestParams>(params),
            "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" => {
                misfit::<PaginatedRequestParams>(params)
            }
            "prompts/get" => misfit::<GetPromptRequestParams>(params),
            "resources/read" => misfit::<ReadResourceRequestParams>(params),
            "resources/subscribe" => misfit::<SubscribeRequestParams>(params),
            "resources/unsubscribe" => misfit::<UnsubscribeRequestParams>(params),
            "completion/complete" => misfit::<CompleteRequestParams>(params),
            "logging/setLevel" => misfit::<SetLevelRequestParams>(params),
            "notifications/cancelled" => misfit::<CancelledNotificationParam>(params),
            "notifications/progress" => misfit::<ProgressNotificationParam>(params),
            _ => None,
        }
    }
}

fn misfit<P: DeserializeOwned>(params: &Value) -> Option<serde_json::Error> {
    P::deserialize(params).err()
}

fn kind_of(message: &ClientJsonRpcMessage) -> Kind {
    match message {
        JsonRpcMessage::Request(_) => Kind::Request,
        JsonRpcMessage::Notification(_) => Kind::Notification,
        JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => Kind::Answer,
    }
}

/// Whether a version knows no sessions.
#[must_use]
pub fn is_modern(version: &str) -> bool {
    version >= ProtocolVersion::V_2026_07_28.as_str()
}

/// Takes JSON as it is, but no object with a key twice: which of the two counts is not the same for everybody who
/// reads it (RFC 8259 §4).
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Self)?;
            if object.contains_key(&key) {
                let quoted: String = key.chars().take(QUOTED).collect();
                return Err(A::Error::custom(format!("the key {quoted:?} is there twice")));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(body: &str) -> Result<(), Malformed> {
        match read(body.as_bytes())? {
            Incoming::One(message) => message.fit().map(drop),
            Incoming::Many(_) => Ok(()),
        }
    }

    #[track_caller]
    fn refused(body: &str) -> (i32, String, Value) {
        let Malformed { code, why, id } = fit(body).unwrap_err();
        (code, why, id)
    }

    #[test]
    fn what_is_no_json_is_a_parse_error() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for body in [
            "",
            "{",
            "[1,",
            "nul",
            "{\"a\":01}",
            "{\"a\":1e999}",
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\udc00x"}"#,
            "{} {}",
            "\u{feff}{}",
            "{\"a\":'b'}",
            "{\"a\":NaN}",
            &deep(1000),
        ] {
            assert_eq!(refused(body).0, PARSE_ERROR, "{body:.40}");
        }
        assert_eq!(read(b"{\"a\":\"\xff\"}").unwrap_err().code, PARSE_ERROR);
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_wherever_it_is() {
        for body in [
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#,
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"b":1,"\u0062":2}}}"#,
            r#"[{"jsonrpc":"2.0","jsonrpc":"2.0","method":"ping","id":1}]"#,
        ] {
            let (code, why, id) = refused(body);
            assert_eq!((code, id), (INVALID_REQUEST, Value::Null));
            assert!(why.contains("is there twice"), "{why}");
        }
    }

    #[test]
    fn what_is_no_message_is_an_invalid_request() {
        for (body, why, id) in [
            ("1", "a message is a JSON object", json!(null)),
            ("{}", "`jsonrpc` must be \"2.0\"", json!(null)),
            (r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, "`jsonrpc` must be \"2.0\"", json!(7)),
            (r#"{"jsonrpc":"2.0","id":"a"}"#, "`method` is missing", json!("a")),
            (r#"{"jsonrpc":"2.0","id":7,"method":1}"#, "`method` must be a string", json!(7)),
            (
                r#"{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}"#,
                "a message with `method` has no `result` and no `error`",
                json!(7),
            ),
        ] {
            assert_eq!(refused(body), (INVALID_REQUEST, why.to_owned(), id));
        }
        for id in ["null", "1.5", "1e30", "18446744073709551615", "{}", "[]", "true"] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
            let why = "`id` must be a string or an integer of 64 bits".to_owned();
            assert_eq!(refused(&body), (INVALID_REQUEST, why, Value::Null));
        }
        let batch = |length: usize| format!("[{}]", vec!["1"; length].join(","));
        let why = "a batch has between 1 and 64 messages".to_owned();
        assert_eq!(refused(&batch(0)), (INVALID_REQUEST, why.clone(), Value::Null));
        assert_eq!(refused(&batch(BATCH + 1)), (INVALID_REQUEST, why, Value::Null));
        assert!(matches!(read(batch(BATCH).as_bytes()), Ok(Incoming::Many(all)) if all.len() == BATCH));
    }

    #[test]
    fn params_that_do_not_fit_are_named() {
        for (method, params, why) in [
            ("tools/call", "[]", "`params` must be an object"),
            ("ping", "1", "`params` must be an object"),
            ("tools/call", "{}", "the params of tools/call do not fit: missing field `name`"),
            (
                "tools/call",
                r#"{"name":5}"#,
                "the params of tools/call do not fit: invalid type: integer `5`, expected a string",
            ),
            (
                "tools/call",
                r#"{"name":"a","arguments":[]}"#,
                "the params of tools/call do not fit: invalid type: sequence, expected a map",
            ),
            ("logging/setLevel", "{}", "the params of logging/setLevel do not fit: missing field `level`"),
        ] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}"#);
            assert_eq!(refused(&body), (INVALID_PARAMS, why.to_owned(), json!(7)), "{body}");
        }
        let meta = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;
        for (method, known) in [("initialize", false), ("tools/call", true)] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{meta}}}"#);
            assert_eq!(fit(&body).is_err(), known, "{method}");
        }
    }

    #[test]
    fn each_kind_is_told_apart_and_known_to_rmcp() {
        for (body, kind) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, Kind::Request),
            (r#"{"jsonrpc":"2.0","id":"1","method":"no/such","params":{}}"#, Kind::Request),
            (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, Kind::Notification),
            (r#"{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}"#, Kind::Answer),
            (r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}"#, Kind::Answer),
        ] {
            let Incoming::One(message) = read(body.as_bytes()).unwrap() else { panic!("{body}") };
            assert_eq!(message.kind(), kind);
            message.typed().unwrap();
        }
    }
}
