//! Whether a document is what a query asks for: the part of query DSL that is sent, and Lucene's syntax.

use bulkhead_sdk::time::When;
use serde_json::{Value, json};

use crate::cluster::glob;

/// A document with what is needed to judge it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doc<'a> {
    pub(crate) id: &'a str,
    pub(crate) source: &'a Value,
    pub(crate) mapping: &'a Value,
}

/// The value at a dotted name; a `.keyword` sub-field has its field's.
pub(crate) fn value_at<'a>(source: &'a Value, field: &str) -> Option<&'a Value> {
    let field = field.strip_suffix(".keyword").unwrap_or(field);
    field.split('.').try_fold(source, |value, name| value.get(name))
}

/// The type of a field.
pub(crate) fn type_of(mapping: &Value, field: &str) -> Option<String> {
    let mut at = mapping;
    for name in field.split('.') {
        at = at
            .get("properties")
            .and_then(|all| all.get(name))
            .or_else(|| at.get("fields").and_then(|all| all.get(name)))?;
    }
    at.get("type").and_then(Value::as_str).map(str::to_owned)
}

/// Unix seconds of a time.
pub(crate) fn seconds(value: &Value) -> Option<f64> {
    When::parse(value.as_str()?).ok().map(|when| when.resolve(0.0))
}

/// Whether it fits, or why the query is none.
pub(crate) fn fits(query: &Value, doc: Doc<'_>) -> Result<bool, Value> {
    let Some((kind, body)) = query.as_object().and_then(|query| query.iter().next()) else {
        return Err(
            json!({ "type": "illegal_argument_exception", "reason": "query malformed, empty clause found" }),
        );
    };
    let first =
        || body.as_object().and_then(|body| body.iter().next()).map(|(field, value)| (field.as_str(), value));
    match kind.as_str() {
        "match_all" => Ok(true),
        "ids" => Ok(body["values"].as_array().is_some_and(|ids| ids.iter().any(|id| id == doc.id))),
        "exists" => Ok(value_at(doc.source, body["field"].as_str().unwrap_or_default()).is_some()),
        "term" | "match" => {
            let (field, value) = first().unwrap_or(("", &Value::Null));
            let value = value.get("value").or_else(|| value.get("query")).unwrap_or(value);
            Ok(is(doc, field, value.as_str().unwrap_or(&value.to_string())))
        }
        "terms" => {
            let (field, values) = first().unwrap_or(("", &Value::Null));
            Ok(values
                .as_array()
                .is_some_and(|all| all.iter().filter_map(Value::as_str).any(|value| is(doc, field, value))))
        }
        "range" => {
            let (field, ends) = first().unwrap_or(("", &Value::Null));
            let Some(at) = value_at(doc.source, field).and_then(seconds) else { return Ok(false) };
            let end = |name: &str| ends.get(name).and_then(seconds);
            Ok(end("gte").is_none_or(|from| at >= from) && end("lt").is_none_or(|to| at < to))
        }
        "bool" => {
            let clauses = |name: &str| match body.get(name) {
                Some(Value::Array(all)) => all.clone(),
                Some(one) => vec![one.clone()],
                None => Vec::new(),
            };
            for clause in clauses("must").iter().chain(&clauses("filter")) {
                if !fits(clause, doc)? {
                    return Ok(false);
                }
            }
            for clause in &clauses("must_not") {
                if fits(clause, doc)? {
                    return Ok(false);
                }
            }
            let should = clauses("should");
            let mut any = should.is_empty() || body.get("must").is_some() || body.get("filter").is_some();
            for clause in &should {
                any |= fits(clause, doc)?;
            }
            Ok(any)
        }
        "query_string" => {
            let words = body["query"].as_str().unwrap_or_default();
            let failed = || {
                json!({
                    "type": "query_shard_exception", "reason": format!("Failed to parse query [{words}]"), "index": "i", "index_uuid": "u",
                    "caused_by": { "type": "parse_exception", "reason": format!("Cannot parse '{words}': Encountered \"<EOF>\"") },
                })
            };
            let tokens = tokens(words);
            let mut parser = Parser { tokens: &tokens, at: 0, doc };
            let fits = parser.any("*").ok_or_else(failed)?;
            if parser.at == tokens.len() { Ok(fits) } else { Err(failed()) }
        }
        kind => Err(
            json!({ "type": "parsing_exception", "reason": format!("unknown query [{kind}]"), "line": 1, "col": 12 }),
        ),
    }
}

