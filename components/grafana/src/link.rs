//! URLs of Grafana's pages: times as its time picker writes them, variables, and Explore's panes.

use bulkhead_sdk::encode_component;
use bulkhead_sdk::time::When;
use serde_json::{Map, Value, json};

/// A time as Grafana's URLs have it: `now-1h`, or unix milliseconds.
pub(crate) fn moment(when: When) -> String {
    match when {
        When::At(seconds) => format!("{}", (seconds * 1000.0).round() as i64),
        When::FromNow(offset) => {
            let seconds = offset.abs().round() as u64;
            let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
            let unit = units.iter().find(|(_, unit)| seconds > 0 && seconds.is_multiple_of(*unit));
            match unit {
                Some((name, unit)) => {
                    format!("now{}{}{name}", if offset < 0.0 { '-' } else { '+' }, seconds / unit)
                }
                None => "now".to_owned(),
            }
        }
    }
}

/// Values of dashboard variables as URL parameters, `var-name` each; a list has one for each of its values.
pub(crate) fn variables(variables: Option<&Map<String, Value>>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (name, value) in variables.into_iter().flatten() {
        for one in crate::dashboard::words(value) {
            out.push((format!("var-{name}"), one));
        }
    }
    out
}

/// A path with its query.
pub(crate) fn with_query(path: &str, pairs: &[(String, String)]) -> String {
    let query: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode_component(name), encode_component(value)))
        .collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// Explore with one query of a datasource.
pub(crate) fn explore_panes(uid: &str, kind: &str, query: Option<&str>, from: &str, to: &str) -> String {
    let mut asked = json!({ "refId": "A", "datasource": { "type": kind, "uid": uid } });
    if let (Some(query), Some(object)) = (query, asked.as_object_mut()) {
        object.insert(crate::dashboard::query_field(kind).to_owned(), query.into());
    }
    json!({ "a": { "datasource": uid, "queries": [asked], "range": { "from": from, "to": to } } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_grafana_reads_them() {
        for (text, expected) in [
            ("-1h", "now-1h"),
            ("now-90m", "now-90m"),
            ("-2d", "now-2d"),
            ("+5s", "now+5s"),
            ("now", "now"),
            ("2026-01-31T12:00:00Z", "1769860800000"),
        ] {
            assert_eq!(moment(When::parse(text).unwrap()), expected);
        }
    }
}
