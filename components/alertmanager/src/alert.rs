//! An alert as Alertmanager holds it: what it is called, how bad, in which state and since when.

use std::collections::BTreeMap;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{Seconds, When};
use bulkhead_sdk::value::{list, shortened, text};
use bulkhead_sdk::{duration, time};
use serde_json::Map;

/// Annotations can hold a whole runbook; a summary has its first lines.
const SUMMARY_LENGTH: usize = 300;

/// Labels that are told first, and so not among the others.
const LINE: [&str; 3] = ["alertname", "severity", "instance"];

/// Words for how bad an alert is, worst first. What is no such word stands between warning and information.
const SEVERITIES: [(&[&str], u8); 4] = [
    (&["critical", "crit", "page", "emergency", "fatal", "disaster", "p0", "p1", "sev0", "sev1"], 0),
    (&["error", "err", "high", "major", "p2", "sev2"], 1),
    (&["warning", "warn", "average", "medium", "minor", "p3", "sev3"], 2),
    (&["info", "information", "notice", "low", "none", "p4", "p5", "sev4", "sev5"], 4),
];

/// An alert, as it came.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(transparent)]
pub(crate) struct Alert(pub(crate) Value);

impl Alert {
    /// The value of a label.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels().and_then(|labels| labels.get(name)).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn labels(&self) -> Option<&Map<String, Value>> {
        self.0.get("labels").and_then(Value::as_object)
    }

    pub(crate) fn name(&self) -> &str {
        self.label("alertname")
    }

    pub(crate) fn fingerprint(&self) -> &str {
        text(&self.0, "/fingerprint")
    }

    pub(crate) fn silenced_by(&self) -> impl Iterator<Item = &str> {
        list(&self.0, "/status/silencedBy").iter().filter_map(Value::as_str)
    }

    /// Fingerprints of alerts.
    pub(crate) fn inhibited_by(&self) -> impl Iterator<Item = &str> {
        list(&self.0, "/status/inhibitedBy").iter().filter_map(Value::as_str)
    }

    pub(crate) fn receivers(&self) -> impl Iterator<Item = &str> {
        list(&self.0, "/receivers").iter().map(|receiver| text(receiver, "/name"))
    }

    /// `active`, `silenced`, `inhibited` (silenced ones may be inhibited too) or `unprocessed`.
    pub(crate) fn state(&self) -> &str {
        if self.silenced_by().next().is_some() {
            "silenced"
        } else if self.inhibited_by().next().is_some() {
            "inhibited"
        } else {
            text(&self.0, "/status/state")
        }
    }

    /// Nobody is kept from hearing of it.
    pub(crate) fn is_heard(&self) -> bool {
        matches!(self.state(), "active" | "unprocessed")
    }

    /// 0 is worst.
    pub(crate) fn rank(&self) -> u8 {
        rank(self.label("severity"))
    }

    /// Since when.
    pub(crate) fn since(&self) -> Seconds {
        moment(text(&self.0, "/startsAt"))
    }

    /// Worst first, then the longest; the fingerprint settles the rest.
    pub(crate) fn order(&self) -> (u8, i64, String, String) {
        let oldest = (self.since() * 1000.0) as i64;
        (self.rank(), oldest, self.name().to_owned(), self.fingerprint().to_owned())
    }

    /// The first words about it.
    pub(crate) fn summary(&self) -> Option<String> {
        let words = ["/annotations/summary", "/annotations/description", "/annotations/message"];
        let words = words.iter().map(|place| text(&self.0, place)).find(|words| !words.is_empty())?;
        Some(shortened(words, SUMMARY_LENGTH))
    }

    /// Name, state, since when, labels, and who is told or kept from being told.
    pub(crate) fn brief(&self, now: Seconds) -> Value {
        let mut out = self.line(now);
        let others = self.labels().into_iter().flatten().filter(|(name, _)| !LINE.contains(&name.as_str()));
        out.insert("labels".into(), others.map(|(name, value)| (name.clone(), value.clone())).collect());
        out.insert("receivers".into(), self.receivers().collect());
        if let Some(summary) = self.summary() {
            out.insert("summary".into(), summary.into());
        }
        let silenced: Vec<&str> = self.silenced_by().collect();
        let inhibited: Vec<&str> = self.inhibited_by().collect();
        for (name, by) in [("silenced_by", silenced), ("inhibited_by", inhibited)] {
            if !by.is_empty() {
                out.insert(name.into(), by.into());
            }
        }
        Value::Object(out)
    }

    /// One short line.
    pub(crate) fn line(&self, now: Seconds) -> Map<String, Value> {
        let mut out = Map::new();
        out.insert("alertname".into(), self.name().into());
        for label in LINE.into_iter().skip(1) {
            if !self.label(label).is_empty() {
                out.insert(label.into(), self.label(label).into());
            }
        }
        out.insert("state".into(), self.state().into());
        out.insert("since".into(), time::rfc3339(self.since()).into());
        out.insert("for".into(), lasting(now - self.since()).into());
        out
    }
}