/// Whether a field has a value: text by words, others whole; `*` in either.
fn is(doc: Doc<'_>, field: &str, wanted: &str) -> bool {
    if field == "*" {
        return ["message", "number"].iter().any(|field| is(doc, field, wanted));
    }
    let Some(value) = value_at(doc.source, field) else { return false };
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match type_of(doc.mapping, field).as_deref() {
        Some("text") => {
            let (value, wanted) = (value.to_lowercase(), wanted.to_lowercase());
            value.contains(&wanted) && wanted.contains(' ')
                || value.split(|c: char| !c.is_alphanumeric()).any(|word| glob(&wanted, word))
        }
        Some(_) => glob(wanted, &value),
        None => false,
    }
}

fn tokens(words: &str) -> Vec<String> {
    let (mut tokens, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in words.chars() {
        match letter {
            '"' => quoted = !quoted,
            '(' | ')' | ' ' if !quoted => {
                if !word.is_empty() {
                    tokens.push(std::mem::take(&mut word));
                }
                if letter != ' ' {
                    tokens.push(letter.to_string());
                }
            }
            ':' if !quoted => {
                word.push(':');
                tokens.push(std::mem::take(&mut word));
            }
            letter => word.push(letter),
        }
    }
    if !word.is_empty() {
        tokens.push(word);
    }
    tokens
}

struct Parser<'a> {
    tokens: &'a [String],
    at: usize,
    doc: Doc<'a>,
}

impl Parser<'_> {
    fn next_is(&mut self, word: &str) -> bool {
        let is = self.tokens.get(self.at).is_some_and(|token| token == word);
        self.at += usize::from(is);
        is
    }

    /// Alternatives; words side by side are ones too.
    fn any(&mut self, field: &str) -> Option<bool> {
        let mut fits = self.all(field)?;
        while self.at < self.tokens.len() && self.tokens[self.at] != ")" {
            self.next_is("OR");
            fits |= self.all(field)?;
        }
        Some(fits)
    }

    fn all(&mut self, field: &str) -> Option<bool> {
        let mut fits = self.one(field)?;
        while self.next_is("AND") {
            fits &= self.one(field)?;
        }
        Some(fits)
    }

    fn one(&mut self, field: &str) -> Option<bool> {
        if self.next_is("NOT") {
            return self.one(field).map(|fits| !fits);
        }
        if self.next_is("(") {
            let fits = self.any(field)?;
            return self.next_is(")").then_some(fits);
        }
        let token =
            self.tokens.get(self.at).filter(|token| !matches!(token.as_str(), ")" | "AND" | "OR"))?.clone();
        self.at += 1;
        match token.strip_suffix(':') {
            Some(field) => self.one(field),
            None => Some(is(self.doc, field, &token)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lucene_is_understood_as_far_as_it_is_used() {
        let source = json!({ "message": "payment Timed out", "log": { "level": "error" }, "took": 5 });
        let mapping = json!({ "properties": {
            "message": { "type": "text" }, "log": { "properties": { "level": { "type": "keyword" } } }, "took": { "type": "long" },
        } });
        let doc = Doc { id: "1", source: &source, mapping: &mapping };
        let is = |words: &str| fits(&json!({ "query_string": { "query": words } }), doc);
        for fitting in [
            "error OR payment",
            "log.level:error",
            "log.level:(warn OR error) AND message:timed",
            "message:\"timed out\"",
            "NOT log.level:info",
            "mess:x payment",
            "message:pay*",
            "took:5",
        ] {
            assert_eq!(is(fitting), Ok(true), "{fitting}");
        }
        for other in
            ["log.level:ERROR", "log.level:err", "message:\"out timed\"", "payment AND log.level:info"]
        {
            assert_eq!(is(other), Ok(false), "{other}");
        }
        for wrong in ["(", "a AND", "log.level:", "a )"] {
            assert_eq!(is(wrong).unwrap_err()["type"], "query_shard_exception", "{wrong}");
        }
    }
}
