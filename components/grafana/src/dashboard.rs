//! What a dashboard's JSON says: its panels, wherever they are nested, their queries, and its variables.

use std::collections::BTreeMap;

use bulkhead_sdk::value::{at, list, shortened, text};
use serde_json::{Map, Value, json};

/// Where the datasources we know keep the text of a query, the most common first.
const QUERY_FIELDS: [&str; 8] =
    ["expr", "rawSql", "query", "rawQuery", "target", "queryText", "expression", "rawQueryText"];

/// A variable's query can be a whole SQL statement.
const QUERY_LENGTH: usize = 300;

/// The field of a query that holds its text, by type of datasource.
pub(crate) fn query_field(kind: &str) -> &'static str {
    match kind {
        "graphite" => "target",
        kind if is_sql(kind) => "rawSql",
        kind if is_matching(kind) => "expr",
        _ => "query",
    }
}

/// True for datasources that take SQL.
pub(crate) fn is_sql(kind: &str) -> bool {
    ["mysql", "postgres", "mssql", "sqlite", "clickhouse", "bigquery", "snowflake"]
        .iter()
        .any(|name| kind.contains(name))
}

/// True for datasources whose values are matched by regular expressions (`=~"a|b"`).
pub(crate) fn is_matching(kind: &str) -> bool {
    ["prometheus", "loki", "pyroscope", "cloudwatch-prom"].iter().any(|name| kind.contains(name))
}

/// Every panel that is no row, also of rows that are folded, and of the rows of old dashboards.
pub(crate) fn panels(dashboard: &Value) -> Vec<&Value> {
    let rows = list(dashboard, "/rows").iter().flat_map(|row| list(row, "/panels"));
    let mut out = Vec::new();
    for panel in list(dashboard, "/panels").iter().chain(rows) {
        if text(panel, "/type") == "row" {
            out.extend(list(panel, "/panels"));
        } else {
            out.push(panel);
        }
    }
    out
}

/// The panel of that id.
pub(crate) fn panel(dashboard: &Value, id: u32) -> Option<&Value> {
    panels(dashboard).into_iter().find(|panel| panel.get("id").and_then(Value::as_u64) == Some(id.into()))
}

/// `id`, `title`, `type`, and the datasource if there is one.
pub(crate) fn line(panel: &Value) -> Map<String, Value> {
    let mut out = Map::new();
    for field in ["id", "title", "type"] {
        if let Some(value) = panel.get(field) {
            out.insert(field.into(), value.clone());
        }
    }
    let named = [datasource(panel), text(panel, "/targets/0/datasource/uid")];
    if let Some(uid) = named.into_iter().find(|uid| !uid.is_empty()) {
        out.insert("datasource".into(), uid.into());
    }
    if let Some(name) = panel.pointer("/libraryPanel/name") {
        out.insert("library_panel".into(), name.clone());
    }
    out
}

/// The uid (or, long ago, the name) of a panel's or a query's datasource; nothing for the default one.
pub(crate) fn datasource(of: &Value) -> &str {
    match of.get("datasource") {
        Some(Value::String(name)) => name,
        Some(Value::Object(_)) => text(of, "/datasource/uid"),
        _ => "",
    }
}

/// A panel with its queries.
pub(crate) fn with_queries(panel: &Value) -> Value {
    let own = datasource(panel);
    let queries: Vec<Value> = list(panel, "/targets")
        .iter()
        .map(|target| {
            let mut out = json!({ "ref": text(target, "/refId"), "query": query(target) });
            if let Some(object) = out.as_object_mut() {
                let of = datasource(target);
                if !of.is_empty() && of != own {
                    object.insert("datasource".into(), of.into());
                }
                if target.get("hide").and_then(Value::as_bool) == Some(true) {
                    object.insert("hidden".into(), true.into());
                }
            }
            out
        })
        .collect();
    let mut out = line(panel);
    out.insert("queries".into(), queries.into());
    Value::Object(out)
}

/// The text of a query; all of it as JSON where it is no text.
pub(crate) fn query(target: &Value) -> String {
    let known = QUERY_FIELDS.iter().filter_map(|field| target.get(*field)?.as_str());
    match known.into_iter().find(|text| !text.is_empty()) {
        Some(text) => text.to_owned(),
        None => {
            let mut rest = target.clone();
            if let Some(object) = rest.as_object_mut() {
                object.retain(|name, _| !matches!(name.as_str(), "refId" | "datasource" | "hide"));
            }
            rest.to_string()
        }
    }
}

/// The dashboard's variables, with the value each was saved with.
pub(crate) fn variables(dashboard: &Value) -> Vec<Value> {
    let brief = |variable: &Value| {
        let query = variable.get("query").map(|query| match query {
            Value::String(text) => text.clone(),
            other => text(other, "/query").to_owned(),
        });
        let mut out = json!({
            "name": text(variable, "/name"), "type": text(variable, "/type"),
            "value": variable.pointer("/current/value").cloned().unwrap_or_default(),
        });
        if let (Some(query), Some(object)) = (query.filter(|query| !query.is_empty()), out.as_object_mut()) {
            object.insert("query".into(), shortened(&query, QUERY_LENGTH).into());
        }
        out
    };
    list(dashboard, "/templating/list").iter().map(brief).collect()
}

