//! The API of Jaeger's UI: not published, but every version has it. Times are microseconds, and milliseconds for
//! dependencies; answers come as `{data, errors}`. Traces have types of their own here: as plain JSON they would take
//! several times the memory.

use std::collections::HashMap;
use std::rc::Rc;

use serde::Deserializer;
use serde_json::Map;

use super::*;
use crate::model::{Event, Span};

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Envelope<T> {
    /// Null where there is nothing, but always there.
    #[serde(deserialize_with = "present")]
    data: Option<T>,
    #[serde(default)]
    errors: Option<Vec<Value>>,
}

fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

#[derive(Deserialize)]
struct RawTrace {
    #[serde(rename = "traceID")]
    id: String,
    spans: Vec<RawSpan>,
    #[serde(default)]
    processes: HashMap<String, RawProcess>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSpan {
    #[serde(rename = "spanID")]
    id: String,
    operation_name: String,
    references: Option<Vec<Reference>>,
    start_time: i64,
    duration: i64,
    tags: Option<Vec<Tag>>,
    logs: Option<Vec<Log>>,
    #[serde(default, rename = "processID")]
    process: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawProcess {
    service_name: String,
    tags: Option<Vec<Tag>>,
}

/// A reference to a parent that does not wait.
const FOLLOWS: &str = "FOLLOWS_FROM";

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "refType")]
    kind: String,
    #[serde(rename = "traceID")]
    trace: String,
    #[serde(rename = "spanID")]
    span: String,
}

#[derive(Deserialize)]
struct Log {
    timestamp: i64,
    fields: Option<Vec<Tag>>,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    value: Value,
}

struct Process {
    service: String,
    resource: Rc<Map<String, Value>>,
}

/// Asks for what comes in an envelope.
async fn data<T: DeserializeOwned + Default>(request: Request) -> Result<T> {
    let Envelope { data, errors } = ask(request).await?;
    match (data, errors.as_deref()) {
        (None, Some([first, ..])) => Err(Error::failed(format!("Jaeger says: {}", text(first, "/msg")))),
        (data, _) => Ok(data.unwrap_or_default()),
    }
}

pub(super) async fn services(api: &Api) -> Result<Vec<String>> {
    data(api.get("/api/services")).await
}

pub(super) async fn operations(api: &Api, service: &str) -> Result<Vec<Operation>> {
    let found: Vec<Value> = data(api.get("/api/operations").query("service", service)).await?;
    let told = |found: &Value| Operation { name: owned(found, "/name"), kind: owned(found, "/spanKind") };
    Ok(found.iter().map(told).collect())
}

pub(super) async fn traces(api: &Api, search: &Search<'_>) -> Result<Vec<Trace>> {
    let request = api
        .get("/api/traces")
        .query("service", search.service)
        .query_opt("operation", search.operation)
        .query_opt("tags", attributes(search))
        .query_opt("minDuration", search.shortest.map(seconds))
        .query_opt("maxDuration", search.longest.map(seconds))
        .query("start", search.window.start / 1000)
        .query("end", search.window.end / 1000)
        .query("limit", search.limit);
    let found: Vec<RawTrace> = data(request).await?;
    Ok(found.into_iter().map(trace_of).collect())
}

pub(super) async fn trace(api: &Api, id: &str) -> Result<Option<Trace>> {
    let found: Vec<RawTrace> = data(api.get("/api/traces").segment(id)).await?;
    Ok(found.into_iter().next().map(trace_of))
}

pub(super) async fn dependencies(api: &Api, window: Window) -> Result<Vec<Dependency>> {
    let request = api
        .get("/api/dependencies")
        .query("endTs", window.end / 1_000_000)
        .query("lookback", (window.end - window.start) / 1_000_000);
    let found: Vec<Value> = data(request).await?;
    let told = |found: &Value| Dependency {
        parent: owned(found, "/parent"),
        child: owned(found, "/child"),
        calls: found.get("callCount").and_then(Value::as_u64).unwrap_or_default(),
    };
    Ok(found.iter().map(told).collect())
}

fn trace_of(raw: RawTrace) -> Trace {
    let read =
        |RawProcess { service_name, tags }| Process { service: service_name, resource: Rc::new(pairs(tags)) };
    let processes = raw.processes.into_iter().map(|(name, process)| (name, read(process))).collect();
    let spans = raw.spans.into_iter().map(|span| span_of(&raw.id, span, &processes)).collect();
    Trace::new(raw.id, spans)
}

