//! Calls of every tool with arguments drawn from its schema, while the upstream is well: what each answers, sends, says
//! and takes.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use bulkhead::{
    catalog::tool::Tool,
    error::CallError,
    operation::Outcome,
    request::{Content, Event, ResourceBody, ToolOutput},
};
use bytesize::ByteSize;
use futures::{StreamExt as _, stream};
use serde_json::{Map, Value};

use super::{
    ledger::Ledger,
    random::Random,
    settings,
    stage::{Bench, Played, Stage},
    text::shown,
    upstream::{Received, Script, Upstream, reads},
    values::{Spoilt, Taste, Values, deref, spoilt},
};

/// Calls at once. Each is a guest; the figures are of two processors.
const AT_ONCE: usize = 8;
/// Instances that are timed; the quickest counts.
const STARTS: usize = 5;
/// Processor time of a call that computes, if it is stopped at its deadline: one that waits takes next to none, and on a
/// busy machine the deadline comes before all of the time is used up.
const COMPUTES: Duration = Duration::from_millis(300);
/// How often a value is drawn before its schema is given up: `not`, `if` and patterns are only guessed at.
const TRIES: usize = 20;
/// Headers by which requests authenticate.
const CREDENTIALS: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"];
/// Headers that differ between two equal requests.
const FLEETING: [&str; 4] = ["traceparent", "tracestate", "baggage", "date"];

/// A tool and its arguments, case by case.
#[derive(Debug)]
pub(super) struct Cases<'a> {
    pub(super) tool: &'a Tool,
    pub(super) arguments: Vec<Map<String, Value>>,
}

/// Draws the cases of each tool.
pub(super) fn cases<'a>(stage: &'a Stage, seed: u64, many: usize, ledger: &mut Ledger) -> Vec<Cases<'a>> {
    let drawn = stage.service.tools.iter().map(|tool| {
        let mut random = Random::new(seed, &tool.name);
        let schema = Value::Object((*tool.input_schema).clone());
        let mut arguments: Vec<Map<String, Value>> = Vec::new();
        for case in 0..many {
            let drawn = (0..TRIES).find_map(|attempt| {
                let taste = if attempt == 0 { Taste::of(case) } else { Taste::Any };
                let value = Values::new(&schema, taste, &mut random).value();
                let drawn = value.as_object().filter(|_| tool.validate(&value).is_ok())?;
                // One that was drawn before shows nothing: another is drawn, as long as there is another.
                (!arguments.contains(drawn)).then(|| drawn.clone())
            });
            arguments.extend(drawn);
        }
        if arguments.is_empty() {
            ledger.find(
                "schema.untried",
                format!("tool {}", tool.name),
                "none of those that were drawn fits",
            );
        }
        Cases { tool, arguments }
    });
    drawn.collect()
}

/// Shows how strict the schemas are: arguments that are wrong have to be refused before a guest starts.
pub(super) fn strict(cases: &[Cases<'_>], ledger: &mut Ledger) {
    let (mut tried, mut refused) = (0_usize, 0_usize);
    for Cases { tool, arguments } in cases {
        let Some(valid) = arguments.first() else { continue };
        let schema = Value::Object((*tool.input_schema).clone());
        let place = format!("tool {}", tool.name);
        let mut taken: Vec<String> = Vec::new();
        for (what, arguments) in spoilt(&schema, valid) {
            tried = tried.saturating_add(1);
            if tool.validate(&Value::Object(arguments)).is_err() {
                refused = refused.saturating_add(1);
                continue;
            }
            match what {
                Spoilt::Unknown => {
                    ledger.find("schema.open", &place, "it took one called `bulkhead_unknown_argument`")
                }
                Spoilt::Missing => {}
                // One that takes an object may take any; only what takes both, and does not say so, has no type.
                Spoilt::Type(name) if taken.contains(&name) && !says_types(&schema, &name) => {
                    ledger.find(
                        "schema.untyped",
                        format!("{place}, argument {name}"),
                        "it took an object and an array",
                    );
                }
                Spoilt::Type(name) => taken.push(name),
            }
        }
    }
    let seen = ledger.at("schema").unwrap_or_default().to_owned();
    ledger.looked(
        "schema",
        format!("{seen}; {refused} of {tried} wrong arguments are refused before a guest starts"),
    );
}

/// Whether an argument's schema says which types it takes.
fn says_types(root: &Value, name: &str) -> bool {
    fn says(root: &Value, schema: &Value) -> bool {
        let schema = deref(root, schema);
        let ways = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key).and_then(Value::as_array));
        schema.get("type").is_some() || ways.into_iter().any(|ways| ways.iter().all(|way| says(root, way)))
    }
    root.get("properties").and_then(|all| all.get(name)).is_some_and(|schema| says(root, schema))
}

