//! `wait`: until an object is as it shall be, within the time of the call.

use std::time::Duration;

use bulkhead_sdk::duration::Span;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::sleep;
use bulkhead_sdk::value::{list, text};

use super::now;
use crate::Kubernetes;
use crate::kind;
use crate::object::{condition, condition_line};
use crate::workload::{self, ROLLING};

const DEFAULT_SECONDS: f64 = 60.0;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Kept of the call's time, to tell how it went.
const RESERVE: Duration = Duration::from_secs(2);

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Wait {
    /// As in `list`; one.
    kind: String,
    /// Its name.
    name: String,
    /// Default: configured.
    namespace: Option<String>,
    /// `rollout`, `deleted`, `exists`, `Ready`, `Available=False` or `status.phase=Running`.
    condition: Option<String>,
    /// Default `60s`.
    timeout: Option<Span>,
}

returns!(Waited { met: "boolean" });

/// What is waited for.
#[derive(Debug, PartialEq)]
enum Until<'a> {
    Rollout,
    Deleted,
    Exists,
    Condition(&'a str, &'a str),
    Field(String, &'a str),
}

/// How it is now.
#[derive(Debug, PartialEq)]
struct Seen {
    met: bool,
    /// It will not come to be by waiting.
    hopeless: bool,
    state: String,
}

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::reads(
            "wait",
            "Wait",
            "Waits until an object is ready, rolled out, deleted or meets a condition.",
            wait,
        )
        .output::<Waited>(),
    )
}

async fn wait(service: &Kubernetes, args: Wait, call: &Call) -> Result<Output> {
    let api = &service.api;
    let kind = kind::resolve(api, &args.kind).await?;
    let until = parse(args.condition.as_deref(), &kind.kind)?;
    let namespace = if kind.namespaced { Some(api.one(args.namespace.as_deref())?) } else { None };
    let wanted = Duration::from_secs_f64(args.timeout.map_or(DEFAULT_SECONDS, |span| span.0.min(3600.0)));
    let started = call.remaining();
    loop {
        let object = api.find(kind.at(namespace).named(&args.name)).await?;
        let seen = look(&kind.kind, object.as_ref(), &until, now(call));
        let waited = started.saturating_sub(call.remaining());
        if object.is_none() && !matches!(until, Until::Deleted | Until::Exists) {
            return Err(Error::not_found(format!(
                "{}/{} is not there (404); condition `exists` waits for it to be made",
                kind.kind, args.name
            )));
        }
        // A look that is due in a moment is still made.
        let over = waited + PAUSE / 2 > wanted || call.remaining() < RESERVE + PAUSE;
        if seen.met || seen.hopeless || over {
            return Ok(Output::json(&json!({
                "met": seen.met, "state": seen.state, "waited_seconds": waited.as_secs(),
                "object": format!("{}/{}", kind.kind, args.name),
            })));
        }
        call.progress(waited.as_secs_f64(), Some(wanted.as_secs_f64()), Some(&seen.state));
        sleep(PAUSE).await;
    }
}

fn parse<'a>(condition: Option<&'a str>, kind: &str) -> Result<Until<'a>> {
    let rolling = ROLLING.contains(&kind);
    Ok(match condition {
        None if rolling => Until::Rollout,
        None if kind == "Job" => Until::Condition("Complete", "True"),
        None => Until::Condition("Ready", "True"),
        Some("rollout") if rolling => Until::Rollout,
        Some("rollout") => {
            return Err(Error::invalid(
                "condition",
                format!("a {kind} does not roll out: only {} do", ROLLING.join(", ")),
            ));
        }
        Some("deleted") => Until::Deleted,
        Some("exists") => Until::Exists,
        Some(other) => {
            let (what, value) = other.split_once('=').unwrap_or((other, "True"));
            match what.contains('.') {
                true => Until::Field(format!("/{}", what.trim_start_matches('.').replace('.', "/")), value),
                false => Until::Condition(what, value),
            }
        }
    })
}

fn look(kind: &str, object: Option<&Value>, until: &Until<'_>, now: f64) -> Seen {
    let seen = |met: bool, state: String| Seen { met, hopeless: false, state };
    let Some(object) = object else { return seen(*until == Until::Deleted, "is not there".to_owned()) };
    let all = || {
        let lines: Vec<String> = list(object, "/status/conditions")
            .iter()
            .map(|condition| condition_line(condition, now))
            .collect();
        if lines.is_empty() { "has no conditions yet".to_owned() } else { lines.join("; ") }
    };
    match until {
        Until::Exists => seen(true, "is there".to_owned()),
        Until::Deleted => match text(object, "/metadata/deletionTimestamp") {
            "" => seen(false, "is there, and nobody has deleted it".to_owned()),
            since => seen(false, format!("is going since {since}; finalizers: {}", finalizers(object))),
        },
        Until::Rollout => {
            let rollout = workload::rollout(kind, object);
            Seen { met: rollout.done, hopeless: rollout.stuck, state: rollout.message }
        }
        Until::Condition(wanted, value) => {
            let found = list(object, "/status/conditions")
                .iter()
                .find(|condition| text(condition, "/type").eq_ignore_ascii_case(wanted));
            let met = found.is_some_and(|found| text(found, "/status").eq_ignore_ascii_case(value));
            let failed = condition(object, "Failed").is_some_and(|failed| text(failed, "/status") == "True");
            let hopeless = !met && kind == "Job" && failed;
            Seen { met, hopeless, state: found.map_or_else(all, |found| condition_line(found, now)) }
        }
        Until::Field(pointer, value) => {
            let found = match object.pointer(pointer) {
                None => "not set".to_owned(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            seen(found == *value, format!("{} is {found}", pointer.trim_start_matches('/').replace('/', ".")))
        }
    }
}

fn finalizers(object: &Value) -> String {
    let names: Vec<&str> = list(object, "/metadata/finalizers").iter().filter_map(Value::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_read() {
        for (text, kind, until) in [
            (None, "Deployment", Until::Rollout),
            (None, "Job", Until::Condition("Complete", "True")),
            (None, "Pod", Until::Condition("Ready", "True")),
            (Some("deleted"), "Pod", Until::Deleted),
            (Some("exists"), "Pod", Until::Exists),
            (Some("Available=False"), "Deployment", Until::Condition("Available", "False")),
            (Some("status.phase=Running"), "Pod", Until::Field("/status/phase".into(), "Running")),
        ] {
            assert_eq!(parse(text, kind).unwrap(), until, "{text:?}");
        }
        assert!(parse(Some("rollout"), "Pod").is_err());
    }

    #[test]
    fn what_is_seen_is_told() {
        let pod = json!({
            "metadata": {}, "status": { "phase": "Pending", "conditions": [{ "type": "Ready", "status": "False" }] }
        });
        let of = |until: &Until<'_>| look("Pod", Some(&pod), until, 0.0);
        assert_eq!(of(&Until::Condition("ready", "false")).state, "Ready=False");
        assert!(of(&Until::Condition("ready", "false")).met);
        assert_eq!(of(&Until::Condition("Initialized", "True")).state, "Ready=False");
        assert_eq!(of(&Until::Field("/status/phase".into(), "Running")).state, "status.phase is Pending");
        assert!(!of(&Until::Deleted).met && look("Pod", None, &Until::Deleted, 0.0).met);
        let job = json!({ "status": { "conditions": [{ "type": "Failed", "status": "True" }] } });
        assert!(look("Job", Some(&job), &Until::Condition("Complete", "True"), 0.0).hopeless);
    }
}
