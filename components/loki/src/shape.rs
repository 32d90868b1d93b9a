//! What a model reads of streams and series: what they share said once, long runs by their statistics.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, Nanos, nanos_rfc3339};
use bulkhead_sdk::value::{at, list, shortened};
use serde_json::Map;

use crate::lines::Line;
use crate::pattern::masked;

/// A query that parses lines makes a stream of each; the rest is counted.
const MOST_STREAMS: usize = 30;

/// Lines shown of a stream in a summary, each of another pattern.
const SAMPLES: usize = 3;

/// Points shown of a series in a summary.
const MOST_POINTS: usize = 20;

/// Takes the labels that all sets share out of them.
fn take_common(sets: &mut [Map<String, Value>]) -> Map<String, Value> {
    let Some((first, rest)) = sets.split_first() else { return Map::new() };
    let mut common = if rest.is_empty() { Map::new() } else { first.clone() };
    common.retain(|name, value| rest.iter().all(|set| set.get(name) == Some(value)));
    for set in sets {
        set.retain(|name, _| !common.contains_key(name));
    }
    common
}

/// A stream's labels and lines.
type Group<'a> = (Map<String, Value>, Vec<(Nanos, &'a str)>);

/// One entry for each stream, the one with the most lines first.
pub(crate) fn by_stream(
    mut streams: Vec<Map<String, Value>>,
    lines: &[Line],
    longest: usize,
) -> Map<String, Value> {
    let common = take_common(&mut streams);
    let mut grouped: Vec<Group<'_>> = streams.into_iter().map(|labels| (labels, Vec::new())).collect();
    for line in lines {
        if let Some((_, lines)) = grouped.get_mut(line.stream) {
            lines.push((line.at, &line.text));
        }
    }
    // Streams whose lines were all on the page before have none here.
    grouped.retain(|(_, lines)| !lines.is_empty());
    grouped.sort_by_key(|(_, lines)| std::cmp::Reverse(lines.len()));
    let mut out = Map::new();
    if let Some(left) = grouped.get(MOST_STREAMS..).filter(|left| !left.is_empty()) {
        let lines: usize = left.iter().map(|(_, lines)| lines.len()).sum();
        out.insert("other_streams".into(), json!({ "streams": left.len(), "lines": lines }));
    }
    let told = |(labels, lines): Group<'_>| {
        let at = |pick: fn(i64, i64) -> i64| lines.iter().map(|(at, _)| *at).reduce(pick).map(nanos_rfc3339);
        json!({
            "labels": labels, "count": lines.len(), "first": at(i64::min), "last": at(i64::max),
            "sample": samples(&lines, longest),
        })
    };
    let streams: Vec<Value> = grouped.into_iter().take(MOST_STREAMS).map(told).collect();
    out.insert("streams".into(), streams.into());
    put_common(&mut out, common);
    out
}

/// The first lines that each say another thing.
fn samples(lines: &[(Nanos, &str)], longest: usize) -> Vec<String> {
    let mut known = Vec::new();
    let fresh = lines.iter().filter(|(_, text)| {
        let pattern = masked(text);
        let fresh = !known.contains(&pattern);
        if fresh {
            known.push(pattern);
        }
        fresh
    });
    fresh.take(SAMPLES).map(|(_, text)| shortened(text, longest)).collect()
}

/// Every line in time order; each names its stream by its place.
pub(crate) fn merged(
    mut streams: Vec<Map<String, Value>>,
    lines: &[Line],
    longest: usize,
) -> Map<String, Value> {
    let common = take_common(&mut streams);
    let told = |line: &Line| {
        let text = shortened(&line.text, longest);
        json!({ "time": nanos_rfc3339(line.at), "stream": line.stream, "line": text })
    };
    let mut out = Map::new();
    out.insert("streams".into(), streams.into_iter().map(Value::Object).collect());
    out.insert("lines".into(), lines.iter().map(told).collect());
    put_common(&mut out, common);
    out
}

fn put_common(out: &mut Map<String, Value>, common: Map<String, Value>) {
    if !common.is_empty() {
        out.insert("common_labels".into(), common.into());
    }
}

/// A sample's number; what JSON cannot say stays a word.
pub(crate) fn number(value: &Value) -> Value {
    match value.as_str().map(str::parse::<f64>) {
        Some(Ok(number)) if number.is_finite() => tidy(number),
        _ => value.clone(),
    }
}

/// Whole numbers without a fraction; others to six decimals.
pub(crate) fn tidy(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        Value::from(number as i64)
    } else if number.abs() < 1e9 && number.abs() > 1e-3 {
        Value::from((number * 1e6).round() / 1e6)
    } else {
        Value::from(number)
    }
}

