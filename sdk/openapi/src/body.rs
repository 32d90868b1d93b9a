//! Owns bodies: JSON, lines of JSON, text, bytes and urlencoded forms; [`multipart`](crate::multipart) has its own file.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Map, Value, json};

use crate::plan::{Body, Encoding, Field, Style, Written};
use crate::request::ArgumentError;
use crate::{multipart, styles};

type Result<T> = std::result::Result<T, ArgumentError>;

/// The media type and the bytes of a body.
pub(crate) fn encode(
    body: &Body,
    value: &Value,
    arguments: &Map<String, Value>,
) -> Result<(String, Vec<u8>)> {
    let at = &body.argument;
    let chosen = body.choice.as_ref().and_then(|choice| arguments.get(choice)).and_then(Value::as_str);
    let first = body.media.first().map_or("application/octet-stream", String::as_str);
    let media = match chosen {
        Some(chosen) if body.media.iter().any(|known| known == chosen) => chosen,
        Some(_) => {
            let choice = body.choice.as_deref().unwrap_or_default();
            return Err(ArgumentError::new(choice, format!("expected one of {}", body.media.join(", "))));
        }
        None => first,
    };
    let fields = || value.as_object().ok_or_else(|| ArgumentError::new(at, "expected an object"));
    let bytes = match body.encoding {
        Encoding::Json => value.to_string().into_bytes(),
        Encoding::Lines => match value {
            Value::Array(items) => items.iter().flat_map(|item| format!("{item}\n").into_bytes()).collect(),
            one => format!("{}\n", styles::plain(one).trim_end_matches('\n')).into_bytes(),
        },
        Encoding::Text => styles::plain(value).into_bytes(),
        Encoding::Binary => {
            let file = File::read(value, at)?;
            let media = match (&file.media, media.contains('*')) {
                (Some(own), true) => own.clone(),
                (None, true) => "application/octet-stream".to_owned(),
                (_, false) => media.to_owned(),
            };
            return Ok((media, file.bytes));
        }
        Encoding::Form => form(fields()?, &body.fields, at)?.into_bytes(),
        Encoding::Multipart => {
            let (boundary, bytes) = multipart::encode(fields()?, &body.fields, at)?;
            return Ok((format!("{media}; boundary={boundary}"), bytes));
        }
    };
    Ok((media.to_owned(), bytes))
}

/// `a=1&b=2`. Lists repeat their name and objects are JSON, unless the document says otherwise.
fn form(fields: &Map<String, Value>, known: &[Field], at: &str) -> Result<String> {
    const REPEATED: Written = Written { style: Style::Form, explode: true, reserved: false };
    let mut pairs = Vec::new();
    for (name, value) in fields {
        let at = format!("{at}.{name}");
        let written = known.iter().find(|field| field.name == *name).and_then(|field| field.written);
        match (written, value) {
            (Some(written), value) => pairs.extend(styles::pairs(name, value, written, &at)?),
            (None, Value::Object(_)) => {
                pairs.push((styles::encode(name), styles::encode(&value.to_string())))
            }
            (None, value) => pairs.extend(styles::pairs(name, value, REPEATED, &at)?),
        }
    }
    Ok(pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&"))
}

/// A file as an argument: its text, or its bytes in base64, and what it is called.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    pub(crate) name: Option<String>,
    pub(crate) media: Option<String>,
    pub(crate) is_text: bool,
}

impl File {
    pub(crate) fn read(value: &Value, at: &str) -> Result<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let (bytes, is_text) = match (text("text"), text("base64")) {
            (Some(text), None) => (text.as_bytes().to_vec(), true),
            (None, Some(encoded)) => {
                let letters: String = encoded.split_whitespace().collect();
                let decoded = STANDARD.decode(&letters).or_else(|_| STANDARD_NO_PAD.decode(&letters));
                let wrong =
                    |error| ArgumentError::new(&format!("{at}.base64"), format!("is not base64: {error}"));
                (decoded.map_err(wrong)?, false)
            }
            _ => return Err(ArgumentError::new(at, "expected an object with either `text` or `base64`")),
        };
        let media = text("content_type").map(str::to_owned);
        if let Some(media) = &media
            && !(media.contains('/') && media.bytes().all(|byte| (0x20..0x7f).contains(&byte)))
        {
            return Err(ArgumentError::new(
                &format!("{at}.content_type"),
                "is not a media type such as `image/png`",
            ));
        }
        Ok(Self { bytes, name: text("filename").map(str::to_owned), media, is_text })
    }

    /// The schema of such an argument.
    pub(crate) fn schema(named: bool, typed: bool) -> Value {
        let mut properties = json!({
            "text": { "type": "string", "description": "The content, if it is text." },
            "base64": { "type": "string", "contentEncoding": "base64", "description": "The content in base64, if not." },
        });
        if let Value::Object(properties) = &mut properties {
            if named {
                properties.insert("filename".to_owned(), json!({ "type": "string" }));
            }
            if typed {
                properties.insert(
                    "content_type".to_owned(),
                    json!({ "type": "string", "examples": ["image/png"] }),
                );
            }
        }
        json!({
            "type": "object",
            "properties": properties,
            "oneOf": [{ "required": ["text"] }, { "required": ["base64"] }],
            "additionalProperties": false,
        })
    }
}
