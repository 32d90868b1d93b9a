//! What makes the database large.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use super::{Facts, finding};

/// A metric with this share of all series, and so many at least, is worth a look.
const SHARE: f64 = 0.2;
const SERIES: u64 = 5000;

/// A label with so many values is usually an identifier that does not belong into a label.
const VALUES: u64 = 5000;

fn count(row: &Value) -> u64 {
    row.get("value").and_then(Value::as_u64).unwrap_or(0)
}

pub(super) fn large_metrics(facts: &Facts) -> Vec<Value> {
    let total = facts.tsdb.pointer("/headStats/numSeries").and_then(Value::as_u64).unwrap_or(0);
    let large = list(&facts.tsdb, "/seriesCountByMetricName")
        .iter()
        .filter(|row| count(row) >= SERIES && count(row) as f64 >= total as f64 * SHARE);
    large
        .map(|row| {
            let (name, series) = (text(row, "/name"), count(row));
            finding(
                "metric_is_large",
                format!("{name} has {series} of {total} series"),
                json!({ "metric": name, "series": series, "total_series": total }),
                "see which label has the many values with `labels`, then drop it with metric_relabel_configs or at the source",
            )
        })
        .collect()
}

pub(super) fn large_labels(facts: &Facts) -> Vec<Value> {
    let large = list(&facts.tsdb, "/labelValueCountByLabelName")
        .iter()
        // Every metric has a name, and a large server many metrics.
        .filter(|row| count(row) >= VALUES && text(row, "/name") != "__name__");
    large
        .map(|row| {
            let (name, values) = (text(row, "/name"), count(row));
            finding(
                "label_is_large",
                format!("the label {name} has {values} values"),
                json!({ "label": name, "values": values }),
                "identifiers, paths and addresses of users do not belong into labels: find the metric and drop the label",
            )
        })
        .collect()
}