/// How bad a severity is; 0 is worst.
pub(crate) fn rank(severity: &str) -> u8 {
    let word = severity.to_ascii_lowercase();
    SEVERITIES.iter().find(|(words, _)| words.contains(&&*word)).map_or(3, |(_, rank)| *rank)
}

/// A moment that Alertmanager wrote.
pub(crate) fn moment(text: &str) -> Seconds {
    When::parse(text).map_or(0.0, |when| when.resolve(0.0))
}

/// `1h5m`: whole seconds, and none of those beyond an hour.
pub(crate) fn lasting(seconds: Seconds) -> String {
    let seconds = seconds.max(0.0).floor();
    duration::words(if seconds >= 3600.0 { seconds - seconds % 60.0 } else { seconds })
}

/// How many there are of each word.
pub(crate) fn counted<'a>(words: impl Iterator<Item = &'a str>) -> Value {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    words.for_each(|word| *counts.entry(word).or_default() += 1);
    json!(counts)
}

/// The labels that all of them have with the same value, without the name.
pub(crate) fn common_labels(alerts: &[&Alert]) -> Map<String, Value> {
    let Some((first, rest)) = alerts.split_first() else { return Map::new() };
    let shared = |(name, value): &(&String, &Value)| {
        *name != "alertname"
            && rest.iter().all(|alert| alert.labels().and_then(|labels| labels.get(*name)) == Some(*value))
    };
    let labels = first.labels().into_iter().flatten();
    labels.filter(shared).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(labels: &Value, status: &Value) -> Alert {
        Alert(json!({ "labels": labels, "status": status, "startsAt": "2026-01-31T11:00:00.000Z" }))
    }

    #[test]
    fn severities_have_an_order_whatever_they_are_called() {
        let mut words = ["info", "odd", "WARNING", "page", "high", ""];
        words.sort_by_key(|word| rank(word));
        assert_eq!(words, ["page", "high", "WARNING", "odd", "", "info"]);
    }

    #[test]
    fn a_state_says_what_keeps_an_alert_quiet() {
        for (status, state) in [
            (json!({ "state": "active", "silencedBy": [], "inhibitedBy": [] }), "active"),
            (json!({ "state": "unprocessed" }), "unprocessed"),
            (json!({ "state": "suppressed", "silencedBy": ["s"], "inhibitedBy": ["i"] }), "silenced"),
            (json!({ "state": "suppressed", "silencedBy": [], "inhibitedBy": ["i"] }), "inhibited"),
        ] {
            assert_eq!(alert(&json!({}), &status).state(), state);
        }
    }

    #[test]
    fn common_labels_are_those_of_all() {
        let one = alert(&json!({ "alertname": "A", "job": "x", "pod": "1", "only": "1" }), &json!({}));
        let two = alert(&json!({ "alertname": "A", "job": "x", "pod": "2" }), &json!({}));
        assert_eq!(Value::Object(common_labels(&[&one, &two])), json!({ "job": "x" }));
        assert_eq!(common_labels(&[]), Map::new());
    }

    #[test]
    fn how_long_is_told_as_people_do() {
        assert_eq!([lasting(61.9), lasting(3661.0), lasting(-5.0)], ["1m1s", "1h1m", "0s"]);
    }
}
