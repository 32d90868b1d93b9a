//! `error_spikes`: where lines that tell of errors became many, against the window before.
//!
//! One range query counts both windows in buckets that touch and do not overlap, so the sums are exact and the bucket
//! where it began is known. The lines of the worst groups are then read, all at once.

use bulkhead_sdk::duration;
use bulkhead_sdk::list::Key;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, Nanos, When, Window};
use bulkhead_sdk::value::{list, take};
use serde_json::Map;

use super::{labels, names, selector};
use crate::api::{Api, Ask};
use crate::lines::{self, Direction};
use crate::logql::{self, quoted};
use crate::{Loki, pattern, shape};

const HALF_AN_HOUR: f64 = 1800.0;
/// Buckets of each window.
const BUCKETS: f64 = 12.0;
/// Spikes that are looked into; further ones are only counted.
const MOST: usize = 4;

/// Fewer lines than this are noise, not a spike.
const FEWEST: f64 = 5.0;
/// Rising to this many times what it was is a spike.
const RATIO: f64 = 2.0;

/// Lines read of each group, for its patterns.
const SAMPLED: usize = 200;
const PATTERNS: usize = 5;
const SAMPLE_LENGTH: usize = 400;
/// Groups listed with their counts only: further spikes, and those that err as they always do.
const LISTED: usize = 10;

