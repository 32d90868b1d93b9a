//! Owns how values are written in paths, queries, headers and cookies: OpenAPI's styles, which are RFC 6570's, and what
//! OpenAPI leaves open. Whatever could be read back as something else is refused rather than sent.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::plan::{Style, Written};
use crate::request::ArgumentError;

type Result<T> = std::result::Result<T, ArgumentError>;

/// All but RFC 3986's unreserved characters.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// With `allowReserved`, these stay too. `#`, `&`, `+`, `[`, `]` and `%` would mean something else in a query (OpenAPI
/// 3.1.1, 4.8.12), and `,` where it separates.
const RESERVED: &AsciiSet = &COMPONENT
    .remove(b':')
    .remove(b'/')
    .remove(b'?')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b';')
    .remove(b'=');
/// Objects in a deep object; deeper ones are no query anybody reads.
const DEEP: usize = 16;

pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

fn encoded(text: &str, written: Written) -> String {
    utf8_percent_encode(text, if written.reserved { RESERVED } else { COMPONENT }).to_string()
}

/// A value as a text. What the standards do not say how to write, lists in lists, is written as JSON.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The parts of a value: one, those of a list, or names and values in turn.
enum Parts {
    One(String),
    List(Vec<String>),
    Fields(Vec<(String, String)>),
}

/// Nothing for null and for what has no parts: RFC 6570 calls that undefined, and it is left out.
fn parts(value: &Value) -> Option<Parts> {
    Some(match value {
        Value::Null => return None,
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter(|item| !item.is_null()).map(plain).collect();
            if items.is_empty() {
                return None;
            }
            Parts::List(items)
        }
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .filter(|(_, field)| !field.is_null())
                .map(|(name, field)| (name.clone(), plain(field)))
                .collect();
            if fields.is_empty() {
                return None;
            }
            Parts::Fields(fields)
        }
        one => Parts::One(plain(one)),
    })
}

/// Pairs for a query, a form or cookies; each side is encoded.
pub(crate) fn pairs(name: &str, value: &Value, written: Written, at: &str) -> Result<Vec<(String, String)>> {
    let key = encode(name);
    let one = |value: String| Ok(vec![(key.clone(), value)]);
    if written.style == Style::Json {
        return if value.is_null() { Ok(Vec::new()) } else { one(encode(&value.to_string())) };
    }
    if written.style == Style::Deep && (value.is_object() || value.is_array()) {
        let mut pairs = Vec::new();
        deep(name, value, written, at, 0, &mut pairs)?;
        return Ok(pairs);
    }
    let Some(parts) = parts(value) else { return Ok(Vec::new()) };
    let separator = Separator::of(written.style);
    match parts {
        Parts::One(text) => one(encoded(&text, written)),
        Parts::List(items) if written.explode => {
            Ok(items.iter().map(|item| (key.clone(), encoded(item, written))).collect())
        }
        Parts::List(items) => one(separator.join(items.iter(), written, at)?),
        Parts::Fields(fields) if written.explode => {
            Ok(fields.iter().map(|(name, field)| (encode(name), encoded(field, written))).collect())
        }
        Parts::Fields(fields) => {
            one(separator.join(fields.iter().flat_map(|(name, field)| [name, field]), written, at)?)
        }
    }
}

/// `filter[name]=x`, `filter[tags][0]=y`: what lies deeper than one level is as PHP, Rails and qs read it.
fn deep(
    key: &str,
    value: &Value,
    written: Written,
    at: &str,
    depth: usize,
    pairs: &mut Vec<(String, String)>,
) -> Result<()> {
    if depth > DEEP {
        return Err(ArgumentError::new(at, "is nested too deeply to be sent in a query"));
    }
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, field) in fields {
                if name.contains(['[', ']']) {
                    return Err(ArgumentError::new(
                        at,
                        format!("the key `{name}` has a bracket in it, which separates"),
                    ));
                }
                deep(&format!("{key}[{name}]"), field, written, at, depth + 1, pairs)?;
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                deep(&format!("{key}[{index}]"), item, written, at, depth + 1, pairs)?;
            }
        }
        one => pairs.push((encode(key), encoded(&plain(one), written))),
    }
    Ok(())
}

/// What stands between parts.
struct Separator {
    text: &'static str,
    letter: char,
    /// Encoding keeps the same letter in a part apart from it.
    safe: bool,
}

impl Separator {
    fn of(style: Style) -> Self {
        match style {
            Style::Space => Self { text: "%20", letter: ' ', safe: false },
            Style::Pipe => Self { text: "%7C", letter: '|', safe: false },
            Style::Tab => Self { text: "%09", letter: '\t', safe: false },
            _ => Self { text: ",", letter: ',', safe: true },
        }
    }

