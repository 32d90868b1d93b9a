//! `diagnose`: what is slow and what fails in a service, of traces that were sampled.
//!
//! Three searches: a sample of the window and its failed requests at once, then, as the sample says what is slow, the slow
//! ones. Statistics are of the sample alone, which is not chosen; examples are of all three.

use std::collections::{BTreeMap, HashSet};

use bulkhead_sdk::join;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{Nanos, When, Window, nanos_rfc3339};
use bulkhead_sdk::value::shortened;

use super::{HOUR, similar};
use crate::api::Search;
use crate::length::{millis, percent};
use crate::model::{Span, Trace};
use crate::{Jaeger, critical_path, summary};

const DEFAULT_LIMIT: usize = 50;
/// Failed and slow requests that are looked at beside the sample.
const BESIDE: usize = 20;

const OPERATIONS: usize = 10;
const ERRORS: usize = 5;
const CONTRIBUTORS: usize = 8;
const SLOWEST: usize = 5;
const EVIDENCE: usize = 3;
const MESSAGE: usize = 200;

/// A tail: the slow take so many times what is usual, of at least so many requests.
const TAIL: Nanos = 3;
const ENOUGH: usize = 10;
/// Of the sample, in percent: more of it incomplete makes the rest doubtful.
const INCOMPLETE: usize = 20;

#[derive(Debug, Deserialize, JsonSchema)]
struct Diagnose {
    /// Exact name.
    service: String,
    /// Only this, exact name.
    operation: Option<String>,
    /// Default `-1h`.
    start: Option<When>,
    /// Default now.
    end: Option<When>,
    /// Traces sampled, default 50.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Answer {
    findings: Vec<Value>,
}

/// A request that came into the service.
#[derive(Clone, Copy, Debug)]
struct Request<'a> {
    trace: &'a Trace,
    place: usize,
    span: &'a Span,
}

/// Errors that are the same.
#[derive(Debug)]
struct Failure<'a> {
    span: &'a Span,
    message: String,
    spans: usize,
    traces: Vec<&'a str>,
}

/// What an operation has of the critical paths of requests, on average.
#[derive(Debug)]
struct Contributor<'a> {
    service: &'a str,
    operation: &'a str,
    slow: Nanos,
    usual: Nanos,
}

pub(super) fn tool() -> Tool<Jaeger> {
    Tool::reads(
        "diagnose",
        "Diagnosis",
        "Why a service is slow or fails: findings with trace ids, percentiles, origins of errors, what slow requests wait \
         for. Start here.",
        diagnose,
    )
    .output::<Answer>()
}

