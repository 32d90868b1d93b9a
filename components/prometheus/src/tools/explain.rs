//! Why an alert fires, or why it does not: its rule, the values of its parts beside their thresholds,
//! since when, and where it is heading.

use bulkhead_sdk::duration;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, Seconds, When};
use bulkhead_sdk::value::{list, shortened, text};
use serde_json::Map;

use super::alerts;
use super::rules::{self, Wish};
use crate::api::{Api, Ask};
use crate::promql::{self, Comparison, Part};
use crate::range_plan::Plan;
use crate::shape::{self, Data, Sample, Series};
use crate::{Prometheus, series_shape};

/// Bounds of an answer: rules of that name, conditions of each, and series and alerts of those.
const RULES: usize = 2;
const PARTS: usize = 3;
const SHOWN: usize = 5;
const TREND_SERIES: usize = 3;
const TREND_POINTS: u32 = 20;
const ERROR_LENGTH: usize = 200;

pub(super) async fn explain(service: &Prometheus, name: &str, now: Seconds) -> Result<Output> {
    let (found, remarks) = rules::fetch(service, &Wish::named(name)).await?;
    if found.is_empty() {
        return Err(Error::not_found(format!(
            "there is no rule `{name}`: `rules` lists those there are; names are case-sensitive"
        )));
    }
    let plan = Plan::new(None, None, None, TREND_POINTS, now)?;
    let told = join_all(found.iter().take(RULES).map(|rule| explained(&service.api, rule, plan, now))).await;
    let says = told.iter().map(|rule| text(rule, "/says")).collect::<Vec<_>>().join("; ");
    let mut out = Map::new();
    out.insert("summary".into(), format!("{name}: {says}").into());
    out.insert("rules".into(), told.into());
    if found.len() > RULES {
        out.insert("left_out".into(), json!({ "rules": found.len() - RULES }));
    }
    remarks.write(&mut out);
    Ok(Output::json(&out))
}

async fn explained(api: &Api, rule: &Value, plan: Plan, now: Seconds) -> Value {
    let expression = text(rule, "/query");
    let parts = promql::parts(expression);
    let shown = join_all(parts.iter().take(PARTS).map(|part| measured(api, part)));
    // What is compared says where it is heading; a comparison itself has values only where it is true.
    let left =
        parts.first().and_then(|part| part.comparison.as_ref()).map_or(expression, |one| one.left.as_str());
    // What cannot be evaluated now could not be before, for the same reason.
    let fails = text(rule, "/health") == "err";
    let trend = async { if fails { None } else { Some(trend(api, left, plan).await) } };
    let (shown, trend) = bulkhead_sdk::join!(shown, trend);
    let mut out = Map::new();
    out.insert("rule".into(), rules::detailed(rule).into());
    out.insert("says".into(), verdict(rule, &shown, now).into());
    if parts.len() > PARTS {
        out.insert("parts_left_out".into(), (parts.len() - PARTS).into());
    }
    out.insert("parts".into(), shown.into_iter().map(|part| part.told).collect());
    let active = list(rule, "/alerts");
    if !active.is_empty() {
        out.insert("alerts".into(), active.iter().take(SHOWN).map(alerts::brief).collect());
    }
    if active.len() > SHOWN {
        out.insert("alerts_left_out".into(), (active.len() - SHOWN).into());
    }
    if let Some(trend) = trend {
        out.insert("trend".into(), trend);
    }
    Value::Object(out)
}

/// A condition with its values now.
struct Measured {
    told: Value,
    /// Whether what is compared has values at all; none if that is not known.
    present: Option<bool>,
    /// The value nearest to the threshold, and the threshold.
    nearest: Option<(f64, f64)>,
}

async fn measured(api: &Api, part: &Part) -> Measured {
    let mut told = Map::new();
    told.insert("expression".into(), part.expression.as_str().into());
    let (left, right) = match &part.comparison {
        None => (vector(api, &part.expression).await, None),
        Some(Comparison { left, operator, right }) => {
            told.insert("operator".into(), (*operator).into());
            let (left, right) = bulkhead_sdk::join!(vector(api, left), threshold(api, right));
            (left, Some((*operator, right)))
        }
    };
    let mut samples = match left {
        Ok(samples) => samples,
        Err(error) => {
            told.insert("error".into(), error.to_string().into());
            return Measured { told: told.into(), present: None, nearest: None };
        }
    };
    let low = matches!(right, Some(("<" | "<=", _)));
    samples.sort_by(if low { Sample::lowest_first } else { Sample::highest_first });
    let limit = match right {
        Some((_, Ok(limit))) => {
            told.insert("threshold".into(), limit.map_or("differs by series".into(), shape::number));
            limit
        }
        Some((_, Err(error))) => {
            told.insert("threshold".into(), error.to_string().into());
            None
        }
        None => None,
    };
    let operator = part.comparison.as_ref().map(|comparison| comparison.operator);
    let value = |sample: &Sample| {
        let mut out = sample.shape();
        if let (Some(object), Some(operator), Some(limit), Some(value)) =
            (out.as_object_mut(), operator, limit, sample.number())
        {
            object.insert("holds".into(), holds(value, operator, limit).into());
        }
        out
    };
    told.insert("total".into(), samples.len().into());
    told.insert("values".into(), samples.iter().take(SHOWN).map(value).collect());
    let nearest = samples.first().and_then(Sample::number).zip(limit);
    Measured { told: told.into(), present: Some(!samples.is_empty()), nearest }
}

