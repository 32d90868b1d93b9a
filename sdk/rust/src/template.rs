//! Owns URI templates (RFC 6570, as far as reading one back is unambiguous): `{name}` is anything up
//! to the next slash, `{+name}` anything at all.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// A URI, or a template of URIs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Variable { name: String, slashes: bool },
}

impl Template {
    pub(crate) fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            if !before.is_empty() {
                pieces.push(Piece::Literal(before.to_owned()));
            }
            let bare = name.strip_prefix('+');
            let name = bare.unwrap_or(name).to_owned();
            pieces.push(Piece::Variable { name, slashes: bare.is_some() });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Self(pieces)
    }

    pub(crate) fn has_variables(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Variable { .. }))
    }

    /// What stands for the variables, decoded, if the URI is one of the template's.
    pub(crate) fn variables(&self, uri: &str) -> Option<Map<String, Value>> {
        let (mut variables, mut rest) = (Map::new(), uri);
        let mut pieces = self.0.iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Literal(text) => rest = rest.strip_prefix(text.as_str())?,
                Piece::Variable { name, slashes } => {
                    let end = match pieces.peek() {
                        Some(Piece::Literal(next)) => rest.find(next.as_str())?,
                        _ => rest.len(),
                    };
                    let (value, after) = rest.split_at_checked(end)?;
                    if value.is_empty() || (!slashes && value.contains('/')) {
                        return None;
                    }
                    let value = percent_decode_str(value).decode_utf8().ok()?;
                    variables.insert(name.clone(), value.into());
                    rest = after;
                }
            }
        }
        rest.is_empty().then_some(variables)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(template: &str, uri: &str) -> Option<Value> {
        Template::new(template).variables(uri).map(Value::Object)
    }

    #[test]
    fn a_uri_is_read_by_its_template() {
        for (template, uri, variables) in [
            ("a://b", "a://b", json!({})),
            ("t://{id}/data", "t://7/data", json!({ "id": "7" })),
            ("d://{section}/{+path}", "d://x%20y/a/b", json!({ "section": "x y", "path": "a/b" })),
            ("d://{name}.txt", "d://read.me.txt", json!({ "name": "read.me" })),
        ] {
            assert_eq!(read(template, uri), Some(variables), "{template} {uri}");
        }
    }

    #[test]
    fn a_uri_of_another_template_is_not() {
        for (template, uri) in [
            ("a://b", "a://bc"),
            ("a://b", "a://"),
            ("t://{id}/data", "t:///data"),
            ("t://{id}/data", "t://7/8/data"),
            ("t://{id}/data", "t://7/data/more"),
            ("t://{id}", "t://%ff"),
        ] {
            assert_eq!(read(template, uri), None, "{template} {uri}");
        }
    }
}
