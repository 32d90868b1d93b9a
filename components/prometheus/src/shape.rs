//! Samples as Prometheus sends them, and as a model reads them.
//!
//! Prometheus writes numbers as strings because JSON has no NaN and no infinity. Here a finite
//! number is a JSON number, and only those three stay words.

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::selector::{Labels, NAME};

/// The `data` of a query's answer.
#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(crate) enum Data {
    Vector(Vec<Sample>),
    Matrix(Vec<Series>),
    Scalar(Point),
    String((f64, String)),
}

/// A moment and a value, still in Prometheus's words.
#[derive(Debug, Deserialize)]
pub(crate) struct Point(pub(crate) f64, String);

impl Point {
    /// The moment and the value as a number.
    pub(crate) fn number(&self) -> (f64, f64) {
        (self.0, parse(&self.1))
    }
}

/// A native histogram at a moment.
pub(crate) type HistogramPoint = (f64, Value);

/// One element of an instant vector.
#[derive(Debug, Deserialize)]
pub(crate) struct Sample {
    #[serde(default)]
    pub(crate) metric: Labels,
    value: Option<Point>,
    histogram: Option<HistogramPoint>,
}

/// One element of a matrix.
#[derive(Debug, Deserialize)]
pub(crate) struct Series {
    #[serde(default)]
    pub(crate) metric: Labels,
    #[serde(default)]
    pub(crate) values: Vec<Point>,
    #[serde(default)]
    pub(crate) histograms: Vec<HistogramPoint>,
}

impl Sample {
    /// A number without labels.
    pub(crate) fn scalar(point: Point) -> Self {
        Self { metric: Labels::new(), value: Some(point), histogram: None }
    }

    /// When the vector was evaluated; the same for all of its elements.
    pub(crate) fn at(&self) -> Option<f64> {
        self.value.as_ref().map(|point| point.0).or(self.histogram.as_ref().map(|(at, _)| *at))
    }

    /// The value, unless it is a histogram.
    pub(crate) fn number(&self) -> Option<f64> {
        self.value.as_ref().map(|point| point.number().1)
    }

    /// `{metric, labels, value}`, or `histogram` in place of `value`.
    pub(crate) fn shape(&self) -> Value {
        let mut out = labelled(&self.metric);
        if let Some(point) = &self.value {
            out.insert("value".into(), number(point.number().1));
        }
        if let Some(point) = &self.histogram {
            out.insert("histogram".into(), histogram(point));
        }
        Value::Object(out)
    }

    /// Highest value first; NaN and histograms last; equals by label.
    pub(crate) fn highest_first(&self, other: &Self) -> Ordering {
        other.rank().total_cmp(&self.rank()).then_with(|| self.metric.cmp(&other.metric))
    }

    fn rank(&self) -> f64 {
        let value = self.value.as_ref().map_or(f64::NAN, |point| point.number().1);
        if value.is_nan() { f64::NEG_INFINITY } else { value }
    }

    /// Lowest value first; NaN and histograms last; equals by label.
    pub(crate) fn lowest_first(&self, other: &Self) -> Ordering {
        let rank = |sample: &Self| match sample.value.as_ref().map(|point| point.number().1) {
            Some(value) if !value.is_nan() => value,
            _ => f64::INFINITY,
        };
        rank(self).total_cmp(&rank(other)).then_with(|| self.metric.cmp(&other.metric))
    }
}

/// An object that starts with the metric's name, if it has one, and its other labels.
pub(crate) fn labelled(labels: &Labels) -> Map<String, Value> {
    let mut out = Map::new();
    if let Some(name) = labels.get(NAME) {
        out.insert("metric".into(), name.as_str().into());
    }
    let others = labels.iter().filter(|(name, _)| *name != NAME);
    out.insert(
        "labels".into(),
        others.map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect(),
    );
    out
}

/// A number for JSON: whole ones without a fraction, NaN and the infinities as words.
pub(crate) fn number(value: f64) -> Value {
    /// Whole numbers beyond this are no longer exact, so they keep their floating form.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".into() } else { "-Inf".into() }
    } else if value.fract() == 0.0 && value.abs() < EXACT {
        (value as i64).into()
    } else {
        value.into()
    }
}

/// A value in Prometheus's words as a number; Rust reads `+Inf` and `NaN` as Prometheus writes them.
pub(crate) fn parse(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

/// A value in Prometheus's words, for JSON.
pub(crate) fn worded(text: &str) -> Value {
    number(parse(text))
}

/// Count and sum as numbers; buckets as Prometheus sends them (boundary rule, lower, upper, count).
pub(crate) fn histogram((_, histogram): &HistogramPoint) -> Value {
    let field = |name: &str| histogram.get(name).and_then(Value::as_str).map(worded);
    let mut out = json!({ "count": field("count"), "sum": field("sum") });
    if let (Some(buckets), Some(object)) = (histogram.get("buckets"), out.as_object_mut()) {
        object.insert("buckets".into(), buckets.clone());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_meaning() {
        for (text, value) in [
            ("1", json!(1)),
            ("0.5", json!(0.5)),
            ("1.5e+06", json!(1_500_000)),
            ("-3", json!(-3)),
            ("1e+30", json!(1e30)),
            ("NaN", json!("NaN")),
            ("+Inf", json!("+Inf")),
            ("-Inf", json!("-Inf")),
            ("9007199254740992", json!(9_007_199_254_740_992.0)),
        ] {
            assert_eq!(worded(text), value, "{text}");
        }
    }

    #[test]
    fn a_vector_sorts_by_value_with_what_cannot_be_compared_last() {
        let sample = |value: &str, job: &str| -> Sample {
            serde_json::from_value(json!({ "metric": { "job": job }, "value": [0, value] })).unwrap()
        };
        let histogram: Sample = serde_json::from_value(
            json!({ "metric": { "job": "z" }, "histogram": [0, { "count": "1", "sum": "1" }] }),
        )
        .unwrap();
        let mut all = vec![
            sample("NaN", "n"),
            sample("1", "b"),
            sample("+Inf", "i"),
            sample("1", "a"),
            sample("-2", "c"),
            histogram,
        ];
        let jobs =
            |all: &[Sample]| all.iter().map(|one| one.metric["job"].clone()).collect::<Vec<_>>().join("");
        all.sort_by(Sample::highest_first);
        assert_eq!(jobs(&all), "iabcnz");
        all.sort_by(Sample::lowest_first);
        assert_eq!(jobs(&all), "cabinz");
    }

    #[test]
    fn every_result_type_is_read() {
        let read = |value: Value| serde_json::from_value::<Data>(value).unwrap();
        assert!(matches!(read(json!({ "resultType": "vector", "result": [] })), Data::Vector(_)));
        assert!(matches!(read(json!({ "resultType": "matrix", "result": [] })), Data::Matrix(_)));
        assert!(matches!(read(json!({ "result": [1.5, "2"], "resultType": "scalar" })), Data::Scalar(_)));
        assert!(
            matches!(read(json!({ "resultType": "string", "result": [1, "a"] })), Data::String((_, text)) if text == "a")
        );
        assert!(serde_json::from_value::<Data>(json!({ "resultType": "streams", "result": [] })).is_err());
    }
}
