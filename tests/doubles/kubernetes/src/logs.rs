//! What containers wrote, and how much of it is asked for.

use std::collections::BTreeMap;

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::clock;
use crate::cluster::State;
use crate::route::Target;
use crate::status::{Cause, Outcome, Status};

/// Namespace, pod, container, and whether it is the one before.
type Of = (String, String, String, bool);

/// Lines with their times, of containers and of those before them.
#[derive(Debug, Default)]
pub struct Logs(BTreeMap<Of, Vec<(f64, String)>>);

impl Logs {
    /// Sets what one wrote: seconds ago, and the line.
    pub fn set(&mut self, now: f64, of: (&str, &str, &str, bool), lines: &[(f64, &str)]) {
        let (namespace, pod, container, previous) = of;
        let key = (namespace.to_owned(), pod.to_owned(), container.to_owned(), previous);
        self.0.insert(key, lines.iter().map(|(ago, line)| (now - ago, (*line).to_owned())).collect());
    }

    fn of(&self, namespace: &str, pod: &str, container: &str, previous: bool) -> &[(f64, String)] {
        let key = (namespace.to_owned(), pod.to_owned(), container.to_owned(), previous);
        self.0.get(&key).map_or(&[], Vec::as_slice)
    }
}

/// How much of a log.
struct Options {
    previous: bool,
    timestamps: bool,
    since: f64,
    tail: Option<usize>,
    bytes: Option<usize>,
}

/// Answers with text.
pub fn answer(state: &State, target: &Target, request: &Request) -> Outcome {
    let name = target.name.as_deref().unwrap_or_default();
    let options = Options::of(request, state.now)?;
    let pod = state.store.get(&target.key(name)).ok_or_else(|| Status::not_found(target.kind, name))?;
    let container = container(&pod, name, request.param("container").unwrap_or_default())?;
    if pod["spec"]["nodeName"].is_null() {
        // Nobody has been asked to run it yet.
        return Ok(Reply::text(200, ""));
    }
    let previous = which(&pod, name, &container, options.previous)?;
    let lines = state.logs.of(&target.namespace, name, &container, previous);
    Ok(Reply::new(200, "text/plain", options.cut(lines)))
}

impl Options {
    fn of(request: &Request, now: f64) -> Outcome<Self> {
        let mut causes = Vec::new();
        let mut number = |name: &str, least: i64, why: &str| {
            let value = request.param(name).filter(|value| !value.is_empty())?.parse::<i64>().ok()?;
            if value < least {
                causes.push(Cause::invalid(name, &value.into(), why));
            }
            usize::try_from(value).ok()
        };
        let tail = number("tailLines", 0, "must be greater than or equal to 0");
        let seconds = number("sinceSeconds", 1, "must be greater than 0");
        let bytes = number("limitBytes", 1, "must be greater than 0");
        let time = request.param("sinceTime").filter(|time| !time.is_empty());
        if seconds.is_some() && time.is_some() {
            causes
                .push(Cause::forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
        }
        if !causes.is_empty() {
            return Err(Status::invalid_named("PodLogOptions", "", "PodLogOptions", "", &causes));
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        let since = match (seconds, time) {
            (Some(seconds), _) => now - seconds as f64,
            (_, Some(time)) => clock::parse(time).ok_or_else(|| {
                Status::bad_request(format!(
                    "parsing time {time:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse"
                ))
            })?,
            _ => f64::NEG_INFINITY,
        };
        let flag = |name| request.param(name).is_some_and(|value| ["true", "1", ""].contains(&value));
        Ok(Self { previous: flag("previous"), timestamps: flag("timestamps"), since, tail, bytes })
    }

    fn cut(&self, lines: &[(f64, String)]) -> String {
        let recent: Vec<_> = lines.iter().filter(|(time, _)| *time >= self.since).collect();
        let skipped = self.tail.map_or(0, |tail| recent.len().saturating_sub(tail));
        let mut text = String::new();
        for (time, line) in recent.into_iter().skip(skipped) {
            if self.timestamps {
                text += &format!("{} ", clock::nano(*time));
            }
            text += line;
            text.push('\n');
        }
        let end = self.bytes.unwrap_or(text.len()).min(text.len());
        let end = (0..=end).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text
    }
}

/// The container that is meant.
fn container(pod: &Value, name: &str, asked: &str) -> Outcome<String> {
    let names = |field: &str| -> Vec<String> {
        let all = pod["spec"][field].as_array().into_iter().flatten();
        all.filter_map(|one| Some(one["name"].as_str()?.to_owned())).collect()
    };
    let (main, initial) = (names("containers"), names("initContainers"));
    if asked.is_empty() && main.len() == 1 {
        return Ok(main.concat());
    }
    if asked.is_empty() {
        let initial = match initial.is_empty() {
            true => String::new(),
            false => format!(" or one of the init containers: [{}]", initial.join(" ")),
        };
        let main = main.join(" ");
        return Err(Status::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{main}]{initial}"
        )));
    }
    match main.iter().chain(&initial).find(|known| *known == asked) {
        Some(known) => Ok(known.clone()),
        None => Err(Status::bad_request(format!("container {asked} is not valid for pod {name}"))),
    }
}

/// Whether the one before is read: when it is asked for, and when the present one waits to start again.
fn which(pod: &Value, name: &str, container: &str, previous: bool) -> Outcome<bool> {
    let statuses =
        ["containerStatuses", "initContainerStatuses"].map(|field| pod["status"][field].as_array());
    let none = json!({});
    let status = statuses.into_iter().flatten().flatten().find(|one| one["name"] == container);
    let status = status.unwrap_or(&none);
    let ended = status["lastState"]["terminated"].is_object();
    let (state, waiting) = (&status["state"], &status["state"]["waiting"]);
    if previous && !ended {
        return Err(Status::bad_request(format!(
            "previous terminated container {container:?} in pod {name:?} not found"
        )));
    }
    if previous || state["running"].is_object() || state["terminated"].is_object() {
        return Ok(previous);
    }
    if ended {
        return Ok(true);
    }
    let why = match waiting["reason"].as_str() {
        Some("ErrImagePull") => "image can't be pulled",
        Some("ImagePullBackOff") => "trying and failing to pull image",
        Some(reason) => reason,
        None => "no logs available",
    };
    Err(Status::bad_request(format!("container {container:?} in pod {name:?} is waiting to start: {why}")))
}