fn holds(value: f64, operator: &str, limit: f64) -> bool {
    match operator {
        "==" => value == limit,
        "!=" => value != limit,
        ">=" => value >= limit,
        "<=" => value <= limit,
        ">" => value > limit,
        _ => value < limit,
    }
}

/// The number on the right; none if it is one for each series.
async fn threshold(api: &Api, right: &str) -> Result<Option<f64>> {
    if let Ok(number) = right.parse::<f64>() {
        return Ok(Some(number));
    }
    let samples = vector(api, right).await?;
    Ok(match &samples[..] {
        [only] => only.number(),
        _ => None,
    })
}

async fn vector(api: &Api, query: &str) -> Result<Vec<Sample>> {
    match api.ask::<Data>(Ask::query("query").with("query", query)).await?.data {
        Data::Vector(samples) => Ok(samples),
        Data::Scalar(point) => Ok(vec![Sample::scalar(point)]),
        _ => Err(Error::failed(format!("`{query}` gives no values"))),
    }
}

async fn trend(api: &Api, query: &str, plan: Plan) -> Value {
    let ask = Ask::query("query_range")
        .with("query", query)
        .with("start", time::param(plan.start))
        .with("end", time::param(plan.end))
        .with("step", duration::param(plan.step));
    match api.ask::<Data>(ask).await {
        Ok(answer) => match answer.data {
            Data::Matrix(mut series) => {
                // Those with the highest last value are the ones of interest.
                let last =
                    |one: &Series| one.values.last().map_or(f64::NEG_INFINITY, |point| point.number().1);
                series.sort_by(|a, b| last(b).total_cmp(&last(a)));
                let shown = series.iter().take(TREND_SERIES);
                let shown = shown.map(|one| series_shape::shape(one, Some(TREND_POINTS as usize)));
                json!({
                    "query": query, "start": time::rfc3339(plan.start), "step": duration::words(plan.step),
                    "total": series.len(), "series": shown.collect::<Vec<_>>(),
                })
            }
            _ => json!({ "query": query, "error": "no series" }),
        },
        Err(error) => json!({ "query": query, "error": error.to_string() }),
    }
}

/// The answer in one sentence.
fn verdict(rule: &Value, parts: &[Measured], now: Seconds) -> String {
    let absent = parts.iter().position(|part| part.present == Some(false));
    let waits = rule.get("duration").and_then(Value::as_f64).unwrap_or(0.0);
    let oldest = list(rule, "/alerts").iter().filter_map(|alert| When::parse(text(alert, "/activeAt")).ok());
    let oldest = oldest.map(|when| when.resolve(now)).fold(f64::INFINITY, f64::min);
    let since = now - oldest;
    match (text(rule, "/health"), text(rule, "/type"), text(rule, "/state")) {
        ("err", ..) => format!("it fails to evaluate: {}", shortened(text(rule, "/lastError"), ERROR_LENGTH)),
        (_, "recording", _) => "it records its expression under its name".to_owned(),
        (_, _, "firing") => format!(
            "it fires (alerts: {}), the oldest active for {}",
            list(rule, "/alerts").len(),
            duration::words(since.floor())
        ),
        (_, _, "pending") => format!(
            "it waits: true for {} of {} (`for`), fires in {}",
            duration::words(since.floor()),
            duration::words(waits),
            duration::words((waits - since).max(0.0).floor())
        ),
        _ => match (absent, parts.first().and_then(|part| part.nearest)) {
            (Some(place), _) => format!(
                "it does not fire: part {} has no series at all, so a metric or label may be missing or misspelt",
                place + 1
            ),
            (None, Some((value, limit))) => {
                format!("it does not fire: the nearest value is {value}, the threshold {limit}")
            }
            (None, None) => "it does not fire: its conditions are not true together".to_owned(),
        },
    }
}
