//! A body as a client sends it to `/mcp`. Whatever it is, it is a message or an error with the right code, and a message
//! is what any reader of JSON takes it for.
#![no_main]

use bulkhead::transport::message::{
    INVALID_PARAMS, INVALID_REQUEST, Incoming, Kind, Malformed, Message, PARSE_ERROR, read,
};
use serde_json::Value;

fn one(message: Message, value: &Value) {
    let object = value.as_object().unwrap();
    assert_eq!(object.get("jsonrpc"), Some(&Value::from("2.0")));
    assert_eq!(message.method(), object.get("method").and_then(Value::as_str));
    assert_eq!(message.id(), object.get("id").cloned().unwrap_or_default());
    match message.kind() {
        Kind::Request => assert!(object.contains_key("method") && object.contains_key("id")),
        Kind::Notification => assert!(object.contains_key("method") && !object.contains_key("id")),
        Kind::Answer => assert!(!object.contains_key("method")),
    }
    match message.fit().and_then(Message::typed) {
        Ok(typed) => {
            let typed = serde_json::to_value(typed).unwrap();
            assert_eq!(typed.get("method"), object.get("method"));
            assert_eq!(typed.get("id"), object.get("id"));
        }
        Err(malformed) => assert!([INVALID_REQUEST, INVALID_PARAMS].contains(&malformed.code)),
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let plain = serde_json::from_slice::<Value>(data);
    match (read(data), plain) {
        (Ok(Incoming::One(message)), Ok(value)) => one(message, &value),
        (Ok(Incoming::Many(messages)), Ok(Value::Array(values))) => {
            assert_eq!(messages.len(), values.len());
            for (message, value) in messages.into_iter().zip(&values) {
                match message {
                    Ok(message) => one(message, value),
                    Err(Malformed { code, .. }) => assert!([INVALID_REQUEST, INVALID_PARAMS].contains(&code)),
                }
            }
        }
        (Err(Malformed { code, why, id }), plain) => {
            assert!(!why.is_empty() && why.len() < 1000 + data.len());
            assert!(id.is_null() || id.is_string() || id.is_i64());
            // A duplicate key may come before what is no JSON.
            match plain {
                Ok(_) => assert!([INVALID_REQUEST, INVALID_PARAMS].contains(&code)),
                Err(_) => assert!([PARSE_ERROR, INVALID_REQUEST].contains(&code)),
            }
        }
        (read, plain) => panic!("{read:?} is not {plain:?}"),
    }
});
