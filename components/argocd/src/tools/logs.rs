//! `logs`: of a pod of an application.
//!
//! They come as JSON, one object to a line, each with its entry in `result`, or with an `error` that may come after
//! hundreds of good ones. The last entry is empty and says so.

use bulkhead_sdk::duration::Span;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{shortened, text};

use crate::ArgoCd;
use crate::api::{self, Named};
use crate::node::{self, Tree};

const DEFAULT_LINES: u32 = 100;
/// Characters of a line.
const LONGEST: usize = 1000;
/// A thousand lines of usual length are 200 KiB; beyond this no model reads.
const MOST_BYTES: usize = 1 << 20;
/// Names of pods that an error suggests.
const SUGGESTED: usize = 10;

#[derive(Debug, Deserialize, JsonSchema)]
struct Logs {
    /// As listed.
    name: String,
    /// Default the worst.
    pod: Option<String>,
    /// Of several.
    container: Option<String>,
    /// Before it restarted.
    previous: Option<bool>,
    /// `15m`.
    since: Option<Span>,
    /// Text in a line.
    contains: Option<String>,
    /// Default 100.
    #[schemars(range(min = 1, max = 1000))]
    lines: Option<u32>,
}

returns!(Told { lines: "array" });

pub(super) fn tool() -> Tool<ArgoCd> {
    Tool::reads("logs", "Pod logs", "Latest log lines of a pod of an application.", logs).output::<Told>()
}

async fn logs(service: &ArgoCd, args: Logs, _: &Call) -> Result<Output> {
    let app = Named::parse(&args.name)?;
    let tree = Tree::read(&service.api, &app).await?;
    let pods = tree.pods();
    let found = match &args.pod {
        None => pods.first(),
        Some(name) => pods.iter().find(|pod| text(pod, "/name") == name),
    };
    let Some(pod) = found else { return Err(no_pod(args.pod.as_deref(), &pods)) };
    let lines = args.lines.unwrap_or(DEFAULT_LINES);
    let request = service
        .api
        .of(&app, &["logs"])
        .query("namespace", text(pod, "/namespace"))
        .query("podName", text(pod, "/name"))
        .query("tailLines", lines)
        .query("follow", false)
        .query_opt("container", args.container.as_ref())
        .query_opt("sinceSeconds", args.since.map(|Span(seconds)| seconds.ceil()))
        .query_opt("filter", args.contains.as_ref())
        .query_opt("previous", args.previous.filter(|previous| *previous))
        .read_at_most(MOST_BYTES);
    let response = api::send(request).await?;
    let read = entries(&response.text(), response.truncated)?;
    let mut out = json!({
        "pod": text(pod, "/name"), "namespace": text(pod, "/namespace"), "health": node::health(pod),
        "shown": read.len(), "lines": read,
    });
    if let Some(out) = out.as_object_mut() {
        if response.truncated {
            out.insert(
                "note".into(),
                "there is more than 1 MiB: the latest lines are missing, ask for fewer".into(),
            );
        } else if read.len() >= lines as usize {
            out.insert(
                "note".into(),
                "there may be earlier lines: ask for more `lines`, or with `contains`".into(),
            );
        }
        if args.pod.is_none() && pods.len() > 1 {
            out.insert("other_pods".into(), pods.len().saturating_sub(1).into());
        }
    }
    Ok(Output::json(&out))
}

fn no_pod(name: Option<&str>, pods: &[&Value]) -> Error {
    let names: Vec<&str> = pods.iter().take(SUGGESTED).map(|pod| text(pod, "/name")).collect();
    match (name, names.as_slice()) {
        (_, []) => Error::not_found("the application has no pods: see what it has with objects show=all"),
        (name, names) => {
            let name = name.unwrap_or_default();
            Error::invalid(
                "pod",
                format!("the application has no pod `{name}`; it has: {}", names.join(", ")),
            )
        }
    }
}

/// The lines of a stream. What was cut off at its end is no error; anything else that is no JSON is.
fn entries(stream: &str, truncated: bool) -> Result<Vec<String>> {
    let raw: Vec<&str> = stream.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut out = Vec::new();
    for (place, line) in raw.iter().enumerate() {
        let entry: Value = match serde_json::from_str(line) {
            Ok(entry) => entry,
            Err(_) if truncated && place > 0 && place + 1 == raw.len() => break,
            Err(error) => {
                let begins = shortened(line, 120);
                return Err(Error::failed(format!(
                    "the logs are not what was expected: {error}; a line begins with: {begins}"
                )));
            }
        };
        if let Some(error) = entry.get("error") {
            return Err(told(error));
        }
        let Some(result) = entry.get("result") else {
            return Err(Error::failed(
                "the logs are not what was expected: a line has neither `result` nor `error`",
            ));
        };
        if result.get("last").and_then(Value::as_bool) != Some(true) {
            let line = shortened(text(result, "/content"), LONGEST);
            out.push(format!("{} {line}", text(result, "/timeStampStr")).trim_start().to_owned());
        }
    }
    Ok(out)
}

/// An error in the stream: the kubelet's words, mostly.
fn told(error: &Value) -> Error {
    let said = text(error, "/message");
    if said.contains("a container name must be specified") {
        return Error::invalid("container", said);
    }
    if said.contains("previous terminated container") {
        return Error::invalid("previous", format!("{said}: it has not restarted, leave it out"));
    }
    match error.get("http_code").and_then(Value::as_u64) {
        Some(404) => Error::not_found(said),
        Some(403) => Error::denied(said),
        _ => Error::failed(format!("the logs ended with an error: {said}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"result":{"content":"a","timeStampStr":"T","last":false}}"#;

    #[test]
    fn a_line_that_was_cut_off_is_left_out() {
        let stream = format!("{LINE}\n{{\"result\":{{\"con");
        assert_eq!(entries(&stream, true), Ok(vec!["T a".to_owned()]));
        assert!(entries(&stream, false).unwrap_err().to_string().contains("EOF while parsing"));
    }

    #[test]
    fn an_error_in_the_stream_is_an_error() {
        let stream =
            |words: &str| format!("{LINE}\n{}", json!({ "error": { "http_code": 400, "message": words } }));
        let error = |words: &str| entries(&stream(words), false).unwrap_err();
        assert_eq!(
            error("a container name must be specified for pod x"),
            Error::invalid("container", "a container name must be specified for pod x")
        );
        assert_eq!(error("boom"), Error::failed("the logs ended with an error: boom"));
    }
}
