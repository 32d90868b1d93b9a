//! As published: OTLP wrapped in `result`, RFC 3339, `{error}`.

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::{Jaeger, Search, Span, duration};

pub(crate) fn answer(jaeger: &Jaeger, request: &Request) -> Reply {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        [.., "services"] => Reply::json(200, &json!({ "services": jaeger.services() })),
        [.., "operations"] => match request.param("service") {
            Some(service) => {
                let told = |(name, kind)| json!({ "name": name, "spanKind": kind });
                let found: Vec<Value> = jaeger.operations(service).into_iter().map(told).collect();
                Reply::json(200, &json!({ "operations": found }))
            }
            None => refused(400, "malformed parameter service: missing"),
        },
        [.., "traces"] => match search(request) {
            Ok(search) => otlp(&jaeger.search(&search).concat()),
            Err(why) => refused(400, &why),
        },
        [.., "traces", id] => otlp(&jaeger.trace(id).unwrap_or_default()),
        [.., "dependencies"] => {
            let at = |name: &str| request.param(name).and_then(micros);
            let (Some(start), Some(end)) = (at("startTime"), at("endTime")) else {
                return refused(400, "malformed parameter startTime");
            };
            let told = |((parent, child), calls): ((String, String), u64)| json!({ "parent": parent, "child": child, "callCount": calls.to_string() });
            let found: Vec<Value> = jaeger.calls(start, end).into_iter().map(told).collect();
            Reply::json(200, &json!({ "dependencies": found }))
        }
        _ => Reply::new(200, "text/html", "<!doctype html><title>Jaeger UI</title>"),
    }
}

fn refused(status: u16, why: &str) -> Reply {
    Reply::json(status, &json!({ "error": { "httpCode": status, "message": why } }))
}

fn search(request: &Request) -> Result<Search<'_>, String> {
    let wrong = |name: &str, why: &str| format!("malformed parameter {name}: {why}");
    let at = |name: &str| request.param(name).and_then(micros).ok_or_else(|| wrong(name, "cannot parse"));
    let long = |name: &str, default: i64| match request.param(name) {
        Some(text) => duration(text).map_err(|why| wrong(name, &why)),
        None => Ok(default),
    };
    let attributes = serde_json::from_str(request.param("query.attributes").unwrap_or("{}"))
        .map_err(|_| wrong("query.attributes", "cannot unmarshal"))?;
    Ok(Search {
        service: request.param("query.serviceName").ok_or_else(|| wrong("query.serviceName", "missing"))?,
        operation: request.param("query.operationName"),
        attributes,
        shortest: long("query.durationMin", 0)?,
        longest: long("query.durationMax", i64::MAX)?,
        start: at("query.startTimeMin")?,
        end: at("query.startTimeMax")?,
        limit: request.param("query.searchDepth").and_then(|text| text.parse().ok()).unwrap_or(100),
    })
}

/// Unix microseconds in RFC 3339, as the component writes it.
fn micros(text: &str) -> Option<i64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, mark: char| -> Option<Vec<f64>> {
        text.split(mark).map(|part| part.parse().ok()).collect()
    };
    let (date, clock) = (numbers(date, '-')?, numbers(clock, ':')?);
    let ([year, month, day], [hours, minutes, seconds]) = (date.as_slice(), clock.as_slice()) else {
        return None;
    };
    // Days before a month of the year, counted from March, as leap days are last then.
    let (year, month) = if *month < 3.0 { (year - 1.0, month + 9.0) } else { (*year, month - 3.0) };
    let days = (year * 365.0) + (year / 4.0).floor() - (year / 100.0).floor()
        + (year / 400.0).floor()
        + ((153.0 * month + 2.0) / 5.0).floor()
        + day
        - 719_469.0;
    Some(
        ((days * 86_400.0 + hours * 3600.0 + minutes * 60.0) as i64) * 1_000_000
            + (seconds * 1e6).round() as i64,
    )
}

/// Nothing is not an empty list.
fn otlp(spans: &[Span]) -> Reply {
    if spans.is_empty() {
        return refused(404, "No traces found");
    }
    let resource = |one: &Span| {
        let about = [
            ("service.name".to_owned(), json!(one.service)),
            ("host.name".to_owned(), json!(format!("{}-0", one.service))),
        ];
        json!({
            "resource": { "attributes": pairs(&about) },
            "scopeSpans": [{ "scope": { "name": "shop" }, "spans": [span(one)] }],
        })
    };
    let resources: Vec<Value> = spans.iter().map(resource).collect();
    Reply::json(200, &json!({ "result": { "resourceSpans": resources } }))
}

fn pairs(attributes: &[(String, Value)]) -> Vec<Value> {
    let any = |value: &Value| match value {
        Value::Bool(_) => json!({ "boolValue": value }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        _ => json!({ "stringValue": value }),
    };
    attributes.iter().map(|(key, value)| json!({ "key": key, "value": any(value) })).collect()
}

fn span(one: &Span) -> Value {
    let kinds = ["", "internal", "server", "client", "producer", "consumer"];
    let (start, end) = (one.start * 1000, (one.start + one.duration) * 1000);
    let event = |words: &String| {
        let attributes = pairs(&[("exception.message".to_owned(), json!(words))]);
        json!({ "name": "exception", "timeUnixNano": end.to_string(), "attributes": attributes })
    };
    json!({
        "traceId": one.trace, "spanId": one.id, "parentSpanId": one.parent.clone().unwrap_or_default(), "name": one.name,
        "kind": kinds.iter().position(|kind| *kind == one.kind).unwrap(),
        "startTimeUnixNano": start.to_string(), "endTimeUnixNano": end.to_string(), "attributes": pairs(&one.attributes),
        "status": if let Some(message) = &one.error { json!({ "code": 2, "message": message }) } else { json!({}) },
        "events": one.exception.iter().map(event).collect::<Vec<Value>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn moments_are_read() {
        assert_eq!(micros("2026-01-31T12:00:00Z"), Some(1_769_860_800_000_000));
        assert_eq!(micros("2024-03-01T00:00:00.25Z"), Some(1_709_251_200_250_000));
        assert_eq!(micros("yesterday"), None);
    }
}
