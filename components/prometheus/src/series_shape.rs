//! A series over time, made readable: statistics of every point, and a bounded choice of points.
//!
//! The choice is min-max: the points are split into equal runs and each run keeps its lowest and its
//! highest point. Spikes survive, every point shown is one that Prometheus returned, and the
//! statistics are always of all of them.

use serde_json::{Map, Value, json};

use crate::shape::{self, Point, Series};
use bulkhead_sdk::time;

/// How the points of a downsampled series were chosen, for the reader.
pub(crate) const HOW: &str =
    "min-max: equal runs of points, each shown by its lowest and highest; stats cover every point";

/// One series with its statistics and at most `max_points` points; none for every point.
pub(crate) fn shape(series: &Series, max_points: Option<usize>) -> Value {
    let mut out = shape::labelled(&series.metric);
    let points: Vec<(f64, f64)> = series.values.iter().map(Point::number).collect();
    if !points.is_empty() {
        out.insert("stats".into(), stats(&points));
        let shown = match max_points {
            Some(most) if points.len() > most => downsample(&points, most),
            _ => points,
        };
        let shown =
            shown.into_iter().map(|(at, value)| json!([shape::number(at), shape::number(value)])).collect();
        out.insert("points".into(), Value::Array(shown));
    }
    histograms(series, &mut out);
    Value::Object(out)
}

/// Native histograms have no numbers to chart: how many there are, and the last.
fn histograms(series: &Series, out: &mut Map<String, Value>) {
    if let Some(last) = series.histograms.last() {
        out.insert("histogram_count".into(), series.histograms.len().into());
        out.insert("last_histogram".into(), shape::histogram(last));
    }
}

/// Count, extremes, mean, first and last. NaN (a stale or undefined sample) is counted, not computed with.
fn stats(points: &[(f64, f64)]) -> Value {
    let real = || points.iter().map(|(_, value)| *value).filter(|value| !value.is_nan());
    let count = real().count();
    let mut out = Map::new();
    out.insert("count".into(), points.len().into());
    if count > 0 {
        out.insert("min".into(), shape::number(real().fold(f64::INFINITY, f64::min)));
        out.insert("max".into(), shape::number(real().fold(f64::NEG_INFINITY, f64::max)));
        out.insert("avg".into(), shape::number(real().sum::<f64>() / count as f64));
    }
    for (name, point) in [("first", points.first()), ("last", points.last())] {
        if let Some((at, value)) = point {
            out.insert(name.into(), shape::number(*value));
            out.insert(format!("{name}_at"), time::rfc3339(*at).into());
        }
    }
    if count < points.len() {
        out.insert("nan".into(), (points.len() - count).into());
    }
    Value::Object(out)
}

/// At most `most` points (two at least), in order of time.
fn downsample(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    let runs = (most / 2).max(1);
    let run_length = points.len().div_ceil(runs).max(1);
    let mut out = Vec::with_capacity(most);
    for run in points.chunks(run_length) {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        // A NaN is an extreme only of a run that has nothing else.
        let real = || run.iter().filter(|(_, value)| !value.is_nan());
        let (low, high) = (real().min_by(by_value), real().max_by(by_value));
        let (low, high) = (low.or(run.first()), high.or(run.first()));
        if let (Some(low), Some(high)) = (low, high) {
            let (first, second) = if low.0 <= high.0 { (low, high) } else { (high, low) };
            out.push(*first);
            if first.0 < second.0 {
                out.push(*second);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[(f64, &str)]) -> Series {
        serde_json::from_value(json!({
            "metric": { "__name__": "up", "job": "node" },
            "values": values.iter().map(|(at, value)| json!([at, value])).collect::<Vec<_>>(),
        }))
        .unwrap()
    }

    #[test]
    fn a_series_has_its_labels_statistics_and_points() {
        assert_eq!(
            shape(&series(&[(0.0, "1"), (15.0, "3.5"), (30.0, "0")]), Some(60)),
            json!({
                "metric": "up", "labels": { "job": "node" },
                "stats": { "count": 3, "min": 0, "max": 3.5, "avg": 1.5, "first": 1, "first_at": "1970-01-01T00:00:00Z",
                           "last": 0, "last_at": "1970-01-01T00:00:30Z" },
                "points": [[0, 1], [15, 3.5], [30, 0]],
            })
        );
    }

    #[test]
    fn nan_is_counted_and_infinity_is_a_word() {
        let shaped = shape(&series(&[(0.0, "NaN"), (1.0, "+Inf"), (2.0, "2")]), None);
        assert_eq!(
            shaped["stats"],
            json!({ "count": 3, "min": 2, "max": "+Inf", "avg": "+Inf", "first": "NaN", "first_at": "1970-01-01T00:00:00Z",
                    "last": 2, "last_at": "1970-01-01T00:00:02Z", "nan": 1 })
        );
        assert_eq!(shaped["points"], json!([[0, "NaN"], [1, "+Inf"], [2, 2]]));
        let nothing = shape(&series(&[(0.0, "NaN")]), None);
        assert_eq!(nothing["stats"]["min"], Value::Null);
        assert_eq!(nothing["stats"]["nan"], json!(1));
    }

    #[test]
    fn downsampling_keeps_every_spike_in_order() {
        let points: Vec<(f64, f64)> = (0..1000)
            .map(|i| {
                (
                    f64::from(i),
                    if i == 137 {
                        99.0
                    } else if i == 842 {
                        -5.0
                    } else {
                        1.0
                    },
                )
            })
            .collect();
        let shown = downsample(&points, 10);
        assert_eq!(
            shown,
            [
                (0.0, 1.0),
                (137.0, 99.0),
                (200.0, 1.0),
                (399.0, 1.0),
                (400.0, 1.0),
                (599.0, 1.0),
                (600.0, 1.0),
                (799.0, 1.0),
                (842.0, -5.0),
                (999.0, 1.0)
            ]
        );
    }

    #[test]
    fn downsampling_is_bounded() {
        let points: Vec<(f64, f64)> = (0..997).map(|i| (f64::from(i), f64::from(i * 7919 % 101))).collect();
        for most in [2, 3, 10, 60, 500, 996] {
            let shown = downsample(&points, most);
            assert!(shown.len() <= most, "{} of {most}", shown.len());
            assert!(shown.windows(2).all(|pair| pair[0].0 < pair[1].0), "out of order for {most}");
        }
    }

    #[test]
    fn a_run_of_nan_is_still_shown() {
        let points = [(0.0, f64::NAN), (1.0, f64::NAN), (2.0, 4.0), (3.0, f64::NAN)];
        let shown = downsample(&points, 2);
        assert_eq!(shown, [(2.0, 4.0)]);
        assert_eq!(downsample(&points[..2], 1).len(), 1);
    }

    #[test]
    fn native_histograms_are_counted_and_the_last_is_given() {
        let series: Series = serde_json::from_value(json!({
            "metric": {},
            "histograms": [[0, { "count": "1", "sum": "2" }], [1, { "count": "3", "sum": "4.5", "buckets": [[0, "0", "1", "3"]] }]],
        }))
        .unwrap();
        assert_eq!(
            shape(&series, None),
            json!({ "labels": {}, "histogram_count": 2,
                    "last_histogram": { "count": 3, "sum": 4.5, "buckets": [[0, "0", "1", "3"]] } })
        );
    }
}
