//! As much of PromQL as the tests speak: a selector, `sum`, `count` or `absent` of one, `vector` and numbers, and a
//! comparison of any of those with a number.

use serde_json::{Value, json};

use crate::state::Series;

/// Why a request is refused.
pub(crate) struct Refusal {
    pub(crate) kind: &'static str,
    pub(crate) words: String,
}

impl Refusal {
    pub(crate) fn new(kind: &'static str, words: &str) -> Self {
        Self { kind, words: words.to_owned() }
    }
}

fn unreadable(query: &str) -> Refusal {
    Refusal::new(
        "bad_data",
        &format!("invalid parameter \"query\": 1:1: parse error: unexpected \"{query}\""),
    )
}

enum Found {
    Scalar(f64),
    Vector(Vec<(Value, f64)>),
}

/// The answer at a moment, `before` being its distance from now.
pub(crate) fn at(series: &[Series], query: &str, before: f64, time: f64) -> Result<Value, Refusal> {
    Ok(match evaluated(series, query.trim(), before)? {
        Found::Scalar(value) => json!({ "resultType": "scalar", "result": [time, value.to_string()] }),
        Found::Vector(samples) => {
            let sample = |(labels, value): (Value, f64)| json!({ "metric": labels, "value": [time, value.to_string()] });
            json!({ "resultType": "vector", "result": samples.into_iter().map(sample).collect::<Vec<_>>() })
        }
    })
}

/// The answer over time.
pub(crate) fn over(
    series: &[Series],
    query: &str,
    range: (f64, f64, f64),
    now: f64,
) -> Result<Value, Refusal> {
    let (start, end, step) = range;
    let mut all: Vec<(Value, Vec<Value>)> = Vec::new();
    for point in 0..=((end - start) / step).floor() as u64 {
        let time = start + point as f64 * step;
        let samples = match evaluated(series, query.trim(), time - now)? {
            Found::Scalar(value) => vec![(json!({}), value)],
            Found::Vector(samples) => samples,
        };
        for (labels, value) in samples {
            let point = json!([time, value.to_string()]);
            match all.iter_mut().find(|(known, _)| *known == labels) {
                Some((_, points)) => points.push(point),
                None => all.push((labels, vec![point])),
            }
        }
    }
    let result: Vec<Value> =
        all.into_iter().map(|(labels, points)| json!({ "metric": labels, "values": points })).collect();
    Ok(json!({ "resultType": "matrix", "result": result }))
}

fn evaluated(series: &[Series], query: &str, before: f64) -> Result<Found, Refusal> {
    if let Ok(number) = query.parse() {
        return Ok(Found::Scalar(number));
    }
    for operator in [" == ", " > ", " < "] {
        if let Some((left, right)) = query.split_once(operator) {
            let (Found::Vector(samples), Ok(limit)) =
                (evaluated(series, left, before)?, right.parse::<f64>())
            else {
                return Err(unreadable(query));
            };
            let holds = |value: f64| match operator {
                " == " => value == limit,
                " > " => value > limit,
                _ => value < limit,
            };
            return Ok(Found::Vector(samples.into_iter().filter(|(_, value)| holds(*value)).collect()));
        }
    }
    if let Some((name, inner)) = query.strip_suffix(')').and_then(|query| query.split_once('(')) {
        if let ("vector", Ok(number)) = (name, inner.parse()) {
            return Ok(Found::Vector(vec![(json!({}), number)]));
        }
        let Found::Vector(samples) = evaluated(series, inner, before)? else { return Err(unreadable(query)) };
        let one = |value: f64| Ok(Found::Vector(vec![(json!({}), value)]));
        return match name {
            _ if samples.is_empty() && name != "absent" => Ok(Found::Vector(vec![])),
            "sum" => one(samples.iter().map(|(_, value)| value).sum()),
            "count" => one(samples.len() as f64),
            "absent" => Ok(Found::Vector(if samples.is_empty() { vec![(json!({}), 1.0)] } else { vec![] })),
            _ => Err(unreadable(query)),
        };
    }
    let found = selected(series, query)?;
    Ok(Found::Vector(
        found.into_iter().map(|series| (series.labels.clone(), (series.value)(before))).collect(),
    ))
}

/// The series a selector fits.
pub(crate) fn selected<'a>(series: &'a [Series], selector: &str) -> Result<Vec<&'a Series>, Refusal> {
    let (name, rest) = selector.split_once('{').unwrap_or((selector, "}"));
    let inner = rest.strip_suffix('}').ok_or_else(|| unreadable(selector))?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    if !name.chars().all(plain) || (name.is_empty() && inner.is_empty()) {
        return Err(unreadable(selector));
    }
    let mut wanted: Vec<(String, bool, String)> = Vec::new();
    for matcher in inner.split(", ").flat_map(|part| part.split("\",")).filter(|part| !part.is_empty()) {
        let (label, value) = matcher.split_once('=').ok_or_else(|| unreadable(selector))?;
        let (regex, value) = value.strip_prefix('~').map_or((false, value), |value| (true, value));
        wanted.push((label.to_owned(), regex, value.trim_matches('"').to_owned()));
    }
    if !name.is_empty() {
        wanted.push(("__name__".to_owned(), false, name.to_owned()));
    }
    let fits = |series: &&Series| {
        wanted.iter().all(|(label, regex, value)| {
            let own = series.labels[label].as_str().unwrap_or_default();
            if *regex {
                value.split('|').any(|one| one == own || one == ".+" && !own.is_empty())
            } else {
                value == own
            }
        })
    };
    Ok(series.iter().filter(fits).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(query: &str) -> Vec<f64> {
        let state = crate::state::State::new(0.0);
        match evaluated(&state.series, query, 0.0) {
            Ok(Found::Vector(samples)) => samples.into_iter().map(|(_, value)| value).collect(),
            Ok(Found::Scalar(value)) => vec![value],
            Err(refusal) => unreachable!("{}", refusal.words),
        }
    }

    #[test]
    fn the_queries_of_the_tests_have_the_answers_of_the_real_one() {
        assert_eq!(values("count(up)"), [7.0]);
        assert_eq!(values("sum(up)"), [4.0]);
        assert_eq!(values("up{job=\"node\", instance=~\"node-1:9100|node-2:9100\"}"), [1.0, 0.0]);
        assert_eq!(values("node_load1 > 4"), [9.0]);
        assert_eq!(values("absent(nothing)"), [1.0]);
        assert_eq!(values("vector(1)"), [1.0]);
        assert_eq!(values("3"), [3.0]);
        assert!(at(&[], "up{", 0.0, 0.0).is_err());
    }
}
