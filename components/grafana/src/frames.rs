//! What a query gave: Grafana's data frames as series with their statistics, or as tables, cut to what a model can read.

use bulkhead_sdk::time;
use bulkhead_sdk::value::{list, shortened, text};
use serde_json::{Map, Value, json};

/// Of a log line, this many characters.
const CELL: usize = 1000;

/// How much of an answer is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Points of each series, and rows of each table.
    pub(crate) points: usize,
    /// Series and tables.
    pub(crate) frames: usize,
}

/// The answer to one query (`results.A`): its series, its tables, and how many of them are left out.
pub(crate) fn shaped(result: &Value, bounds: Bounds) -> Map<String, Value> {
    let (mut series, mut tables) = (Vec::new(), Vec::new());
    for frame in list(result, "/frames") {
        let fields = list(frame, "/schema/fields");
        let of = |kind: &str| -> Vec<usize> {
            fields
                .iter()
                .enumerate()
                .filter(|(_, field)| text(field, "/type") == kind)
                .map(|(n, _)| n)
                .collect()
        };
        let (times, numbers) = (of("time"), of("number"));
        match times.first() {
            Some(time) if !numbers.is_empty() && times.len() + numbers.len() == fields.len() => {
                let of_frame =
                    numbers.into_iter().map(|number| one_series(frame, *time, number, bounds.points));
                series.extend(of_frame);
            }
            _ => tables.push(table(frame, bounds.points)),
        }
    }
    let mut out = Map::new();
    let left = (series.len() + tables.len()).saturating_sub(bounds.frames);
    series.truncate(bounds.frames);
    tables.truncate(bounds.frames.saturating_sub(series.len()));
    for (name, all) in [("series", series), ("tables", tables)] {
        if !all.is_empty() {
            out.insert(name.into(), all.into());
        }
    }
    if left > 0 {
        out.insert("left_out".into(), left.into());
    }
    out
}

/// Remarks of the datasource on its answer.
pub(crate) fn notices(result: &Value) -> Vec<String> {
    let of = |frame: &Value| -> Vec<String> {
        list(frame, "/schema/meta/notices").iter().map(|notice| text(notice, "/text").to_owned()).collect()
    };
    let mut all: Vec<String> = list(result, "/frames").iter().flat_map(of).collect();
    all.sort();
    all.dedup();
    all
}

/// The query as the datasource ran it.
pub(crate) fn executed(result: &Value) -> &str {
    text(result, "/frames/0/schema/meta/executedQueryString")
}

fn column(frame: &Value, place: usize) -> &[Value] {
    list(frame, &format!("/data/values/{place}"))
}

fn one_series(frame: &Value, time: usize, number: usize, most: usize) -> Value {
    let field = list(frame, "/schema/fields").get(number).cloned().unwrap_or_default();
    let points: Vec<(&Value, Option<f64>)> =
        column(frame, time).iter().zip(column(frame, number).iter().map(Value::as_f64)).collect();
    let known: Vec<f64> = points.iter().filter_map(|(_, value)| *value).collect();
    let named =
        [text(&field, "/config/displayNameFromDS"), text(frame, "/schema/name"), text(&field, "/name")];
    let name = named.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let mut out = json!({ "name": name, "count": points.len() });
    let Some(object) = out.as_object_mut() else { return out };
    if let Some(Value::Object(labels)) = field.get("labels")
        && !labels.is_empty()
    {
        object.insert("labels".into(), labels.clone().into());
    }
    if !known.is_empty() {
        let sum: f64 = known.iter().sum();
        object.insert("min".into(), known.iter().copied().fold(f64::INFINITY, f64::min).into());
        object.insert("max".into(), known.iter().copied().fold(f64::NEG_INFINITY, f64::max).into());
        object.insert("avg".into(), (sum / known.len() as f64).into());
        object.insert("last".into(), known.last().copied().into());
    }
    let shown = thinned(&points, most);
    let shown = shown.map(|(at, value)| json!([moment(at), value])).collect::<Vec<_>>();
    object.insert("points".into(), shown.into());
    out
}

/// At most so many, evenly spread; the last is always one of them.
fn thinned<T>(all: &[T], most: usize) -> impl Iterator<Item = &T> {
    let step = all.len().div_ceil(most.max(1)).max(1);
    let first = all.len().saturating_sub(1) % step;
    all.iter().skip(first).step_by(step)
}

fn table(frame: &Value, most: usize) -> Value {
    let fields = list(frame, "/schema/fields");
    let columns: Vec<&str> = fields.iter().map(|field| text(field, "/name")).collect();
    let count = (0..fields.len()).map(|place| column(frame, place).len()).max().unwrap_or_default();
    let cell = |place: usize, row: usize| {
        let value = column(frame, place).get(row).unwrap_or(&Value::Null);
        let is_time = fields.get(place).is_some_and(|field| text(field, "/type") == "time");
        match value {
            value if is_time => moment(value),
            Value::String(text) => shortened(text, CELL).into(),
            value => value.clone(),
        }
    };
    let rows: Vec<Value> =
        (0..count.min(most)).map(|row| (0..fields.len()).map(|place| cell(place, row)).collect()).collect();
    json!({ "columns": columns, "total": count, "shown": rows.len(), "rows": rows })
}

fn moment(millis: &Value) -> Value {
    millis.as_f64().map_or_else(|| millis.clone(), |millis| time::rfc3339(millis / 1000.0).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_has_statistics_of_all_and_some_of_its_points() {
        let result = json!({ "frames": [{
            "schema": { "name": "up", "fields": [
                { "name": "Time", "type": "time" },
                { "name": "Value", "type": "number", "labels": { "job": "a" } }] },
            "data": { "values": [[0, 1000, 2000, 3000, 4000], [1, 2, null, 3, 6]] },
        }]});
        assert_eq!(
            Value::Object(shaped(&result, Bounds { points: 2, frames: 9 })),
            json!({ "series": [{
                "name": "up", "count": 5, "labels": { "job": "a" }, "min": 1.0, "max": 6.0, "avg": 3.0, "last": 6.0,
                "points": [["1970-01-01T00:00:01Z", 2.0], ["1970-01-01T00:00:04Z", 6.0]],
            }]})
        );
    }

    #[test]
    fn what_is_no_series_is_a_table_and_what_is_too_many_is_counted() {
        let frame = json!({
            "schema": { "fields": [{ "name": "at", "type": "time" }, { "name": "line", "type": "string" }] },
            "data": { "values": [[0, 1000], ["a".repeat(1001), "b"]] },
        });
        let result = json!({ "frames": [frame, frame] });
        assert_eq!(
            Value::Object(shaped(&result, Bounds { points: 1, frames: 1 })),
            json!({ "left_out": 1, "tables": [{
                "columns": ["at", "line"], "total": 2, "shown": 1, "rows": [["1970-01-01T00:00:00Z", format!("{}…", "a".repeat(1000))]],
            }]})
        );
        assert!(shaped(&json!({ "frames": [] }), Bounds { points: 1, frames: 1 }).is_empty());
    }
}
