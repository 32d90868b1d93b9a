//! What is searched for: a Lucene text or query DSL, within a time range.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{Seconds, When, rfc3339};
use serde_json::Map;

/// A text, or an object of Elasticsearch's own language.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum TextOrObject {
    Text(String),
    Object(Map<String, Value>),
}

bulkhead_sdk::schema!(TextOrObject { "type": ["string", "object"] });

impl TextOrObject {
    /// An object that came as a text of JSON is one all the same.
    pub(crate) fn settled(&self) -> Self {
        match self {
            Self::Text(words) if words.trim_start().starts_with('{') => {
                serde_json::from_str(words).map_or_else(|_| self.clone(), Self::Object)
            }
            other => other.clone(),
        }
    }
}

/// A time range on a field; either end may be open.
#[derive(Clone, Debug)]
pub(crate) struct Range<'a> {
    pub(crate) field: &'a str,
    pub(crate) from: Option<Seconds>,
    pub(crate) to: Option<Seconds>,
}

impl<'a> Range<'a> {
    /// The range that arguments ask for.
    pub(crate) fn new(field: &'a str, from: Option<When>, to: Option<When>, now: Seconds) -> Result<Self> {
        let (from, to) = (from.map(|from| from.resolve(now)), to.map(|to| to.resolve(now)));
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            let why = format!("{} is not after `from`, which is {}", rfc3339(to), rfc3339(from));
            return Err(Error::invalid("to", why));
        }
        Ok(Self { field, from, to })
    }

    /// The clause, if an end is given.
    pub(crate) fn clause(&self) -> Option<Value> {
        let mut bounds = Map::new();
        for (name, end) in [("gte", self.from), ("lt", self.to)] {
            bounds.extend(end.map(|end| (name.to_owned(), rfc3339(end).into())));
        }
        if bounds.is_empty() {
            return None;
        }
        bounds.insert("format".into(), "strict_date_optional_time".into());
        Some(json!({ "range": { self.field: bounds } }))
    }
}

/// The query and the range as one clause.
pub(crate) fn clause(query: Option<&TextOrObject>, range: &Range<'_>) -> Value {
    let query = query.map(TextOrObject::settled).and_then(|query| match query {
        TextOrObject::Text(words) if matches!(words.trim(), "" | "*") => None,
        TextOrObject::Text(words) => Some(lucene(&words)),
        TextOrObject::Object(mut object) => Some(match (object.len(), object.remove("query")) {
            // The whole body of a search was given.
            (1, Some(inner)) => inner,
            (_, Some(inner)) => {
                object.insert("query".into(), inner);
                object.into()
            }
            (_, None) => object.into(),
        }),
    });
    match (query, range.clause()) {
        (None, None) => json!({ "match_all": {} }),
        (Some(query), None) => query,
        (None, Some(range)) => json!({ "bool": { "filter": [range] } }),
        // In `must`, so that hits can still be sorted by how well they fit.
        (Some(query), Some(range)) => json!({ "bool": { "must": [query], "filter": [range] } }),
    }
}

/// A Lucene query. Lenient: a word is not wrong because some field is a number.
pub(crate) fn lucene(words: &str) -> Value {
    json!({ "query_string": { "query": words, "lenient": true, "analyze_wildcard": true } })
}

/// `field:desc,other` as Elasticsearch has it. Documents without the field come last, whatever the order.
pub(crate) fn sort(words: &str) -> Result<Value> {
    let each = words.split(',').map(str::trim).map(|part| {
        let (field, order) =
            part.rsplit_once(':').unwrap_or((part, if part == "_score" { "desc" } else { "asc" }));
        match (field, order) {
            ("", _) => {
                Err(Error::invalid("sort", format!("`{words}` is not like `@timestamp:desc,host.name`")))
            }
            ("_score" | "_doc", "asc" | "desc") => Ok(json!({ field: { "order": order } })),
            (_, "asc" | "desc") => Ok(json!({ field: { "order": order, "missing": "_last" } })),
            _ => Err(Error::invalid("sort", format!("`{order}` is neither `asc` nor `desc`"))),
        }
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &str) -> TextOrObject {
        TextOrObject::Text(words.to_owned())
    }

    #[test]
    fn a_range_has_its_ends_in_order() {
        let error = Range::new("@timestamp", Some(When::At(100.0)), Some(When::At(60.0)), 0.0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "arguments.to: 1970-01-01T00:01:00Z is not after `from`, which is 1970-01-01T00:01:40Z"
        );
        let range = Range::new("t", Some(When::FromNow(-60.0)), None, 60.0).unwrap();
        assert_eq!(
            range.clause().unwrap(),
            json!({ "range": { "t": { "gte": "1970-01-01T00:00:00Z", "format": "strict_date_optional_time" } } })
        );
    }

    #[test]
    fn a_query_is_a_text_or_an_object_or_the_text_of_one() {
        let open = Range::new("@timestamp", None, None, 0.0).unwrap();
        let all = json!({ "match_all": {} });
        assert_eq!((clause(None, &open), clause(Some(&text(" * ")), &open)), (all.clone(), all));
        let term = json!({ "term": { "a": 1 } });
        for same in [
            text(r#"{"term":{"a":1}}"#),
            text(r#"{"query":{"term":{"a":1}}}"#),
            TextOrObject::Object(term.as_object().unwrap().clone()),
        ] {
            assert_eq!(clause(Some(&same), &open), term);
        }
        assert_eq!(clause(Some(&text("level:error")), &open)["query_string"]["query"], "level:error");
        let bounded = Range { from: Some(0.0), ..open };
        assert_eq!(
            clause(None, &bounded)["bool"]["filter"][0]["range"]["@timestamp"]["gte"],
            "1970-01-01T00:00:00Z"
        );
        assert!(clause(Some(&text("x")), &bounded)["bool"]["must"][0]["query_string"].is_object());
    }

    #[test]
    fn sorting_is_written_short() {
        assert_eq!(
            sort("_score, @timestamp:desc,a").unwrap(),
            json!([
                { "_score": { "order": "desc" } },
                { "@timestamp": { "order": "desc", "missing": "_last" } },
                { "a": { "order": "asc", "missing": "_last" } },
            ])
        );
        for (bad, why) in [("a:up", "neither"), (":asc", "is not like"), ("", "is not like")] {
            assert!(sort(bad).unwrap_err().to_string().contains(why), "{bad}");
        }
    }
}