/// `[seconds, "number"]`.
pub(crate) fn point(value: &Value) -> Option<(f64, f64)> {
    Some((value.get(0)?.as_f64()?, value.get(1)?.as_str()?.parse().ok()?))
}

/// One series of an instant query.
pub(crate) fn sample(series: &Value) -> Value {
    json!({ "labels": series.get("metric"), "value": number(at(series, "/value/1")) })
}

/// What a series is sorted by: its number, or the highest of them.
pub(crate) fn height(series: &Value) -> f64 {
    let instant = series.get("value").and_then(point);
    let points = list(series, "/values").iter().filter_map(point).chain(instant);
    points.map(|(_, number)| number).fold(f64::NEG_INFINITY, f64::max)
}

/// One series of a range query: its statistics, and its points, or the highest of each of twenty runs.
pub(crate) fn course(series: &Value, every_point: bool) -> Value {
    let points: Vec<(f64, f64)> = list(series, "/values").iter().filter_map(point).collect();
    let numbers: Vec<f64> =
        points.iter().map(|(_, number)| *number).filter(|number| number.is_finite()).collect();
    let run = if every_point { 1 } else { points.len().div_ceil(MOST_POINTS).max(1) };
    let highest = |run: &[(f64, f64)]| run.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a });
    let shown: Vec<Value> = points
        .chunks(run)
        .filter_map(highest)
        .map(|(at, number)| json!([time::rfc3339(at), told(number)]))
        .collect();
    json!({
        "labels": series.get("metric"),
        "count": points.len(),
        "min": numbers.iter().copied().reduce(f64::min).map(tidy),
        "max": numbers.iter().copied().reduce(f64::max).map(tidy),
        "avg": (!numbers.is_empty()).then(|| tidy(numbers.iter().sum::<f64>() / numbers.len() as f64)),
        "first": points.first().map(|(_, number)| told(*number)),
        "last": points.last().map(|(_, number)| told(*number)),
        "points": shown,
    })
}

fn told(number: f64) -> Value {
    if number.is_finite() { tidy(number) } else { Value::from(number.to_string()) }
}

/// Bytes for a reader.
pub(crate) fn size(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let power =
        (0..units.len() - 1).find(|power| bytes < 1024f64.powi(*power as i32 + 1)).unwrap_or(units.len() - 1);
    let number = bytes / 1024f64.powi(power as i32);
    let unit = units.get(power).copied().unwrap_or_default();
    if power == 0 { format!("{number} {unit}") } else { format!("{number:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_said_once() {
        let set = |value: Value| value.as_object().cloned().unwrap();
        let mut sets = [set(json!({ "app": "x", "pod": "1" })), set(json!({ "app": "x", "pod": "2" }))];
        assert_eq!(Value::from(take_common(&mut sets)), json!({ "app": "x" }));
        assert_eq!(Value::from(sets[1].clone()), json!({ "pod": "2" }));
        let mut one = [set(json!({ "app": "x" }))];
        assert!(take_common(&mut one).is_empty(), "one alone keeps its labels");
    }

    #[test]
    fn a_long_series_keeps_its_peaks() {
        let values: Vec<Value> = (0..100).map(|n| json!([n, if n == 42 { "900" } else { "1" }])).collect();
        let series = json!({ "metric": { "a": "b" }, "values": values });
        let short = course(&series, false);
        assert_eq!(short["points"].as_array().unwrap().len(), 20);
        assert_eq!(short["points"][8], json!(["1970-01-01T00:00:42Z", 900]));
        assert_eq!((&short["count"], &short["max"], &short["avg"]), (&json!(100), &json!(900), &json!(9.99)));
        assert_eq!(course(&series, true)["points"].as_array().unwrap().len(), 100);
        assert_eq!(height(&series), 900.0);
    }

    #[test]
    fn numbers_that_json_lacks_stay_words() {
        assert_eq!(
            (number(&json!("1.5")), number(&json!("7")), number(&json!("NaN"))),
            (json!(1.5), json!(7), json!("NaN"))
        );
        let series = json!({ "metric": {}, "values": [[1, "+Inf"]] });
        assert_eq!(
            (&course(&series, true)["last"], &course(&series, true)["max"]),
            (&json!("inf"), &Value::Null)
        );
    }

    #[test]
    fn bytes_are_readable() {
        assert_eq!(
            (size(512.0), size(1536.0), size(3.5e12)),
            ("512 B".into(), "1.5 KiB".into(), "3.2 TiB".into())
        );
    }
}
