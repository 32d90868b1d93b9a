//! The published API: OTLP, wrapped in `result`, one or several to an answer. Times are RFC 3339.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Deserializer, Map};

use super::*;
use bulkhead_sdk::time::nanos_rfc3339;

use crate::model::{Event, Span};

pub(super) async fn services(api: &Api) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Found {
        services: Vec<String>,
    }
    Ok(ask::<Found>(api.get("/api/v3/services")).await?.services)
}

pub(super) async fn operations(api: &Api, service: &str) -> Result<Vec<Operation>> {
    #[derive(Deserialize)]
    struct Found {
        operations: Vec<Value>,
    }
    let found: Found = ask(api.get("/api/v3/operations").query("service", service)).await?;
    let told = |found: &Value| Operation { name: owned(found, "/name"), kind: owned(found, "/spanKind") };
    Ok(found.operations.iter().map(told).collect())
}

pub(super) async fn traces(api: &Api, search: &Search<'_>) -> Result<Vec<Trace>> {
    let request = api
        .get("/api/v3/traces")
        .query("query.serviceName", search.service)
        .query_opt("query.operationName", search.operation)
        .query_opt("query.attributes", attributes(search))
        .query_opt("query.durationMin", search.shortest.map(seconds))
        .query_opt("query.durationMax", search.longest.map(seconds))
        .query("query.startTimeMin", nanos_rfc3339(search.window.start))
        .query("query.startTimeMax", nanos_rfc3339(search.window.end))
        .query("query.searchDepth", search.limit);
    match otlp(request).await {
        // How it says that none fits.
        Err(Error::NotFound(words)) if words.to_lowercase().contains("no traces") => Ok(Vec::new()),
        found => found,
    }
}

pub(super) async fn trace(api: &Api, id: &str) -> Result<Option<Trace>> {
    Ok(otlp(api.get("/api/v3/traces").segment(id)).await?.into_iter().next())
}

pub(super) async fn dependencies(api: &Api, window: Window) -> Result<Vec<Dependency>> {
    #[derive(Deserialize)]
    struct Found {
        dependencies: Vec<Value>,
    }
    let request = api
        .get("/api/v3/dependencies")
        .query("startTime", nanos_rfc3339(window.start))
        .query("endTime", nanos_rfc3339(window.end));
    let told = |found: &Value| Dependency {
        parent: owned(found, "/parent"),
        child: owned(found, "/child"),
        calls: text(found, "/callCount").parse().unwrap_or_default(),
    };
    Ok(ask::<Found>(request).await?.dependencies.iter().map(told).collect())
}

/// Reads OTLP documents, one after the other.
async fn otlp(request: Request) -> Result<Vec<Trace>> {
    let response = send(request).await?;
    let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    let mut documents = 0;
    for document in Deserializer::from_slice(&response.body).into_iter::<Document>() {
        let resources = match document {
            Ok(
                Document { result: Some(Traces { resource_spans }), .. } | Document { resource_spans, .. },
            ) => resource_spans,
            Err(error) if error.is_eof() => {
                return Err(Error::failed(format!("Jaeger's answer ends too early: {error}")));
            }
            Err(error) => return Err(foreign(&response, &format!("no OTLP ({error})"))),
        };
        documents += 1;
        for resource in resources.into_iter().flatten() {
            spans_of(resource, &mut traces);
        }
    }
    match documents {
        0 => Err(foreign(&response, "nothing")),
        _ => Ok(traces.into_iter().map(|(id, spans)| Trace::new(id, spans)).collect()),
    }
}

