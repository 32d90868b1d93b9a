//! Queries, labels, series and metadata: one check for each tool.

use std::{
    collections::BTreeSet,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};

use super::live::{Live, close, descends, given, list, number, rfc3339, set};

/// `{metric, labels}` as tools write a series.
fn labelled(metric: &Value) -> Map<String, Value> {
    let mut labels = metric.as_object().unwrap().clone();
    let name = labels.remove("__name__");
    let mut out = Map::from_iter([("labels".to_owned(), Value::Object(labels))]);
    out.extend(name.map(|name| ("metric".to_owned(), name)));
    out
}

/// Elements as sets of labels with a number each.
fn elements(raw: &Value) -> Vec<Value> {
    let element = |sample: &Value| {
        let mut out = labelled(&sample["metric"]);
        out.insert("value".to_owned(), whole(number(&sample["value"][1])));
        Value::Object(out)
    };
    list(&raw["result"]).iter().map(element).collect()
}

/// Whole numbers have no fraction.
fn whole(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

pub(super) async fn query(live: &Live) {
    let at = live.at.to_string();
    let ask = async |query: &str, more: Value| {
        let mut arguments = json!({ "query": query, "time": live.at });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (live.ok("query", arguments).await, live.data("query", &[("query", query), ("time", &at)]).await)
    };

    let (ours, raw) = ask("up", json!({})).await;
    assert_eq!((&ours["type"], &ours["time"]), (&json!("vector"), &json!(rfc3339(live.at))));
    assert_eq!((&ours["total"], &ours["shown"], &ours["left_out"]), (&json!(3), &json!(3), &Value::Null));
    assert_eq!(set(list(&ours["result"])), set(&elements(&raw)));
    let values: Vec<f64> = list(&ours["result"]).iter().map(|one| given(&one["value"])).collect();
    assert!(values == [1.0, 1.0, 0.0] && descends(&values), "{values:?}");

    let (ours, raw) = ask("sort(up)", json!({})).await;
    let values = |items: &[Value]| items.iter().map(|one| given(&one["value"])).collect::<Vec<_>>();
    assert_eq!(values(list(&ours["result"])), values(&elements(&raw)), "a query that sorts keeps its order");
    let (ours, _) = ask("up", json!({ "limit": 1 })).await;
    assert_eq!((&ours["total"], &ours["shown"], &ours["left_out"]), (&json!(3), &json!(1), &json!(2)));
    let (ours, _) = ask("bottomk(1, up)", json!({})).await;
    assert_eq!(ours["result"][0]["labels"]["job"], json!("broken"));

    let (ours, raw) = ask("1/0", json!({})).await;
    assert_eq!(
        (&ours["type"], &ours["value"], &raw["result"][1]),
        (&json!("scalar"), &json!("+Inf"), &json!("+Inf"))
    );
    let (ours, raw) = ask("\"word\"", json!({})).await;
    assert_eq!((&ours["type"], &ours["value"]), (&json!("string"), &raw["result"][1]));
    let (ours, raw) = ask("up[5s]", json!({})).await;
    assert_eq!((&ours["type"], &ours["total"]), (&json!("matrix"), &json!(3)));
    for one in list(&ours["result"]) {
        let same = |theirs: &&Value| theirs["metric"]["job"] == one["labels"]["job"];
        let theirs = list(&raw["result"]).iter().find(same).unwrap();
        assert_eq!(one["stats"]["count"], json!(list(&theirs["values"]).len()), "{one}");
    }

    let everything = format!("up{{job=~\"{}node\"}}", "node|".repeat(600));
    let (ours, raw) = ask(&everything, json!({})).await;
    assert_eq!(list(&ours["result"]), &elements(&raw), "a query too long for a URL");
    times(live).await;

    for (query, reason) in
        [("up{", "invalid_arguments"), ("up +", "invalid_arguments"), ("up * on() up", "upstream")]
    {
        let words = live.error("query", &[("query", query)]).await;
        let (why, text) = live.refused("query", json!({ "query": query })).await;
        assert_eq!(why, reason, "{query}: {text}");
        assert!(text.contains(&words), "`{words}` is not in `{text}`");
        assert!(reason != "invalid_arguments" || text.contains("arguments.query"), "{text}");
    }
}

/// Every way to write a moment means the same.
async fn times(live: &Live) {
    let time = async |when: Value| {
        let ours = live.ok("query", json!({ "query": "time()", "time": when })).await;
        (given(&ours["value"]), ours["time"].as_str().unwrap().to_owned())
    };
    let at = rfc3339(live.at);
    let east = rfc3339(live.at + 7200).replace('Z', "+02:00");
    for form in [json!(live.at), json!(live.at.to_string()), json!(&at), json!(east)] {
        let theirs = live.data("query", &[("query", "time()"), ("time", &at)]).await;
        assert_eq!(time(form.clone()).await, (number(&theirs["result"][1]), at.clone()), "{form}");
    }
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    for (form, ago) in [("-1m", 60.0), ("now-1h30m", 5400.0), ("now", 0.0)] {
        let (before, (value, _), after) = (now(), time(json!(form)).await, now());
        assert!((before - 0.01..=after + 0.01).contains(&(value + ago)), "{form}: {before} {value} {after}");
    }
    let (reason, text) = live.refused("query", json!({ "query": "up", "time": "yesterday" })).await;
    assert!(reason == "invalid_arguments" && text.contains("arguments.time"), "{reason}: {text}");
}

pub(super) async fn query_range(live: &Live) {
    let (start, end) = (live.at - 10, live.at);
    let (first, last) = (start.to_string(), end.to_string());
    let selector = "process_cpu_seconds_total{job=\"prometheus\"}";
    let params = [("query", selector), ("start", &*first), ("end", &*last), ("step", "1")];
    let raw = live.data("query_range", &params).await;
    let values = list(&raw["result"][0]["values"]);
    assert!(values.len() >= 4, "there is something to see: {raw}");
    let points: Vec<(f64, f64)> =
        values.iter().map(|point| (point[0].as_f64().unwrap(), number(&point[1]))).collect();
    let shown = |series: &Value| -> Vec<(f64, f64)> {
        list(&series["points"]).iter().map(|point| (given(&point[0]), given(&point[1]))).collect()
    };
    let same = |ours: &[(f64, f64)]| {
        ours.len() == points.len() && ours.iter().zip(&points).all(|(a, b)| a.0 == b.0 && close(a.1, b.1))
    };

    let arguments = json!({ "query": selector, "start": start, "end": end, "step": "1s" });
    let ours = live.ok("query_range", arguments.clone()).await;
    let series = &ours["series"][0];
    assert_eq!((&ours["total"], &ours["step"]), (&json!(1), &json!("1s")));
    assert_eq!((&ours["start"], &ours["end"]), (&json!(rfc3339(start)), &json!(rfc3339(end))));
    assert_eq!(series["labels"], labelled(&raw["result"][0]["metric"])["labels"]);
    assert!(same(&shown(series)), "{series} and {points:?}");
    let all = || points.iter().map(|point| point.1);
    let stats = [
        ("count", points.len() as f64),
        ("min", all().fold(f64::INFINITY, f64::min)),
        ("max", all().fold(f64::NEG_INFINITY, f64::max)),
        ("avg", all().sum::<f64>() / points.len() as f64),
        ("first", points[0].1),
        ("last", points[points.len() - 1].1),
    ];
    let right =
        |series: &Value| stats.iter().all(|(name, value)| close(given(&series["stats"][name]), *value));
    assert!(right(series), "{series} and {stats:?}");

    let few = |more: Value| {
        let mut arguments = arguments.clone();
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        live.ok("query_range", arguments)
    };
    let ours = few(json!({ "max_points": 2 })).await;
    let summary = shown(&ours["series"][0]);
    assert!((1..=2).contains(&summary.len()) && ours["downsampled"].is_string(), "{ours}");
    assert!(right(&ours["series"][0]), "the statistics are of every point: {ours}");
    let ours = few(json!({ "max_points": 2, "view": "full" })).await;
    assert!(same(&shown(&ours["series"][0])) && ours["downsampled"].is_null(), "{ours}");
    let forms = json!({ "start": rfc3339(start), "end": last, "step": 1 });
    assert_eq!(few(forms).await["series"], live.ok("query_range", arguments.clone()).await["series"]);
    let ours = few(json!({ "query": "up", "limit": 1 })).await;
    assert_eq!((&ours["total"], &ours["shown"], &ours["left_out"]), (&json!(3), &json!(1), &json!(2)));

    let ours =
        live.ok("query_range", json!({ "query": "up", "start": live.at - 3600, "end": live.at })).await;
    assert_eq!(ours["step"], json!("2m"), "an hour in at most sixty points");
    let (reason, text) =
        live.refused("query_range", json!({ "query": "up", "start": "-1d", "step": "1s" })).await;
    assert!(reason == "invalid_arguments" && text.contains("arguments.step"), "{reason}: {text}");
    let words = live
        .error("query_range", &[("query", "rate(up)"), ("start", &first), ("end", &last), ("step", "1")])
        .await;
    let (reason, text) = live.refused("query_range", json!({ "query": "rate(up)" })).await;
    assert!(reason == "invalid_arguments" && text.contains("arguments.query"), "{reason}: {text}");
    assert!(text.contains(&words), "`{words}` is not in `{text}`");
}

pub(super) async fn labels(live: &Live) {
    let (ours, raw) = live.both("labels", json!({}), "labels", &[]).await;
    assert_eq!((&ours["names"], &ours["total"]), (&raw, &json!(list(&raw).len())));
    assert_eq!(&live.pages("labels", json!({}), 3, "names").await, list(&raw));
    let (ours, raw) = live.both("labels", json!({ "match": ["up"] }), "labels", &[("match[]", "up")]).await;
    assert_eq!((&ours["names"], &raw), (&json!(["__name__", "instance", "job"]), &ours["names"]));
    let cursor = live.ok("labels", json!({ "limit": 2 })).await["next_cursor"].take();
    let (reason, text) = live.refused("labels", json!({ "match": ["up"], "cursor": cursor })).await;
    assert!(reason == "invalid_arguments" && text.contains("arguments.cursor"), "{reason}: {text}");
    values(live).await;
    series(live).await;
}

/// The values of one label.
async fn values(live: &Live) {
    let path = "label/job/values";
    let (ours, raw) =
        live.both("labels", json!({ "label": "job", "match": ["up"] }), path, &[("match[]", "up")]).await;
    assert_eq!((&ours["values"], &raw), (&json!(["broken", "node", "prometheus"]), &ours["values"]));
    let metrics = live.data("label/__name__/values", &[]).await;
    assert!(list(&metrics).len() > 200, "more than a page");
    assert_eq!(&live.pages("labels", json!({ "label": "__name__" }), 70, "values").await, list(&metrics));
    let found = live.ok("labels", json!({ "label": "__name__", "contains": "GoRoutines" })).await;
    let expected: Vec<&Value> =
        list(&metrics).iter().filter(|name| name.as_str().unwrap().contains("goroutines")).collect();
    assert!(expected.contains(&&json!("go_goroutines")) && found["values"] == json!(expected), "{found}");
    let (start, end) = (rfc3339(live.at - 1_000_000), rfc3339(live.at - 900_000));
    let long_ago = json!({ "label": "job", "start": start, "end": end });
    let (ours, raw) = live.both("labels", long_ago, path, &[("start", &start), ("end", &end)]).await;
    assert_eq!((&ours["values"], &ours["total"]), (&raw, &json!(0)), "there was nothing yet");
    let ours = live.ok("labels", json!({ "label": "service.name" })).await;
    assert_eq!(ours["total"], json!(0), "a name that only Prometheus 3 can have");
    let words = live.error(path, &[("match[]", "{")]).await;
    let (reason, text) = live.refused("labels", json!({ "label": "job", "match": ["{"] })).await;
    assert!(reason == "invalid_arguments" && text.contains("arguments.match"), "{reason}: {text}");
    assert!(text.contains(&words), "`{words}` is not in `{text}`");
}

/// A series in PromQL, ready to be asked for.
fn notation(series: &Value) -> Value {
    let mut labels = series.as_object().unwrap().clone();
    let name = labels.remove("__name__");
    let labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
    json!(format!("{}{{{}}}", name.as_ref().and_then(Value::as_str).unwrap(), labels.join(", ")))
}

/// Whole series.
async fn series(live: &Live) {
    let params = [("match[]", "up"), ("match[]", "go_goroutines")];
    let arguments = json!({ "series": true, "match": ["up", "go_goroutines"] });
    let (ours, raw) = live.both("labels", arguments.clone(), "series", &params).await;
    let expected: Vec<Value> = list(&raw).iter().map(notation).collect();
    assert_eq!((&ours["total"], set(list(&ours["series"]))), (&json!(5), set(&expected)));
    assert_eq!(&live.pages("labels", arguments, 2, "series").await, list(&ours["series"]));
    for series in list(&ours["series"]) {
        let found = live.ok("query", json!({ "query": series, "time": live.at })).await;
        assert_eq!(found["total"], json!(1), "{series} selects itself");
    }
    let (all, every) = (json!({ "series": true, "match": ["{job=~\".+\"}"] }), ("match[]", "{job=~\".+\"}"));
    // It scrapes itself meanwhile, and a series may appear between two answers.
    for tries in 1.. {
        let (ours, raw) = live.both("labels", all.clone(), "series", &[every]).await;
        let pages = live.pages("labels", all.clone(), 150, "series").await;
        let expected: Vec<Value> = list(&raw).iter().map(notation).collect();
        if set(&pages) == set(&expected) {
            assert_eq!((&ours["total"], &ours["shown"]), (&json!(expected.len()), &json!(200)));
            break;
        }
        assert!(tries < 10, "{pages:?} are not {expected:?}");
    }
    let words = live.error("series", &[("match[]", "up{")]).await;
    let (reason, text) = live.refused("labels", json!({ "series": true, "match": ["up{"] })).await;
    assert!(
        reason == "invalid_arguments" && text.contains("arguments.match") && text.contains(&words),
        "{text}"
    );
}

pub(super) async fn metadata(live: &Live) {
    let (one, metric) = (json!({ "metric": "go_goroutines" }), [("metric", "go_goroutines")]);
    let (ours, raw) = live.both("metadata", one, "metadata", &metric).await;
    let [entry] = &list(&raw["go_goroutines"])[..] else { panic!("one entry: {raw}") };
    let expected = json!([{ "metric": "go_goroutines", "type": "gauge", "help": entry["help"] }]);
    assert_eq!(ours["metrics"], expected);
    let full = json!({ "metric": "go_goroutines", "view": "full" });
    let (ours, raw) = live.both("metadata", full, "metadata", &metric).await;
    assert_eq!(ours["metrics"], json!([{ "metric": "go_goroutines", "entries": raw["go_goroutines"] }]));
    let all = live.data("metadata", &[]).await;
    let pages = live.pages("metadata", json!({}), 60, "metrics").await;
    assert!(pages.len() > 60, "more than a page");
    let names: BTreeSet<&str> = pages.iter().map(|one| one["metric"].as_str().unwrap()).collect();
    assert_eq!(names, all.as_object().unwrap().keys().map(String::as_str).collect());
    for one in &pages {
        let entries = list(&all[one["metric"].as_str().unwrap()]);
        let same = |entry: &Value| {
            let help: String = entry["help"].as_str().unwrap().chars().take(200).collect();
            entry["type"] == one["type"] && one["help"].as_str().unwrap().starts_with(&help)
        };
        assert!(entries.iter().any(same), "{one} is none of {entries:?}");
    }
    let ours = live.ok("metadata", json!({ "contains": "goroutines", "limit": 1 })).await;
    assert!(ours["shown"] == json!(1) && ours["metrics"][0].to_string().contains("goroutines"), "{ours}");
    by_target(live).await;
}

/// Metadata as each target has it.
async fn by_target(live: &Live) {
    let (path, metric) = ("targets/metadata", [("metric", "go_goroutines")]);
    let of = |more: Value| {
        let mut arguments = json!({ "by": "target" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let one = of(json!({ "metric": "go_goroutines" }));
    let (ours, raw) = live.both("metadata", one, path, &metric).await;
    let [first, second] = &list(&raw)[..] else { panic!("two targets have it: {raw}") };
    assert_eq!(first["help"], second["help"]);
    let expected = json!({
        "metric": "go_goroutines", "type": "gauge", "help": first["help"], "targets": 2, "jobs": ["node", "prometheus"],
    });
    assert_eq!(ours["metadata"], json!([expected]));
    let full = of(json!({ "metric": "go_goroutines", "view": "full" }));
    let (ours, raw) = live.both("metadata", full, path, &metric).await;
    assert_eq!(set(list(&ours["metadata"])), set(list(&raw)));
    // Prometheus lists these in another order every time; the pages still have each of them once.
    let raw = live.data(path, &[]).await;
    let go = |entry: &&Value| {
        ["metric", "help"].iter().any(|field| entry[field].as_str().unwrap().contains("go_memstats_"))
    };
    let some: Vec<&Value> = list(&raw).iter().filter(go).collect();
    let pages = live
        .pages("metadata", of(json!({ "contains": "go_memstats_", "view": "full" })), 7, "metadata")
        .await;
    assert!(some.len() > 7, "more than a page");
    assert_eq!((pages.len(), set(&pages)), (some.len(), set(some)));
    let nobody = of(json!({ "metric": "no_such" }));
    let (ours, raw) = live.both("metadata", nobody, path, &[("metric", "no_such")]).await;
    assert_eq!(ours["metadata"], json!([]), "a metric nobody has");
    assert!(raw.is_null() || raw == json!([]), "{raw}");
}