async fn diagnose(jaeger: &Jaeger, args: Diagnose, call: &Call) -> Result<Output> {
    let window = Window::resolve(args.start, args.end, HOUR, call)?;
    let (service, operation) = (args.service.as_str(), args.operation.as_deref());
    let limit = args.limit.map_or(DEFAULT_LIMIT, |limit| limit as usize);
    let any =
        Search { service, operation, attributes: Vec::new(), shortest: None, longest: None, window, limit };
    let failed = Search { attributes: vec![("error", "true")], limit: BESIDE, ..any.clone() };
    let (sample, failed) = join!(jaeger.api.traces(&any), jaeger.api.traces(&failed));
    let (sample, failed) = (sample?, failed?);
    let requests = requests(&sample, service, operation);
    let slow_from = percentile(&lengths(&requests), 95);
    let slow = match requests.as_slice() {
        [] => Vec::new(),
        _ => jaeger.api.traces(&Search { shortest: Some(slow_from), limit: BESIDE, ..any.clone() }).await?,
    };
    let mut known: HashSet<&str> = sample.iter().map(|trace| trace.id.as_str()).collect();
    let beside: Vec<&Trace> = failed.iter().chain(&slow).filter(|trace| known.insert(&trace.id)).collect();
    let mut all = requests.clone();
    all.extend(self::requests(beside.iter().copied(), service, operation));
    if all.is_empty() {
        let hint = similar(jaeger, service).await?;
        let none = json!({ "findings": [], "verdict": "no traces", "hint": hint, "window": window.told() });
        return Ok(Output::json(&none));
    }
    let failures = failures(&all);
    let mut slowest = all.clone();
    slowest.sort_by_key(|request| std::cmp::Reverse(request.span.length()));
    let contributors = contributors(&all, &requests);
    let findings: Vec<Value> = [
        of_failures(&failures, &sample),
        of_tail(&requests, &slowest, &contributors),
        of_loops(&all),
        of_gaps(&sample),
    ]
    .concat();
    let verdict = match findings.first().and_then(|first| first.get("finding")).and_then(Value::as_str) {
        Some(first) => format!("{} findings, first: {first}", findings.len()),
        None => format!("nothing unusual in {} requests", all.len()),
    };
    Ok(Output::json(&json!({
        "verdict": verdict,
        "findings": findings,
        "window": window.told(),
        "sampled": { "traces": sample.len(), "requests": requests.len(), "failed_or_slow_beside": beside.len() },
        "operations": operations(&requests),
        "errors": failures.iter().take(ERRORS).map(Failure::told).collect::<Vec<Value>>(),
        "critical_path": contributors.iter().take(CONTRIBUTORS).map(Contributor::told).collect::<Vec<Value>>(),
        "slowest": slowest.iter().take(SLOWEST).map(Request::told).collect::<Vec<Value>>(),
    })))
}

/// The requests to a service in these traces: where they come in, or the spans of the operation that is asked about.
fn requests<'a>(
    traces: impl IntoIterator<Item = &'a Trace>,
    service: &'a str,
    operation: Option<&str>,
) -> Vec<Request<'a>> {
    let mut requests = Vec::new();
    for trace in traces {
        let places: Vec<usize> = match operation {
            None => trace.entries(service).collect(),
            Some(name) => {
                let fits = |span: &Span| span.service == service && span.operation == name;
                trace
                    .spans
                    .iter()
                    .enumerate()
                    .filter(|(_, span)| fits(span))
                    .map(|(place, _)| place)
                    .collect()
            }
        };
        let request = |place| Some(Request { trace, place, span: trace.spans.get(place)? });
        requests.extend(places.into_iter().filter_map(request));
    }
    requests
}

impl Request<'_> {
    fn told(&self) -> Value {
        json!({
            "trace_id": self.trace.id, "operation": self.span.operation, "start": nanos_rfc3339(self.span.start),
            "duration_ms": millis(self.span.length()), "error": self.span.error,
        })
    }

    /// The places of the request's spans, its own first.
    fn below(&self) -> Vec<usize> {
        let (mut below, mut next) = (vec![self.place], 0);
        while let Some(place) = below.get(next).copied() {
            below.extend(self.trace.children(place));
            next += 1;
        }
        below
    }
}

