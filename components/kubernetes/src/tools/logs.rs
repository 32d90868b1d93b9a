//! `logs`: the last lines of containers, of one pod or of all pods of a workload.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::When;
use bulkhead_sdk::value::{list, shortened, text};

use super::now;
use crate::Kubernetes;
use crate::api::{Api, Select};
use crate::kind::{self, known};
use crate::object::{moment, name};
use crate::pods;
use crate::workload;

/// The pods of one call; those that are not well come first.
const MOST_PODS: usize = 10;

/// The containers of one call.
const MOST_CONTAINERS: usize = 20;

const DEFAULT_TAIL: u32 = 100;

/// Of each container, where lines are searched.
const SEARCHED_LINES: u32 = 5000;

/// What is read of one container.
const READ: usize = 1 << 20;

/// What is shown of one line.
const LONGEST_LINE: usize = 2000;

/// What is shown of all together.
const SHOWN: usize = 48 << 10;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Logs {
    /// A pod, or a workload: `deploy/web`.
    name: Option<String>,
    /// Instead of a name: `app=web`.
    labels: Option<String>,
    /// Default: configured.
    namespace: Option<String>,
    /// Default: all but init containers.
    container: Option<String>,
    /// Such as `-15m`.
    since: Option<When>,
    /// Lines of each. Default 100.
    #[schemars(range(min = 1, max = 2000))]
    tail: Option<u32>,
    /// Lines with this, in any case.
    grep: Option<String>,
    /// Of the run before a restart.
    previous: Option<bool>,
    /// Adds them.
    timestamps: Option<bool>,
}

returns!(Shown { logs: "array" });

/// A container whose log is read.
struct Source<'a> {
    pod: &'a str,
    container: &'a str,
}

pub(crate) fn add(tools: Tools<Kubernetes>) -> Tools<Kubernetes> {
    tools.add(
        Tool::reads(
            "logs",
            "Logs",
            "Last log lines of a pod, or of every pod of a workload or with labels.",
            logs,
        )
        .output::<Shown>()
        .tag("logs"),
    )
}

async fn logs(service: &Kubernetes, args: Logs, call: &Call) -> Result<Output> {
    let (api, namespace) = (&service.api, service.api.one(args.namespace.as_deref())?);
    let mut found = pods_of(api, namespace, &args).await?;
    if found.is_empty() {
        return Err(Error::not_found(format!(
            "no pod of `{namespace}` is that; `list` shows which there are"
        )));
    }
    found.sort_by_key(|pod| (pods::is_ready(pod) || pods::is_finished(pod), std::cmp::Reverse(created(pod))));
    let pods_left_out = found.len().saturating_sub(MOST_PODS);
    found.truncate(MOST_PODS);
    let mut sources: Vec<Source<'_>> =
        found.iter().flat_map(|pod| sources(pod, args.container.as_deref())).collect();
    if sources.is_empty() {
        return Err(Error::invalid("container", no_such(&found)));
    }
    let containers_left_out = sources.len().saturating_sub(MOST_CONTAINERS);
    sources.truncate(MOST_CONTAINERS);
    let tail = args.tail.unwrap_or(DEFAULT_TAIL);
    let asked = if args.grep.is_some() { SEARCHED_LINES } else { tail };
    let params = params(&args, asked, now(call));
    let answers = join_all(sources.iter().map(|source| {
        let at = known("Pod").at(Some(namespace)).named(source.pod);
        let container = [("container", source.container.to_owned())];
        async {
            let all: Vec<(&str, String)> = container.into_iter().chain(params.iter().cloned()).collect();
            api.log(at, &all).await
        }
    }))
    .await;
    let share = SHOWN / sources.len().max(1);
    let mut entries = Vec::new();
    let mut failures = Vec::new();
    for (source, answer) in sources.iter().zip(answers) {
        let mut entry = json!({ "pod": source.pod, "container": source.container });
        match answer {
            Ok(text) => cut(&mut entry, &text, args.grep.as_deref(), tail as usize, asked as usize, share),
            Err(error) => {
                say(&mut entry, "error", error.to_string().into());
                failures.push(error);
            }
        }
        entries.push(entry);
    }
    if failures.len() == entries.len()
        && let Some(error) = failures.into_iter().next()
    {
        return Err(error);
    }
    let mut out = json!({ "logs": entries });
    if pods_left_out + containers_left_out > 0 {
        let left = format!(
            "{pods_left_out} more pods and {containers_left_out} more containers: name one, or filter by labels"
        );
        say(&mut out, "left_out", left.into());
    }
    Ok(Output::json(&out))
}

/// The pods that are meant.
async fn pods_of(api: &Api, namespace: &str, args: &Logs) -> Result<Vec<Value>> {
    let select = match (args.name.as_deref(), &args.labels) {
        (Some(name), None) => match name.split_once('/') {
            None | Some(("pod" | "pods" | "po", _)) => {
                let name = name.rsplit('/').next().unwrap_or(name);
                return Ok(vec![api.get(known("Pod").at(Some(namespace)).named(name)).await?]);
            }
            Some((kind, name)) => {
                let kind = kind::resolve(api, kind).await?;
                let object = api.get(kind.at(Some(namespace)).named(name)).await?;
                workload::pods_of(&kind.kind, &object).ok_or_else(|| {
                    Error::invalid(
                        "name",
                        format!("a {} does not select pods; name a workload, a Service or a pod", kind.kind),
                    )
                })?
            }
        },
        (None, Some(labels)) => Select::labels(labels.as_str()),
        _ => return Err(Error::invalid("name", "expected either `name` or `labels`")),
    };
    Ok(api.all(known("Pod").at(Some(namespace)), &select).await?.items)
}