/// What an instance takes before it has done much.
pub(super) async fn cost(
    bench: &Bench,
    stage: &Stage,
    cases: &[Cases<'_>],
    upstream: &Upstream,
    ledger: &mut Ledger,
) {
    upstream.play(Script::Well(0));
    let mut started = Vec::new();
    for _ in 0..STARTS {
        let now = Instant::now();
        // Whether it can be described has been said.
        let _ = bench.describe().await;
        started.push(now.elapsed());
    }
    let mut least: Option<(ByteSize, Duration)> = None;
    for cases in cases.iter().take(STARTS) {
        let Some(arguments) = cases.arguments.first() else { continue };
        let played = stage.call(&cases.tool.public_name, arguments.clone()).await;
        let Some(memory) = played.usage.memory() else { continue };
        let took = (memory, played.usage.cpu());
        least = Some(least.map_or(took, |least| (least.0.min(took.0), least.1.min(took.1))));
    }
    let size = ByteSize::b(bench.component.size as u64);
    let start = started.into_iter().min().unwrap_or_default().as_micros();
    let call = least.map_or_else(String::new, |(memory, cpu)| {
        format!("; a call takes {memory} of memory and {} µs of processor time at least", cpu.as_micros())
    });
    ledger.looked("cost", format!("{size}; starts and describes itself in {start} µs{call}"));
    let limit = stage.service.compartment.limits.memory;
    if let Some((memory, _)) = least.filter(|(memory, _)| memory.as_u64() > limit.as_u64() / 2) {
        ledger.find("cost.memory", "an instance", format!("{memory} of {limit}"));
    }
}

/// Calls every tool with every case. Cases of one number are played together, with one body of the upstream.
/// Those that do not come back are called no more; they are given back.
pub(super) async fn valid(
    stage: &Stage,
    upstream: &Upstream,
    cases: &[Cases<'_>],
    ledger: &mut Ledger,
) -> BTreeSet<String> {
    let mut lost = BTreeSet::new();
    let rounds = cases.iter().map(|cases| cases.arguments.len()).max().unwrap_or_default();
    let secrets = settings::secrets(&stage.config());
    let (mut calls, mut ended, mut requests) = (0_usize, 0_usize, 0_u64);
    for round in 0..rounds {
        upstream.play(Script::Well(round));
        let here = cases.iter().filter(|cases| !lost.contains(&cases.tool.name));
        let all: Vec<_> = here.filter_map(|cases| Some((cases.tool, cases.arguments.get(round)?))).collect();
        let playing = all.into_iter().map(|(tool, arguments)| async move {
            (tool, arguments, stage.call(&tool.public_name, arguments.clone()).await)
        });
        let played: Vec<_> = stream::iter(playing).buffered(AT_ONCE).collect().await;
        for (tool, arguments, played) in played {
            calls = calls.saturating_add(1);
            ended = ended.saturating_add(usize::from(played.result.is_ok()));
            requests = requests.saturating_add(played.sums.requests.into());
            let place = format!("tool {}", tool.name);
            let with = format!("with {}", shown(&Value::Object(arguments.clone()).to_string(), 200));
            stopped(&played, &place, &with, &CALL, ledger);
            if matches!(played.result, Err(CallError::DeadlineExceeded(_) | CallError::OutOfTime(_))) {
                lost.insert(tool.name.clone());
            }
            let most = stage.service.compartment.policy.caps.requests_per_call;
            if played.sums.requests > most {
                ledger.find(
                    "egress.many",
                    &place,
                    format!("{} requests; {most} are sent ({with})", played.sums.requests),
                );
            }
            sent(tool, &played, &place, &with, ledger);
            told(&played, &secrets, &place, ledger);
            if let Ok(Outcome::Tool(output)) = &played.result {
                conforms(tool, output, &place, &with, ledger);
            }
        }
        for request in upstream.received() {
            carried(&request, &secrets, ledger);
        }
    }
    ledger.looked(
        "call",
        format!(
            "{calls} calls with valid arguments: {ended} results, {} errors in words or worse",
            calls.saturating_sub(ended)
        ),
    );
    ledger.looked("log", "progress, log lines, output, results and requests of those calls");
    let asked = ledger.at("egress").unwrap_or_default().to_owned();
    ledger.looked("egress", format!("{asked}; {requests} requests sent in {calls} calls"));
    lost
}

/// By which checks a call that was stopped is told.
#[derive(Debug)]
pub(super) struct Stops {
    pub(super) trap: &'static str,
    pub(super) deadline: &'static str,
    pub(super) memory: &'static str,
    pub(super) cpu: &'static str,
}

const CALL: Stops =
    Stops { trap: "call.trap", deadline: "call.deadline", memory: "call.memory", cpu: "call.cpu" };

/// Notes that a call was stopped.
pub(super) fn stopped(played: &Played, place: &str, with: &str, stops: &Stops, ledger: &mut Ledger) {
    let Err(error) = &played.result else { return };
    let id = match error {
        CallError::Trapped(_) | CallError::Internal(_) => stops.trap,
        CallError::DeadlineExceeded(_) if played.usage.cpu() >= COMPUTES => stops.cpu,
        CallError::DeadlineExceeded(_) => stops.deadline,
        CallError::OutOfTime(_) | CallError::OutOfFuel(_) => stops.cpu,
        CallError::OutOfMemory { .. } => stops.memory,
        CallError::TooManyHandles(_) => "call.handles",
        CallError::ResultTooLarge(_) | CallError::TooLarge(_) => "call.result",
        _ => return,
    };
    let last = played.said.iter().rev().find(|line| line.kind == "stderr" || line.kind == "stdout");
    let last = last.map(|line| format!("; its last words: {}", shown(&line.text, 200))).unwrap_or_default();
    ledger.find(id, place, format!("{error} ({with}){last}"));
}

/// Looks at the requests of a call.
pub(super) fn sent(tool: &Tool, played: &Played, place: &str, with: &str, ledger: &mut Ledger) {
    let annotations = tool.annotations;
    for request in &played.sent {
        let line = format!("{} {}", request.method, shown(&request.url, 120));
        match request.denied {
            Some("no_rule" | "no_rule_of_tool") => {
                ledger.find("egress.undeclared", format!("{place}: {line}"), with);
                continue;
            }
            Some("malformed_url" | "user_info") => {
                ledger.find("egress.malformed", place, format!("{line} ({with})"));
                continue;
            }
            Some("guest_credential" | "guest_cookie") => {
                ledger.find("egress.credential", place, format!("{line}: the host refuses it ({with})"));
                continue;
            }
            Some(_) | None => {}
        }
        let said = || tool.egress.iter().flatten().any(|own| own.methods.contains(&request.method));
        match request.method.as_str() {
            _ if reads(&request.method) => {}
            "POST" if annotations.read_only && said() => {}
            "POST" if annotations.read_only => ledger.find("annotations.read_only_post", place, line),
            _ if annotations.read_only => ledger.find("annotations.read_only", place, line),
            "DELETE" if !annotations.destructive => ledger.find("annotations.destructive", place, line),
            _ => {}
        }
        if !annotations.open_world {
            ledger.find(
                "annotations.closed_world",
                place,
                format!("{} {}", request.method, shown(&request.url, 120)),
            );
        }
    }
}

/// Looks at what a call said: progress, logs, and whether a credential of the config is in any of it.
pub(super) fn told(played: &Played, secrets: &[String], place: &str, ledger: &mut Ledger) {
    let mut reached: Option<f64> = None;
    for event in &played.events {
        let Event::Progress { done, total, .. } = event else { continue };
        if let Some(reached) = reached.filter(|reached| done < reached) {
            ledger.find("log.progress", place, format!("{done} after {reached}"));
        }
        if let Some(total) = total.filter(|total| done > total) {
            ledger.find("log.progress", place, format!("{done} of {total}"));
        }
        reached = Some(*done);
    }
    if played.said.iter().any(|line| {
        line.text.contains("further output of this call is dropped")
            || line.text.contains("the rest is dropped")
    }) {
        ledger.find("log.flood", place, "the rest of its output was dropped");
    }
    let holds = |text: &str| secrets.iter().any(|secret| text.contains(secret.as_str()));
    let lines = played.said.iter().any(|line| holds(&line.text) || line.data.as_deref().is_some_and(holds));
    if lines {
        ledger.find("log.secret", place, "it is in what the call prints or logs");
    }
    let result = match &played.result {
        Ok(Outcome::Tool(output)) => text(output),
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    if holds(&result) {
        ledger.find("log.secret", place, "it is in what the call answers");
    }
}

/// Looks at a request as its upstream got it.
fn carried(request: &Received, secrets: &[String], ledger: &mut Ledger) {
    let line = format!("{} {}", request.method, request.target.split('?').next().unwrap_or_default());
    if secrets.iter().any(|secret| request.target.contains(secret.as_str())) {
        ledger.find("log.secret", &line, "it is in the request's URL, which servers and proxies log");
    }
    for name in CREDENTIALS.into_iter().filter(|name| request.headers.contains_key(*name)) {
        ledger.find("egress.credential", &line, format!("it sets the header `{name}`"));
    }
}

fn conforms(tool: &Tool, output: &ToolOutput, place: &str, with: &str, ledger: &mut Ledger) {
    if tool.output_schema.is_none() {
        return;
    }
    match &output.structured {
        None => ledger.find(
            "call.output",
            place,
            format!("it has an output schema, and no structured result ({with})"),
        ),
        Some(structured) if !tool.conforms(structured) => {
            ledger.find("call.output", place, format!("{} ({with})", shown(&structured.to_string(), 200)));
        }
        Some(_) => {}
    }
}

/// All that a model reads of a result.
pub(super) fn text(output: &ToolOutput) -> String {
    let parts = output.content.iter().map(|content| match content {
        Content::Text(text) | Content::Resource { body: ResourceBody::Text(text), .. } => text.clone(),
        Content::Link { uri, .. } | Content::Resource { uri, .. } => uri.clone(),
        Content::Image(media) | Content::Audio(media) => String::from_utf8_lossy(&media.data).into_owned(),
    });
    let structured = output.structured.as_ref().map(Value::to_string);
    parts.chain(structured).collect::<Vec<_>>().join("\n")
}

/// Calls twice what says that twice is as good as once, and compares what was sent. What only reads may differ, and
/// what is sent at the same time has no order.
pub(super) async fn twice(stage: &Stage, upstream: &Upstream, cases: &[Cases<'_>], ledger: &mut Ledger) {
    let mut compared = 0_usize;
    for Cases { tool, arguments } in cases {
        // What only reads may ask for another hour each time.
        if tool.annotations.read_only || !tool.annotations.idempotent {
            continue;
        }
        for arguments in arguments.iter().take(4) {
            let mut sent = Vec::new();
            for _ in 0..2 {
                upstream.play(Script::Well(0));
                stage.call(&tool.public_name, arguments.clone()).await;
                let mut written: Vec<String> =
                    upstream.received().iter().filter(|request| !request.reads()).map(essence).collect();
                written.sort();
                sent.push(written);
            }
            let [first, second] = sent.as_slice() else { continue };
            compared = compared.saturating_add(1);
            if first != second {
                let with = shown(&Value::Object(arguments.clone()).to_string(), 200);
                let differs = first.iter().zip(second).find(|(one, other)| one != other);
                let differs = differs.map_or_else(
                    || format!("{} requests, then {}", first.len(), second.len()),
                    |(one, other)| format!("{}, then {}", shown(one, 150), shown(other, 150)),
                );
                ledger.find(
                    "annotations.idempotent",
                    format!("tool {}", tool.name),
                    format!("{differs} (with {with})"),
                );
            }
        }
    }
    let many = cases.len();
    ledger
        .looked("annotations", format!("what {many} tools sent, and {compared} calls that were made twice"));
}

/// A request without what differs between two equal ones.
fn essence(request: &Received) -> String {
    let headers = request.headers.iter().filter(|(name, _)| !FLEETING.contains(&name.as_str()));
    let mut headers: Vec<String> = headers
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    headers.sort();
    let body = String::from_utf8_lossy(&request.body);
    format!("{} {}{} {body} [{}]", request.method, request.host, request.target, headers.join("; "))
}