/// Wrapped, or bare as the document has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    result: Option<Traces>,
    resource_spans: Option<Vec<ResourceSpans>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Traces {
    resource_spans: Option<Vec<ResourceSpans>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    #[serde(default)]
    resource: Resource,
    #[serde(default)]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Default, Deserialize)]
struct Resource {
    #[serde(default)]
    attributes: Vec<Pair>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    #[serde(default)]
    spans: Vec<RawSpan>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSpan {
    trace_id: String,
    span_id: String,
    parent_span_id: String,
    name: String,
    kind: Value,
    start_time_unix_nano: Value,
    end_time_unix_nano: Value,
    attributes: Vec<Pair>,
    events: Vec<RawEvent>,
    links: Vec<Link>,
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawEvent {
    time_unix_nano: Value,
    name: String,
    attributes: Vec<Pair>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Link {
    trace_id: String,
    span_id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: Value,
    message: String,
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    #[serde(default)]
    value: Any,
}

/// One of these is there, or none.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Any {
    string_value: Option<String>,
    bytes_value: Option<String>,
    bool_value: Option<bool>,
    int_value: Option<Value>,
    double_value: Option<f64>,
    array_value: Option<List<Any>>,
    kvlist_value: Option<List<Pair>>,
}

#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    values: Vec<T>,
}

/// Puts the spans of a resource to their traces.
fn spans_of(resource: ResourceSpans, traces: &mut BTreeMap<String, Vec<Span>>) {
    let mut about = pairs(resource.resource.attributes);
    let service =
        about.remove("service.name").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    let about = Rc::new(about);
    for mut span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
        let trace = std::mem::take(&mut span.trace_id);
        traces.entry(trace).or_default().push(span_of(span, &service, &about));
    }
}

const KINDS: [&str; 6] = ["", "internal", "server", "client", "producer", "consumer"];

fn span_of(raw: RawSpan, service: &str, resource: &Rc<Map<String, Value>>) -> Span {
    let kind = match &raw.kind {
        Value::String(name) => name.trim_start_matches("SPAN_KIND_").to_lowercase(),
        number => {
            number.as_u64().and_then(|kind| KINDS.get(kind as usize)).copied().unwrap_or_default().to_owned()
        }
    };
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let link = |one: Link| json!({ "trace_id": one.trace_id, "span_id": one.span_id });
    Span {
        id: raw.span_id,
        parent: given(raw.parent_span_id),
        follows: false, // OTLP does not tell
        service: service.to_owned(),
        operation: raw.name,
        kind,
        start: nanos(&raw.start_time_unix_nano),
        end: nanos(&raw.end_time_unix_nano),
        error: raw.status.code == 2 || raw.status.code == "STATUS_CODE_ERROR",
        message: given(raw.status.message),
        attributes: pairs(raw.attributes),
        events: raw.events.into_iter().map(event_of).collect(),
        links: raw.links.into_iter().map(link).collect(),
        resource: resource.clone(),
    }
}

fn event_of(raw: RawEvent) -> Event {
    Event { at: nanos(&raw.time_unix_nano), name: raw.name, attributes: pairs(raw.attributes) }
}

/// Large integers are strings, in most writers.
fn nanos(value: &Value) -> Nanos {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default()
}

fn pairs(attributes: Vec<Pair>) -> Map<String, Value> {
    attributes.into_iter().map(|pair| (pair.key, any(pair.value))).collect()
}

/// The value as plain JSON.
fn any(value: Any) -> Value {
    let list = |list: List<Any>| list.values.into_iter().map(any).collect();
    let int = |value: Value| {
        value.as_str().and_then(|text| text.parse::<i64>().ok()).map_or(value.clone(), Value::from)
    };
    (value.string_value.or(value.bytes_value).map(Value::from))
        .or_else(|| value.bool_value.map(Value::from))
        .or_else(|| value.int_value.map(int))
        .or_else(|| value.double_value.map(Value::from))
        .or_else(|| value.array_value.map(list))
        .or_else(|| value.kvlist_value.map(|list| Value::from(pairs(list.values))))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_plain() {
        for (value, plain) in [
            (json!({ "stringValue": "a" }), json!("a")),
            (json!({ "intValue": "7" }), json!(7)),
            (json!({ "intValue": 7 }), json!(7)),
            (json!({ "boolValue": true }), json!(true)),
            (json!({ "arrayValue": { "values": [{ "doubleValue": 1.5 }] } }), json!([1.5])),
            (
                json!({ "kvlistValue": { "values": [{ "key": "k", "value": { "stringValue": "v" } }] } }),
                json!({ "k": "v" }),
            ),
            (json!({}), Value::Null),
        ] {
            assert_eq!(any(serde_json::from_value(value).unwrap()), plain);
        }
    }

    #[test]
    fn kinds_and_codes_are_numbers_or_names() {
        let span = |raw: Value| span_of(serde_json::from_value(raw).unwrap(), "s", &Rc::default());
        let one = span(json!({ "kind": 2, "status": { "code": 2, "message": "no" }, "parentSpanId": "" }));
        assert_eq!(
            (&*one.kind, one.error, one.message.as_deref(), one.parent),
            ("server", true, Some("no"), None)
        );
        let other = span(json!({ "kind": "SPAN_KIND_CLIENT", "status": { "code": "STATUS_CODE_ERROR" } }));
        assert_eq!((&*other.kind, other.error), ("client", true));
        assert_eq!((&*span(json!({})).kind, span(json!({})).error), ("", false));
    }
}