fn lengths(requests: &[Request<'_>]) -> Vec<Nanos> {
    let mut lengths: Vec<Nanos> = requests.iter().map(|request| request.span.length()).collect();
    lengths.sort_unstable();
    lengths
}

/// The smallest length that so many percent are not above.
fn percentile(sorted: &[Nanos], percent: usize) -> Nanos {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// Statistics by operation, the slowest first.
fn operations(requests: &[Request<'_>]) -> Vec<Value> {
    let mut by_name: BTreeMap<&str, Vec<Request<'_>>> = BTreeMap::new();
    for request in requests {
        by_name.entry(&request.span.operation).or_default().push(*request);
    }
    let mut told: Vec<(Nanos, Value)> = by_name
        .into_iter()
        .map(|(name, requests)| {
            let lengths = lengths(&requests);
            let p95 = percentile(&lengths, 95);
            let told = json!({
                "operation": name, "requests": requests.len(),
                "errors": requests.iter().filter(|request| request.span.error).count(),
                "p50_ms": millis(percentile(&lengths, 50)), "p95_ms": millis(p95),
                "max_ms": millis(percentile(&lengths, 100)),
            });
            (p95, told)
        })
        .collect();
    told.sort_by_key(|(p95, _)| std::cmp::Reverse(*p95));
    told.into_iter().take(OPERATIONS).map(|(_, told)| told).collect()
}

/// Errors at their origin below the requests, the most frequent first.
fn failures<'a>(requests: &[Request<'a>]) -> Vec<Failure<'a>> {
    let mut found: BTreeMap<(&str, &str, String), Failure<'a>> = BTreeMap::new();
    for request in requests {
        let origins: HashSet<usize> = request.trace.error_origins().into_iter().collect();
        for place in request.below().into_iter().filter(|place| origins.contains(place)) {
            let Some(span) = request.trace.spans.get(place) else { continue };
            let message = shortened(&span.complaint().unwrap_or_default(), MESSAGE);
            // Numbers differ from one to the next.
            let alike: String = message.chars().filter(|letter| !letter.is_ascii_digit()).collect();
            let fresh = || Failure { span, message, spans: 0, traces: Vec::new() };
            let failure = found.entry((&span.service, &span.operation, alike)).or_insert_with(fresh);
            failure.spans += 1;
            if !failure.traces.contains(&request.trace.id.as_str()) {
                failure.traces.push(&request.trace.id);
            }
        }
    }
    let mut found: Vec<Failure<'a>> = found.into_values().collect();
    found.sort_by_key(|failure| std::cmp::Reverse(failure.traces.len()));
    found
}

impl Failure<'_> {
    fn told(&self) -> Value {
        json!({
            "service": self.span.service, "operation": self.span.operation, "message": self.message, "spans": self.spans,
            "traces": self.traces.len(), "evidence": self.traces.iter().take(EVIDENCE).collect::<Vec<_>>(),
        })
    }
}

/// What slow requests wait for (those of at least the sample's p95), beside what usual ones do (those of at most its p50).
fn contributors<'a>(all: &[Request<'a>], sample: &[Request<'a>]) -> Vec<Contributor<'a>> {
    let lengths = lengths(sample);
    let (p50, p95) = (percentile(&lengths, 50), percentile(&lengths, 95));
    let slow: Vec<Request<'a>> = all.iter().copied().filter(|request| request.span.length() >= p95).collect();
    let usual: Vec<Request<'a>> =
        sample.iter().copied().filter(|request| request.span.length() <= p50).collect();
    let (slow, usual) = (average(&slow), average(&usual));
    let names: HashSet<(&str, &str)> = slow.keys().chain(usual.keys()).copied().collect();
    let of =
        |averages: &BTreeMap<(&str, &str), Nanos>, name| averages.get(&name).copied().unwrap_or_default();
    let mut found: Vec<Contributor<'a>> = names
        .into_iter()
        .map(|(service, operation)| Contributor {
            service,
            operation,
            slow: of(&slow, (service, operation)),
            usual: of(&usual, (service, operation)),
        })
        .collect();
    found.sort_by(|a, b| (b.slow, a.service, a.operation).cmp(&(a.slow, b.service, b.operation)));
    found
}

fn average<'a>(requests: &[Request<'a>]) -> BTreeMap<(&'a str, &'a str), Nanos> {
    let mut sums: BTreeMap<(&str, &str), Nanos> = BTreeMap::new();
    for request in requests {
        for share in critical_path::shares(request.trace, &critical_path::of(request.trace, request.place)) {
            *sums.entry((share.service, share.operation)).or_default() += share.own;
        }
    }
    let count = requests.len().max(1) as Nanos;
    sums.into_iter().map(|(name, sum)| (name, sum / count)).collect()
}

impl Contributor<'_> {
    fn told(&self) -> Value {
        json!({
            "service": self.service, "operation": self.operation, "slow_ms": millis(self.slow), "usual_ms": millis(self.usual),
        })
    }
}