/// What makes a line an error, unless the query says.
const ERRORS: &str = r#"|~ "(?i)\\b(error|fatal|panic|exception|critical)\\b""#;
const BY: &str = "service_name";

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
struct ErrorSpikes {
    /// Default all. After a selector, what an error is: `{ns="x"} | json | code>=500`.
    query: Option<String>,
    /// Labels, default `["service_name"]`.
    #[schemars(length(max = 5))]
    by: Option<Vec<String>>,
    /// Default `-30m`.
    start: Option<When>,
    /// Default now.
    end: Option<When>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Answer {
    spikes: Vec<Value>,
}

/// How many error lines a group had.
#[derive(Debug, PartialEq)]
struct Group {
    labels: Map<String, Value>,
    now: f64,
    before: f64,
    /// When the first bucket began that was well above those of the window before.
    since: Option<Nanos>,
}

pub(super) fn tool() -> Tool<Loki> {
    Tool::reads(
        "error_spikes",
        "Error spikes",
        "Finds services whose error lines rose against the window before: counts, since when, patterns, sample lines. \
         Start here.",
        error_spikes,
    )
    .output::<Answer>()
}

async fn error_spikes(service: &Loki, args: ErrorSpikes, call: &Call) -> Result<Output> {
    let api = &service.api;
    let (window, step) = bucketed(Window::resolve(args.start, args.end, HALF_AN_HOUR, call)?);
    let by = match names(args.by.as_deref())? {
        [] => &[BY.to_owned()],
        by => by,
    };
    let query = errors(args.query.as_deref(), by)?;
    let mut groups = count(api, &query, by, window, step).await?;
    let all = [total(&groups, |group| group.now), total(&groups, |group| group.before)];
    groups.sort_by(|a, b| (b.now - b.before).total_cmp(&(a.now - a.before)));
    let (spikes, mut steady): (Vec<Group>, Vec<Group>) = groups.into_iter().partition(is_spike);
    steady.retain(|group| group.now > 0.0);
    steady.sort_by(|a, b| b.now.total_cmp(&a.now));
    let key = Key::new("error_spikes", &args)?;
    let shown = spikes.iter().take(MOST).map(|group| look_into(api, &query, group, window, key));
    let looked_into = join_all(shown).await;
    let mut out = json!({
        "verdict": verdict(&spikes, all, window),
        "query": query,
        "window": window.told(),
        "before": window.before().told(),
        "errors": { "now": shape::tidy(all[0]), "before": shape::tidy(all[1]) },
        "spikes_total": spikes.len(),
        "spikes": looked_into,
        "further_spikes": spikes.iter().skip(MOST).take(LISTED).map(Group::told).collect::<Vec<Value>>(),
        "steady_total": steady.len(),
        "steady": steady.iter().take(LISTED).map(Group::told).collect::<Vec<Value>>(),
    });
    if all == [0.0, 0.0]
        && let Some(out) = out.as_object_mut()
    {
        out.insert("hint".into(), why_none(api, &query, window).await.into());
    }
    Ok(Output::json(&out))
}

/// The query for lines that tell of errors.
fn errors(query: Option<&str>, by: &[String]) -> Result<String> {
    let all = || format!("{{{}=~\".+\"}}", by.first().map_or(BY, String::as_str));
    let Some(query) = query else { return Ok(format!("{} {ERRORS}", all())) };
    if !logql::gives_lines(query) || query.trim_start().starts_with('(') {
        return Err(Error::invalid(
            "query",
            "expected a selector and what follows it, such as `{app=\"x\"} |= \"error\"`",
        ));
    }
    let selector = selector(query, "query")?;
    Ok(match logql::pipeline(query) {
        None | Some("") => format!("{selector} {ERRORS}"),
        Some(_) => query.trim().to_owned(),
    })
}

/// The window in whole buckets, a little longer where it has to be, and the seconds of each.
fn bucketed(window: Window) -> (Window, f64) {
    let step = (window.seconds() / BUCKETS).ceil().max(1.0);
    let buckets = (window.seconds() / step).ceil();
    (Window { start: window.end - time::nanos(buckets * step), ..window }, step)
}

/// Counts both windows, by group.
async fn count(api: &Api, query: &str, by: &[String], window: Window, step: f64) -> Result<Vec<Group>> {
    let bucket = time::nanos(step);
    let logql = format!("sum by ({}) (count_over_time({query} [{}]))", by.join(", "), duration::words(step));
    let ask = Ask::query("/loki/api/v1/query_range", &logql)
        .with("start", window.before().start + bucket)
        .with("end", window.end)
        .with("step", duration::param(step));
    let mut data: Value = api.data(ask).await.map_err(blamed)?;
    match data.get("resultType").and_then(Value::as_str) {
        Some("matrix") => {
            Ok(take(&mut data, "result").iter().map(|series| group(series, window, bucket)).collect())
        }
        _ => Err(Error::failed("Loki answered with something else where counts were asked for")),
    }
}

/// Too many groups are the fault of the labels that make them.
fn blamed(error: Error) -> Error {
    match error {
        Error::InvalidArguments(words) if words.contains("of series") => {
            Error::InvalidArguments(words.replacen("arguments.query", "arguments.by", 1))
        }
        error => error,
    }
}

/// Both counts of a series, and when it began to be many.
fn group(series: &Value, window: Window, bucket: Nanos) -> Group {
    let points: Vec<(Nanos, f64)> = list(series, "/values")
        .iter()
        .filter_map(shape::point)
        .map(|(at, count)| (time::nanos(at), count))
        .collect();
    let sum = |late: bool| -> f64 {
        points.iter().filter(|(at, _)| (*at > window.start) == late).fold(0.0, |sum, (_, count)| sum + count)
    };
    let (before, now) = (sum(false), sum(true));
    let usual = before * bucket as f64 / (window.end - window.start) as f64;
    let risen = |(at, count): &&(Nanos, f64)| *at > window.start && *count > RATIO * usual;
    let since = points.iter().find(risen).map(|(at, _)| at - bucket);
    let labels = series.get("metric").and_then(Value::as_object).cloned().unwrap_or_default();
    Group { labels, now, before, since }
}

fn is_spike(group: &Group) -> bool {
    group.now >= FEWEST && group.now >= RATIO * group.before
}

impl Group {
    fn told(&self) -> Value {
        let ratio = (self.before > 0.0).then(|| shape::tidy((self.now / self.before * 10.0).round() / 10.0));
        json!({
            "labels": self.labels, "now": shape::tidy(self.now), "before": shape::tidy(self.before), "ratio": ratio,
        })
    }
}

/// A spike with its evidence; if the lines cannot be read, the counts still stand.
async fn look_into(api: &Api, query: &str, group: &Group, window: Window, key: Key) -> Value {
    let equal = |(name, value): (&String, &Value)| {
        format!(" | {name}={}", quoted(value.as_str().unwrap_or_default()))
    };
    // A filter rather than a matcher: it holds for labels that the query makes, too.
    let query = format!("{query}{}", group.labels.iter().map(equal).collect::<String>());
    let direction = Direction::Backward;
    let wanted = lines::Wanted { query: &query, window, direction, limit: SAMPLED, cursor: None, key };
    let mut out = group.told();
    if let Some(out) = out.as_object_mut() {
        out.insert("since".into(), group.since.map(time::nanos_rfc3339).into());
        match lines::read(api, wanted).await {
            Ok(page) => {
                let texts = page.lines.iter().map(|line| &*line.text);
                out.insert("lines_read".into(), page.lines.len().into());
                out.insert("patterns".into(), pattern::patterns(texts, PATTERNS, SAMPLE_LENGTH).into());
                out.insert("query".into(), query.into());
            }
            Err(error) => drop(out.insert("patterns_unknown".into(), error.to_string().into())),
        }
    }
    out
}

fn total(groups: &[Group], of: fn(&Group) -> f64) -> f64 {
    groups.iter().map(of).fold(0.0, |sum, count| sum + count) // `sum` of none is -0
}

fn verdict(spikes: &[Group], [now, before]: [f64; 2], window: Window) -> String {
    let span = duration::words(window.seconds());
    match spikes {
        [] => format!("no spike: {now} error lines in {span}, {before} in the {span} before"),
        [worst, ..] => {
            let labels: Vec<&str> = worst.labels.values().filter_map(Value::as_str).collect();
            let (many, name) = (spikes.len(), labels.join("/"));
            format!(
                "{many} spiking, most of all {name}: {} error lines in {span}, {} before",
                worst.now, worst.before
            )
        }
    }
}

/// Whether there is nothing to find, or the wrong place was searched.
async fn why_none(api: &Api, query: &str, window: Window) -> String {
    let selector = logql::selector(query).unwrap_or_default();
    match super::stats::index(api, selector, window).await {
        Ok(index) if index.streams > 0 => {
            format!(
                "{selector} matches {} streams with {} lines, none of them an error",
                index.streams, index.entries
            )
        }
        _ => match labels::fetch(api, None, None, window).await {
            Ok(names) => format!(
                "no stream matches {selector}; pass `query` and `by` with other labels: {}",
                names.join(", ")
            ),
            Err(error) => format!("whether {selector} matches anything is unknown: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(before: f64, now: f64) -> Group {
        Group { labels: Map::new(), now, before, since: None }
    }

    #[test]
    fn a_spike_is_many_and_many_more() {
        assert!(is_spike(&counts(0.0, 5.0)) && is_spike(&counts(10.0, 20.0)));
        assert!(!is_spike(&counts(0.0, 4.0)) && !is_spike(&counts(10.0, 19.0)));
    }

    #[test]
    fn buckets_belong_to_the_window_they_end_in() {
        let series =
            json!({ "metric": { "a": "b" }, "values": [[10, "1"], [20, "2"], [30, "0"], [40, "9"]] });
        let second = time::nanos(1.0);
        let group = group(&series, Window { start: 20 * second, end: 40 * second }, 10 * second);
        assert_eq!((group.before, group.now, group.since), (3.0, 9.0, Some(30 * second)));
    }

    #[test]
    fn a_window_has_whole_buckets() {
        let long = |seconds: f64| {
            let (window, step) = bucketed(Window { start: 0, end: time::nanos(seconds) });
            (window.seconds(), step)
        };
        assert_eq!([long(1800.0), long(100.0), long(7.0)], [(1800.0, 150.0), (108.0, 9.0), (7.0, 1.0)]);
    }

    #[test]
    fn what_is_an_error_may_be_the_callers_to_say() {
        let by = [BY.to_owned()];
        assert_eq!(errors(None, &by).unwrap(), format!("{{service_name=~\".+\"}} {ERRORS}"));
        assert_eq!(errors(Some("{a=\"b\"}"), &by).unwrap(), format!("{{a=\"b\"}} {ERRORS}"));
        assert_eq!(errors(Some(" {a=\"b\"} | json "), &by).unwrap(), "{a=\"b\"} | json");
        assert!(errors(Some("rate({a=\"b\"}[1m])"), &by).is_err() && errors(Some("a"), &by).is_err());
    }

    #[test]
    fn too_many_groups_are_the_fault_of_by() {
        let error = Error::invalid("query", "maximum of series (500) reached");
        assert_eq!(blamed(error), Error::invalid("by", "maximum of series (500) reached"));
    }
}