    fn join<'a>(
        &self,
        parts: impl Iterator<Item = &'a String>,
        written: Written,
        at: &str,
    ) -> Result<String> {
        let mut joined: Vec<String> = Vec::new();
        for part in parts {
            if !self.safe && part.contains(self.letter) {
                return Err(self.confused(part, at));
            }
            joined.push(encoded(part, written));
        }
        Ok(joined.join(self.text))
    }

    fn confused(&self, part: &str, at: &str) -> ArgumentError {
        let letter = match self.letter {
            ' ' => "a space".to_owned(),
            '\t' => "a tab".to_owned(),
            letter => format!("`{letter}`"),
        };
        ArgumentError::new(at, format!("`{part}` has {letter} in it, which this API separates values with"))
    }
}

/// What stands for `{name}` in a path.
pub(crate) fn in_path(name: &str, value: &Value, written: Written, at: &str) -> Result<String> {
    let missing = || ArgumentError::new(at, "is part of the path and may not be empty");
    if written.style == Style::Json {
        return Ok(encode(&value.to_string()));
    }
    let parts = parts(value).ok_or_else(missing)?;
    let comma = |parts: Vec<String>| parts.iter().map(|part| encode(part)).collect::<Vec<_>>().join(",");
    let turns = |fields: &[(String, String)]| {
        fields.iter().flat_map(|(name, field)| [name.clone(), field.clone()]).collect::<Vec<_>>()
    };
    let named = |fields: &[(String, String)], between: &str| {
        let fields = fields.iter().map(|(name, field)| format!("{}={}", encode(name), encode(field)));
        fields.collect::<Vec<_>>().join(between)
    };
    let key = encode(name);
    Ok(match (written.style, parts) {
        (Style::Label, parts) => {
            let dot = Separator { text: ".", letter: '.', safe: false };
            let text = match parts {
                Parts::One(text) => encode(&text),
                Parts::List(items) if written.explode => dot.join(items.iter(), written, at)?,
                Parts::List(items) => comma(items),
                Parts::Fields(fields) if written.explode => {
                    if let Some((name, field)) =
                        fields.iter().find(|(name, field)| format!("{name}{field}").contains('.'))
                    {
                        return Err(dot.confused(&format!("{name}={field}"), at));
                    }
                    named(&fields, ".")
                }
                Parts::Fields(fields) => comma(turns(&fields)),
            };
            format!(".{text}")
        }
        (Style::Matrix, parts) => match parts {
            Parts::One(text) if text.is_empty() => format!(";{key}"),
            Parts::One(text) => format!(";{key}={}", encode(&text)),
            Parts::List(items) if written.explode => {
                items.iter().map(|item| format!(";{key}={}", encode(item))).collect()
            }
            Parts::List(items) => format!(";{key}={}", comma(items)),
            Parts::Fields(fields) if written.explode => format!(";{}", named(&fields, ";")),
            Parts::Fields(fields) => format!(";{key}={}", comma(turns(&fields))),
        },
        (_, parts) => match parts {
            Parts::One(text) if text.is_empty() => return Err(missing()),
            Parts::One(text) => encode(&text),
            Parts::List(items) => Separator::of(written.style).join(items.iter(), written, at)?,
            Parts::Fields(fields) if written.explode => named(&fields, ","),
            Parts::Fields(fields) => comma(turns(&fields)),
        },
    })
}

/// The value of a header; none if there is nothing to say. Headers are not percent-encoded.
pub(crate) fn in_header(value: &Value, written: Written, at: &str) -> Result<Option<String>> {
    let text = if written.style == Style::Json {
        match value {
            Value::Null => return Ok(None),
            value => ascii(&value.to_string()),
        }
    } else {
        let Some(parts) = parts(value) else { return Ok(None) };
        let check = |part: &String| match part.contains(',') {
            true => Err(Separator { text: ",", letter: ',', safe: false }.confused(part, at)),
            false => Ok(()),
        };
        match parts {
            Parts::One(text) => text,
            Parts::List(items) => {
                items.iter().try_for_each(check)?;
                items.join(",")
            }
            Parts::Fields(fields) => {
                fields.iter().try_for_each(|(name, field)| check(name).and_then(|()| check(field)))?;
                let between = if written.explode { "=" } else { "," };
                fields
                    .iter()
                    .map(|(name, field)| format!("{name}{between}{field}"))
                    .collect::<Vec<_>>()
                    .join(",")
            }
        }
    };
    match text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && text.trim() == text {
        true => Ok(Some(text)),
        false => Err(ArgumentError::new(
            at,
            "goes into a header: visible ASCII, no line breaks, no spaces around it",
        )),
    }
}

/// JSON in ASCII.
fn ascii(json: &str) -> String {
    let mut text = String::new();
    let mut units = [0; 2];
    for letter in json.chars() {
        match letter.is_ascii() {
            true => text.push(letter),
            false => letter
                .encode_utf16(&mut units)
                .iter()
                .for_each(|unit| text.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    text
}