/// A value as the words it stands for.
pub(crate) fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(words).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null => Vec::new(),
        other => vec![other.to_string()],
    }
}

/// What stands for a variable.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Values {
    words: Vec<String>,
    /// There may be several: SQL has them quoted then, even if it is one.
    several: bool,
}

/// What stands for each variable: what the caller says, else what the dashboard was saved with.
pub(crate) fn values(dashboard: &Value, given: Option<&Map<String, Value>>) -> BTreeMap<String, Values> {
    let mut out = BTreeMap::new();
    for variable in list(dashboard, "/templating/list") {
        let name = text(variable, "/name");
        let mut words = words(at(variable, "/current/value"));
        if words.iter().any(|value| value == "$__all") {
            words = match text(variable, "/allValue") {
                "" => vec![".*".to_owned()],
                all => vec![all.to_owned()],
            };
        }
        let several = variable.get("multi").and_then(Value::as_bool) == Some(true);
        out.insert(name.to_owned(), Values { words, several });
    }
    for (name, value) in given.into_iter().flatten() {
        let known: &mut Values = out.entry(name.clone()).or_default();
        known.words = words(value);
        known.several |= value.is_array();
    }
    out
}

/// A text with its variables filled in: `$name`, `${name}`, `${name:format}`, `[[name]]`. Those that Grafana's server
/// knows itself (`$__interval`) stay, and so do those without a value.
pub(crate) fn filled(text: &str, values: &BTreeMap<String, Values>, kind: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(['$', '[']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        match reference(found).and_then(|(name, length)| Some((values.get(name)?, length))) {
            Some((values, length)) if !values.words.is_empty() => {
                out.push_str(&joined(values, kind));
                rest = found.get(length..).unwrap_or_default();
            }
            _ => {
                out.push_str(found.get(..1).unwrap_or_default());
                rest = found.get(1..).unwrap_or_default();
            }
        }
    }
    out + rest
}

/// The name in the reference a text begins with, and the reference's length.
fn reference(text: &str) -> Option<(&str, usize)> {
    for (open, close) in [("${", "}"), ("[[", "]]")] {
        if let Some(rest) = text.strip_prefix(open) {
            let end = rest.find(close)?;
            let name = rest.get(..end)?.split([':', '.']).next()?;
            return Some((name, open.len() + end + close.len()));
        }
    }
    let rest = text.strip_prefix('$')?;
    let end =
        rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).unwrap_or(rest.len());
    Some((rest.get(..end)?, 1 + end))
}

fn joined(values: &Values, kind: &str) -> String {
    let quoted = |word: &String| format!("'{}'", word.replace('\'', "''"));
    match &values.words[..] {
        words if is_sql(kind) && values.several => words.iter().map(quoted).collect::<Vec<_>>().join(","),
        [one] => one.clone(),
        words if is_matching(kind) => format!("({})", words.join("|")),
        words => words.join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_of_rows_are_panels() {
        let board = json!({
            "panels": [{ "id": 1 }, { "type": "row", "id": 2, "panels": [{ "id": 3 }] }],
            "rows": [{ "panels": [{ "id": 4 }] }],
        });
        let ids: Vec<_> = panels(&board).iter().map(|panel| panel["id"].clone()).collect();
        assert_eq!(ids, [1, 3, 4]);
        assert!(panel(&board, 3).is_some() && panel(&board, 2).is_none());
    }

    #[test]
    fn variables_are_filled_in_as_the_datasource_reads_them() {
        let board = json!({ "templating": { "list": [
            { "name": "job", "multi": true, "current": { "value": ["a", "b"] } },
            { "name": "ns", "current": { "value": "$__all" } },
            { "name": "dc", "allValue": "eu-.*", "current": { "value": ["$__all"] } },
            { "name": "none", "current": {} },
        ]}});
        let given = json!({ "ns": "prod" });
        let with = values(&board, given.as_object());
        let all = values(&board, None);
        let text =
            r#"rate(x{job=~"$job",ns="${ns}",dc=~"[[dc]]"}[$__rate_interval]) > $none $jobs ${job:csv}"#;
        assert_eq!(
            filled(text, &with, "prometheus"),
            r#"rate(x{job=~"(a|b)",ns="prod",dc=~"eu-.*"}[$__rate_interval]) > $none $jobs (a|b)"#
        );
        assert_eq!(filled("IN ($job) $ns", &all, "postgres"), "IN ('a','b') .*");
        assert_eq!(filled("$job, $", &all, "graphite"), "a,b, $");
        let one = json!({ "job": "it's", "ns": ["x"] });
        let one = values(&board, one.as_object());
        assert_eq!(filled("IN ($job) IN ($ns) $dc", &one, "mysql"), "IN ('it''s') IN ('x') eu-.*");
    }

    #[test]
    fn a_query_is_its_text_or_all_of_it() {
        assert_eq!(query(&json!({ "refId": "A", "expr": "up", "query": "" })), "up");
        assert_eq!(query(&json!({ "refId": "A", "metricName": "CPU" })), r#"{"metricName":"CPU"}"#);
        assert_eq!(
            [query_field("loki"), query_field("grafana-clickhouse-datasource"), query_field("x")],
            ["expr", "rawSql", "query"]
        );
    }
}