fn span_of(trace: &str, raw: RawSpan, processes: &HashMap<String, Process>) -> Span {
    let mut attributes = pairs(raw.tags);
    let process = processes.get(&raw.process);
    // A parent may be in another trace, which makes it a link.
    let references = raw.references.unwrap_or_default();
    let inside = |kind: &str| references.iter().find(|one| one.kind == kind && one.trace == trace);
    let parent = inside("CHILD_OF").or_else(|| inside(FOLLOWS));
    let others = references.iter().filter(|one| parent.is_none_or(|parent| !std::ptr::eq(parent, *one)));
    let link = |one: &Reference| json!({ "trace_id": one.trace, "span_id": one.span });
    let error = attributes.remove("error").is_some_and(|error| error == true || error == "true");
    let status = attributes.remove("otel.status_code").is_some_and(|code| code == "ERROR");
    Span {
        id: raw.id,
        parent: parent.map(|one| one.span.clone()),
        follows: parent.is_some_and(|one| one.kind == FOLLOWS),
        service: process.map(|process| process.service.clone()).unwrap_or_default(),
        operation: raw.operation_name,
        kind: word(attributes.remove("span.kind")).unwrap_or_default(),
        start: raw.start_time.saturating_mul(1000),
        end: raw.start_time.saturating_add(raw.duration).saturating_mul(1000),
        error: error || status,
        message: word(attributes.remove("otel.status_description")),
        attributes,
        events: raw.logs.into_iter().flatten().map(event_of).collect(),
        links: others.map(link).collect(),
        resource: process.map(|process| process.resource.clone()).unwrap_or_default(),
    }
}

fn event_of(raw: Log) -> Event {
    let mut attributes = pairs(raw.fields);
    let name = word(attributes.remove("event")).unwrap_or_default();
    Event { at: raw.timestamp.saturating_mul(1000), name, attributes }
}

fn word(value: Option<Value>) -> Option<String> {
    value.and_then(|value| value.as_str().map(str::to_owned))
}

fn pairs(tags: Option<Vec<Tag>>) -> Map<String, Value> {
    tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_may_not_wait() {
        let spans = json!([{
            "spanID": "b", "operationName": "op", "startTime": 10, "duration": 5, "tags": null, "logs": null,
            "references": [{ "refType": "FOLLOWS_FROM", "traceID": "t", "spanID": "a" }]
        }]);
        let trace = trace_of(serde_json::from_value(json!({ "traceID": "t", "spans": spans })).unwrap());
        let span = &trace.spans[0];
        assert_eq!((span.parent.as_deref(), span.follows, span.links.len()), (Some("a"), true, 0));
    }

    #[test]
    fn a_span_is_what_its_tags_and_references_say() {
        let raw = json!({
            "traceID": "t", "processes": { "p1": { "serviceName": "s", "tags": [{ "key": "host", "value": "h" }] } },
            "spans": [{
                "spanID": "b", "operationName": "op", "startTime": 10, "duration": 5, "processID": "p1",
                "references": [
                    { "refType": "FOLLOWS_FROM", "traceID": "other", "spanID": "x" },
                    { "refType": "CHILD_OF", "traceID": "t", "spanID": "a" }
                ],
                "tags": [
                    { "key": "span.kind", "type": "string", "value": "server" },
                    { "key": "otel.status_code", "type": "string", "value": "ERROR" },
                    { "key": "otel.status_description", "type": "string", "value": "no" },
                    { "key": "n", "type": "int64", "value": 7 }
                ],
                "logs": [{ "timestamp": 11, "fields": [{ "key": "event", "value": "retry" }, { "key": "k", "value": 1 }] }]
            }]
        });
        let trace = trace_of(serde_json::from_value(raw).unwrap());
        let span = &trace.spans[0];
        assert_eq!(
            (span.parent.as_deref(), &*span.service, &*span.kind, span.error),
            (Some("a"), "s", "server", true)
        );
        assert!(!span.follows);
        assert_eq!((span.start, span.end, span.complaint().as_deref()), (10_000, 15_000, Some("no")));
        assert_eq!(span.links, [json!({ "trace_id": "other", "span_id": "x" })]);
        assert_eq!((&span.resource["host"], &span.attributes["n"]), (&json!("h"), &json!(7)));
        assert_eq!(
            (span.events[0].at, &*span.events[0].name, &span.events[0].attributes["k"]),
            (11_000, "retry", &json!(1))
        );
    }
}
