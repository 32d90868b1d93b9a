//! As the UI is told: `{data, total, limit, offset, errors}`, microseconds, tags, references.

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::{Jaeger, Search, Span, duration};

pub(crate) fn answer(jaeger: &Jaeger, request: &Request) -> Reply {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        [.., "services"] => data(json!(jaeger.services())),
        [.., "operations"] => {
            let told = |(name, kind)| json!({ "name": name, "spanKind": kind });
            match request.param("service") {
                Some(service) => data(jaeger.operations(service).into_iter().map(told).collect()),
                None => refused(400, "parameter 'service' is required"),
            }
        }
        [.., "traces"] => match search(request) {
            Ok(search) => data(jaeger.search(&search).iter().map(|spans| trace(spans)).collect()),
            Err(why) => refused(400, &why),
        },
        [.., "traces", id] => match jaeger.trace(id) {
            Some(spans) => data(json!([trace(&spans)])),
            None => refused(404, "trace not found"),
        },
        [.., "dependencies"] => {
            let number = |name: &str| request.param(name).and_then(|text| text.parse::<i64>().ok());
            let (Some(end), Some(lookback)) = (number("endTs"), number("lookback")) else {
                return refused(400, "unable to parse param 'endTs': strconv.ParseInt");
            };
            let calls = jaeger.calls((end - lookback) * 1000, end * 1000).into_iter();
            data(calls.map(|((parent, child), calls)| json!({ "parent": parent, "child": child, "callCount": calls })).collect())
        }
        _ => Reply::new(200, "text/html", "<!doctype html><title>Jaeger UI</title>"),
    }
}

/// An empty list is null.
fn data(found: Value) -> Reply {
    let total = found.as_array().map_or(0, Vec::len);
    let found = if total == 0 { Value::Null } else { found };
    Reply::json(200, &json!({ "data": found, "total": total, "limit": 0, "offset": 0, "errors": null }))
}

fn refused(status: u16, why: &str) -> Reply {
    let errors = json!([{ "code": status, "msg": why }]);
    Reply::json(status, &json!({ "data": null, "total": 0, "limit": 0, "offset": 0, "errors": errors }))
}

fn search(request: &Request) -> Result<Search<'_>, String> {
    let number = |name: &str, default: i64| match request.param(name) {
        Some(text) => {
            text.parse::<i64>().map_err(|_| format!("unable to parse param '{name}': strconv.ParseInt"))
        }
        None => Ok(default),
    };
    let long = |name: &str, default: i64| match request.param(name) {
        Some(text) => duration(text).map_err(|why| format!("unable to parse param '{name}': {why}")),
        None => Ok(default),
    };
    let attributes = serde_json::from_str(request.param("tags").unwrap_or("{}"))
        .map_err(|_| "malformed 'tags' parameter, cannot unmarshal JSON".to_owned())?;
    let (shortest, longest) = (long("minDuration", 0)?, long("maxDuration", i64::MAX)?);
    if longest < shortest {
        return Err("'maxDuration' should be greater than 'minDuration'".to_owned());
    }
    Ok(Search {
        service: request.param("service").ok_or("parameter 'service' is required")?,
        operation: request.param("operation"),
        attributes,
        shortest,
        longest,
        start: number("start", 0)?,
        end: number("end", i64::MAX)?,
        limit: number("limit", 100)? as usize,
    })
}

fn trace(spans: &[Span]) -> Value {
    let mut services: Vec<&str> = spans.iter().map(|span| &*span.service).collect();
    services.sort_unstable();
    services.dedup();
    let name =
        |service: &str| format!("p{}", services.iter().position(|known| *known == service).unwrap() + 1);
    let process = |service: &&str| {
        (
            name(service),
            json!({ "serviceName": service, "tags": [tag("host.name", &json!(format!("{service}-0")))] }),
        )
    };
    let processes: serde_json::Map<String, Value> = services.iter().map(process).collect();
    let spans: Vec<Value> = spans.iter().map(|one| span(one, &name(&one.service))).collect();
    json!({ "traceID": spans[0]["traceID"], "spans": spans, "processes": processes, "warnings": null })
}

fn tag(key: &str, value: &Value) -> Value {
    let kind = match value {
        Value::Bool(_) => "bool",
        Value::Number(_) => "int64",
        _ => "string",
    };
    json!({ "key": key, "type": kind, "value": value })
}

fn span(one: &Span, process: &str) -> Value {
    let mut tags: Vec<Value> = one.attributes.iter().map(|(key, value)| tag(key, value)).collect();
    tags.push(tag("span.kind", &json!(one.kind)));
    if let Some(message) = &one.error {
        tags.push(tag("error", &json!(true)));
        tags.push(tag("otel.status_code", &json!("ERROR")));
        if !message.is_empty() {
            tags.push(tag("otel.status_description", &json!(message)));
        }
    }
    let parent = |id: &String| json!({ "refType": "CHILD_OF", "traceID": one.trace, "spanID": id });
    let log = |words: &String| {
        let fields = [tag("event", &json!("exception")), tag("exception.message", &json!(words))];
        json!({ "timestamp": one.start + one.duration, "fields": fields })
    };
    json!({
        "traceID": one.trace, "spanID": one.id, "operationName": one.name, "startTime": one.start,
        "duration": one.duration, "tags": tags, "processID": process, "warnings": null, "flags": 1,
        "references": one.parent.iter().map(parent).collect::<Vec<Value>>(),
        "logs": one.exception.iter().map(log).collect::<Vec<Value>>(),
    })
}