fn finding(words: &str, evidence: &[&str]) -> Value {
    json!({ "finding": words, "evidence": evidence.iter().take(EVIDENCE).collect::<Vec<_>>() })
}

/// How often is told of the sample alone: the failed that were searched for are no measure.
fn of_failures(failures: &[Failure<'_>], sample: &[Trace]) -> Vec<Value> {
    let sampled: HashSet<&str> = sample.iter().map(|trace| trace.id.as_str()).collect();
    let told = |failure: &Failure<'_>| {
        let Span { service, operation, .. } = failure.span;
        let message = if failure.message.is_empty() { "no message" } else { &failure.message };
        let inside = failure.traces.iter().filter(|id| sampled.contains(*id)).count();
        let beside = match failure.traces.len() - inside {
            0 => String::new(),
            others => format!(" and {others} that were searched for"),
        };
        let words = format!(
            "{service} {operation} failed in {inside} of {} sampled traces{beside}: {message}",
            sample.len()
        );
        finding(&words, &failure.traces)
    };
    failures.iter().take(EVIDENCE).map(told).collect()
}

/// The slow are far from the usual, and what they wait for.
fn of_tail(sample: &[Request<'_>], slowest: &[Request<'_>], contributors: &[Contributor<'_>]) -> Vec<Value> {
    let lengths = lengths(sample);
    let (p50, p95) = (percentile(&lengths, 50), percentile(&lengths, 95));
    let worst = contributors.iter().max_by_key(|found| found.slow - found.usual);
    match worst {
        Some(worst) if sample.len() >= ENOUGH && p95 >= TAIL * p50.max(1) => {
            let more = worst.slow - worst.usual;
            let words = format!(
                "p95 is {} ms, p50 {} ms; slow requests wait {} ms more for {} {} ({} % of the difference)",
                millis(p95),
                millis(p50),
                millis(more),
                worst.service,
                worst.operation,
                percent(more, contributors.iter().map(|found| (found.slow - found.usual).max(0)).sum()),
            );
            let mut evidence: Vec<&str> = Vec::new();
            for request in slowest.iter().filter(|request| request.span.length() >= p95) {
                if !evidence.contains(&request.trace.id.as_str()) {
                    evidence.push(&request.trace.id);
                }
            }
            vec![finding(&words, &evidence)]
        }
        _ => Vec::new(),
    }
}

/// Calls in a loop, told once for each kind.
fn of_loops(requests: &[Request<'_>]) -> Vec<Value> {
    let (mut traces, mut kinds) = (HashSet::new(), BTreeMap::new());
    for request in requests.iter().filter(|request| traces.insert(&request.trace.id)) {
        for found in summary::repeated(request.trace) {
            let words = found.words(request.trace);
            let kind: String = words.chars().filter(|letter| !letter.is_ascii_digit()).collect();
            let (most, worst, evidence) = kinds.entry(kind).or_insert_with(|| (0, String::new(), Vec::new()));
            if found.calls() > *most {
                (*most, *worst) = (found.calls(), words);
            }
            evidence.push(request.trace.id.as_str());
        }
    }
    kinds
        .into_values()
        .map(|(_, words, evidence)| finding(&format!("{words} in one request"), &evidence))
        .collect()
}

/// Traces that lack spans make the rest doubtful.
fn of_gaps(sample: &[Trace]) -> Vec<Value> {
    let gaps: Vec<&str> = sample.iter().filter(|trace| trace.orphans() > 0).map(|trace| &*trace.id).collect();
    if gaps.is_empty() || gaps.len() * 100 < sample.len() * INCOMPLETE {
        return Vec::new();
    }
    let words =
        format!("{} of {} traces lack spans: times and causes may be elsewhere", gaps.len(), sample.len());
    vec![finding(&words, &gaps)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let lengths: Vec<Nanos> = (1..=20).collect();
        assert_eq!([50, 95, 100].map(|percent| percentile(&lengths, percent)), [10, 19, 20]);
        assert_eq!((percentile(&[7], 50), percentile(&[], 95)), (7, 0));
    }
}
