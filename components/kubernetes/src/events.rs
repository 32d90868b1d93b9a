//! Events: what the cluster's components have to say, newest first, with the repeated put together.

use std::cmp::Reverse;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{Seconds, rfc3339};
use bulkhead_sdk::value::{shortened, text};

use crate::api::{Api, Select};
use crate::kind;
use crate::object::{ago, moment, name, namespace, number};

/// An event, or several that say the same of the same object.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) last: Seconds,
    pub(crate) first: Seconds,
    pub(crate) count: i64,
    pub(crate) warning: bool,
    pub(crate) reason: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) message: String,
    pub(crate) source: String,
}

impl Event {
    fn of(event: &Value) -> Self {
        // Which of these is set depends on who wrote it, and with which version of the API.
        let last =
            ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
        let first = ["/firstTimestamp", "/eventTime", "/metadata/creationTimestamp"];
        let any = |pointers: &[&str]| {
            pointers.iter().find_map(|pointer| moment(event, pointer)).unwrap_or_default()
        };
        let source = [text(event, "/reportingComponent"), text(event, "/source/component")];
        Self {
            last: any(&last),
            first: any(&first),
            count: number(event, "/series/count").max(number(event, "/count")).max(1),
            warning: text(event, "/type") == "Warning",
            reason: text(event, "/reason").to_owned(),
            kind: text(event, "/involvedObject/kind").to_owned(),
            name: text(event, "/involvedObject/name").to_owned(),
            namespace: namespace(event).to_owned(),
            message: text(event, "/message").trim().to_owned(),
            source: source.into_iter().find(|source| !source.is_empty()).unwrap_or_default().to_owned(),
        }
    }

    /// `Warning BackOff (12 times, last 40s ago): Back-off restarting failed container`.
    pub(crate) fn line(&self, now: Seconds) -> String {
        let times = if self.count > 1 { format!("{} times, last ", self.count) } else { String::new() };
        format!("{} ({times}{} ago): {}", self.reason, ago(self.last, now), shortened(&self.message, 300))
    }

    pub(crate) fn is_about(&self, kind: &str, name: &str) -> bool {
        self.kind == kind && self.name == name
    }

    pub(crate) fn row(&self, now: Seconds, full: bool) -> Value {
        let mut row = json!({
            "last": rfc3339(self.last),
            "ago": ago(self.last, now),
            "count": self.count,
            "type": if self.warning { "Warning" } else { "Normal" },
            "reason": self.reason,
            "object": format!("{}/{}", self.kind, self.name),
            "namespace": self.namespace,
            "message": if full { self.message.clone() } else { shortened(&self.message, 300) },
        });
        if let (true, Some(row)) = (full, row.as_object_mut()) {
            row.insert("first".into(), rfc3339(self.first).into());
            row.insert("source".into(), self.source.as_str().into());
        }
        row
    }
}

/// The events of a namespace or of all, newest first, and whether there were more than one call reads.
pub(crate) async fn read(api: &Api, namespace: Option<&str>, select: &Select) -> Result<(Vec<Event>, bool)> {
    let all = api.sift(kind::known("Event").at(namespace), select, |event| Some(Event::of(&event))).await?;
    Ok((grouped(all.items.into_iter()), all.cut))
}

/// Which events are about one object.
pub(crate) fn about(kind: &str, object: &Value) -> Select {
    Select::fields(format!("involvedObject.kind={kind},involvedObject.name={}", name(object)))
}

/// The namespace where the events of an object are looked for. Those of what is in no namespace are in `default`, or
/// wherever the one who wrote them thought best.
pub(crate) fn place(object: &Value) -> Option<&str> {
    Some(namespace(object)).filter(|namespace| !namespace.is_empty())
}

/// Those that say the same of the same object become one, newest first.
fn grouped(events: impl Iterator<Item = Event>) -> Vec<Event> {
    let same = |event: &Event| {
        (
            event.namespace.clone(),
            event.kind.clone(),
            event.name.clone(),
            event.reason.clone(),
            event.message.clone(),
        )
    };
    let mut groups = std::collections::BTreeMap::new();
    for event in events {
        groups
            .entry(same(&event))
            .and_modify(|known: &mut Event| {
                known.count += event.count;
                known.first = known.first.min(event.first);
                known.last = known.last.max(event.last);
            })
            .or_insert(event);
    }
    let mut events: Vec<Event> = groups.into_values().collect();
    // What was written at the same moment keeps the order of its words, so that pages have one.
    events.sort_by_key(|event| Reverse((event.last * 1000.0) as i64));
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repeated_are_one_and_the_newest_is_first() {
        let event = |name: &str, at: &str, count: i64| {
            Event::of(&json!({
                "metadata": { "namespace": "shop" }, "involvedObject": { "kind": "Pod", "name": name },
                "reason": "BackOff", "message": "again", "type": "Warning", "count": count, "lastTimestamp": at,
                "firstTimestamp": "2026-01-31T10:00:00Z", "source": { "component": "kubelet" }
            }))
        };
        let events = grouped(
            [
                event("a", "2026-01-31T11:00:00Z", 3),
                event("b", "2026-01-31T11:30:00Z", 1),
                event("a", "2026-01-31T11:59:00Z", 2),
            ]
            .into_iter(),
        );
        let now = 1_769_860_800.0;
        let lines: Vec<String> =
            events.iter().map(|event| format!("{} {}", event.name, event.line(now))).collect();
        assert_eq!(lines, ["a BackOff (5 times, last 60s ago): again", "b BackOff (30m ago): again"]);
        assert_eq!(events[0].row(now, true)["first"], "2026-01-31T10:00:00Z");
    }

    #[test]
    fn every_version_of_the_api_has_its_own_moments() {
        let new = Event::of(&json!({
            "metadata": { "creationTimestamp": "2026-01-31T11:00:00Z" }, "eventTime": "2026-01-31T11:00:00.000000Z",
            "series": { "count": 7, "lastObservedTime": "2026-01-31T11:50:00.500000Z" }, "lastTimestamp": null
        }));
        assert_eq!((new.count, rfc3339(new.last)), (7, "2026-01-31T11:50:00.500Z".to_owned()));
        assert_eq!(rfc3339(new.first), "2026-01-31T11:00:00Z");
    }
}
