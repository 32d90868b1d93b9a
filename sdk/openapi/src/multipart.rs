//! Owns `multipart/form-data` (RFC 7578): parts for values and files, with names quoted as browsers do.

use serde_json::{Map, Value};

use crate::body::File;
use crate::plan::Field;
use crate::request::ArgumentError;
use crate::styles;

struct Part {
    name: String,
    filename: Option<String>,
    media: Option<String>,
    bytes: Vec<u8>,
}

/// The boundary and the body. The boundary is made of the content, so that the same call sends the same bytes.
pub(crate) fn encode(
    fields: &Map<String, Value>,
    known: &[Field],
    at: &str,
) -> Result<(String, Vec<u8>), ArgumentError> {
    let mut parts = Vec::new();
    for (name, value) in fields {
        let at = format!("{at}.{name}");
        let field = known.iter().find(|field| field.name == *name);
        let items = match value {
            Value::Null => continue,
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let media = field.and_then(|field| field.media.clone());
        // A list that the document wants as JSON is one part.
        if media.as_deref().is_some_and(is_json) && value.is_array() {
            parts.push(Part {
                name: name.clone(),
                filename: None,
                media,
                bytes: value.to_string().into_bytes(),
            });
            continue;
        }
        for item in items {
            parts.push(match field {
                Some(Field { file: true, .. }) => file(name, item, media.clone(), &at)?,
                _ => {
                    let json = item.is_object() || item.is_array() || media.as_deref().is_some_and(is_json);
                    let bytes = if json { item.to_string() } else { styles::plain(item) }.into_bytes();
                    let own = media.clone().or_else(|| json.then(|| "application/json".to_owned()));
                    Part { name: name.clone(), filename: None, media: own, bytes }
                }
            });
        }
    }
    let mut seed = String::new();
    let boundary = loop {
        let boundary = boundary(&parts, &seed);
        if !parts.iter().any(|part| holds(&part.bytes, boundary.as_bytes())) {
            break boundary;
        }
        seed.push('+');
    };
    let mut body = Vec::new();
    for part in &parts {
        body.extend(
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"", quoted(&part.name))
                .bytes(),
        );
        if let Some(filename) = &part.filename {
            body.extend(format!("; filename=\"{}\"", quoted(filename)).bytes());
        }
        if let Some(media) = &part.media {
            body.extend(format!("\r\ncontent-type: {media}").bytes());
        }
        body.extend(b"\r\n\r\n");
        body.extend(&part.bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").bytes());
    Ok((boundary, body))
}

fn file(name: &str, value: &Value, media: Option<String>, at: &str) -> Result<Part, ArgumentError> {
    let file = File::read(value, at)?;
    let usual = if file.is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    Ok(Part {
        name: name.to_owned(),
        filename: Some(file.name.unwrap_or_else(|| name.to_owned())),
        media: Some(file.media.or(media).unwrap_or_else(|| usual.to_owned())),
        bytes: file.bytes,
    })
}

fn is_json(media: &str) -> bool {
    media == "application/json" || media.ends_with("+json")
}

fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

fn boundary(parts: &[Part], seed: &str) -> String {
    let bytes =
        parts.iter().flat_map(|part| part.name.bytes().chain(part.bytes.iter().copied())).chain(seed.bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("bulkhead-{hash:016x}")
}