/// The containers of a pod that are meant.
fn sources<'a>(pod: &'a Value, wanted: Option<&str>) -> Vec<Source<'a>> {
    let of = |pointer: &str| {
        list(pod, pointer).iter().map(|container| text(container, "/name")).collect::<Vec<_>>()
    };
    let mut names = of("/spec/containers");
    if let Some(wanted) = wanted {
        names.extend(of("/spec/initContainers"));
        names.extend(of("/spec/ephemeralContainers"));
        names.retain(|name| *name == wanted);
    }
    names.into_iter().map(|container| Source { pod: name(pod), container }).collect()
}

fn no_such(pods: &[Value]) -> String {
    let mut names: Vec<&str> = pods
        .iter()
        .flat_map(|pod| ["/spec/containers", "/spec/initContainers"].map(|pointer| list(pod, pointer)))
        .flatten()
        .map(|container| text(container, "/name"))
        .collect();
    names.sort_unstable();
    names.dedup();
    format!("there is none of that name; there are {}", names.join(", "))
}

fn params(args: &Logs, lines: u32, now: f64) -> Vec<(&'static str, String)> {
    // The limit cuts the end, where the newest lines are: it only guards against lines of megabytes.
    let mut params = vec![("tailLines", lines.to_string()), ("limitBytes", READ.to_string())];
    if let Some(since) = args.since {
        params.push(("sinceSeconds", (now - since.resolve(now)).ceil().max(1.0).to_string()));
    }
    if args.previous.unwrap_or_default() {
        params.push(("previous", "true".to_owned()));
    }
    if args.timestamps.unwrap_or_default() {
        params.push(("timestamps", "true".to_owned()));
    }
    params
}

/// The newest lines that fit, and what was left out.
fn cut(entry: &mut Value, text: &str, grep: Option<&str>, tail: usize, asked: usize, most: usize) {
    let all: Vec<&str> = text.lines().collect();
    let most_of_line = LONGEST_LINE.min(most / 2);
    let wanted = grep.map(str::to_lowercase);
    let fits = |line: &&&str| wanted.as_ref().is_none_or(|wanted| line.to_lowercase().contains(wanted));
    let fitting: Vec<String> = all.iter().filter(fits).map(|line| shortened(line, most_of_line)).collect();
    let mut size = 0;
    let mut shown: Vec<String> = fitting
        .iter()
        .rev()
        .take(tail)
        .take_while(|line| {
            size += line.len() + 1;
            size <= most
        })
        .cloned()
        .collect();
    shown.reverse();
    let left_out = fitting.len() - shown.len();
    say(entry, "text", shown.join("\n").into());
    say(entry, "lines", shown.len().into());
    if grep.is_some() {
        say(entry, "matched", format!("{} of the last {} lines", fitting.len(), all.len()).into());
    }
    if left_out > 0 {
        say(entry, "left_out", format!("{left_out} older lines").into());
    } else if all.len() >= asked {
        say(entry, "left_out", "older lines: ask for a larger `tail`, or `since`".into());
    } else if text.len() >= READ {
        say(entry, "left_out", "newer lines: the lines are very long; ask for a smaller `tail`".into());
    }
}

fn say(entry: &mut Value, name: &str, value: Value) {
    if let Some(entry) = entry.as_object_mut() {
        entry.insert(name.to_owned(), value);
    }
}

fn created(pod: &Value) -> i64 {
    moment(pod, "/metadata/creationTimestamp").unwrap_or_default() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, grep: Option<&str>, tail: usize, most: usize) -> Value {
        let mut entry = json!({});
        cut(&mut entry, text, grep, tail, 100, most);
        entry
    }

    #[test]
    fn the_newest_lines_are_kept_and_the_rest_is_told() {
        let text = "one\nTwo\nthree\nfour\n";
        assert_eq!(shown(text, None, 9, 99), json!({ "text": "one\nTwo\nthree\nfour", "lines": 4 }));
        assert_eq!(
            shown(text, None, 9, 12),
            json!({ "text": "three\nfour", "lines": 2, "left_out": "2 older lines" })
        );
        assert_eq!(
            shown(text, Some("tW"), 9, 99),
            json!({ "text": "Two", "lines": 1, "matched": "1 of the last 4 lines" })
        );
        assert_eq!(
            shown(text, Some("o"), 1, 99),
            json!({ "text": "four", "lines": 1, "matched": "3 of the last 4 lines", "left_out": "2 older lines" })
        );
        assert_eq!(shown("a\nlong line\n", None, 9, 10)["text"], "long …");
        assert_eq!(shown("", None, 9, 99), json!({ "text": "", "lines": 0 }));
    }
}
