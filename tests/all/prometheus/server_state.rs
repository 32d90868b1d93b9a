//! What is wrong, targets, alerts, rules and the server itself: one check for each tool.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::{Map, Value, json};

use super::live::{Live, agree, list, rfc3339};

/// The items of one key after another, sorted by what `key` says.
fn sorted(items: &[Value], key: impl Fn(&Value) -> String) -> Value {
    let mut items = items.to_vec();
    items.sort_by_cached_key(key);
    Value::Array(items)
}

/// Where a target, of ours or of Prometheus's, is listed.
fn instance(target: &Value) -> String {
    let address =
        |labels: &str| target[labels]["instance"].as_str().or(target[labels]["__address__"].as_str());
    let own = target["instance"].as_str();
    own.or(address("labels")).or(address("discoveredLabels")).unwrap().to_owned()
}

/// How many there are of each word.
fn counts<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_insert(0) += 1;
    }
    json!(counts)
}

pub(super) async fn diagnose(live: &Live) {
    let (ours, [targets, rules]) =
        live.each("diagnose", json!({}), [("targets", &[("state", "active")]), ("rules", &[])]).await;
    let mut found = list(&ours["findings"]).clone();
    let near = |target: &Value| {
        target["health"] == "up" && target["lastScrapeDuration"].as_f64().unwrap() > 0.8 // of a second
    };
    let slow = list(&targets["activeTargets"]).iter().any(near);
    // On a machine that is busy enough the others may be slow.
    found.retain(|one| !(slow && one["finding"] == "scrapes_near_timeout"));
    let names: Vec<&Value> = found.iter().map(|one| &one["finding"]).collect();
    assert_eq!(names, ["nobody_is_notified", "targets_down", "started_recently"], "nothing is invented");
    let [nobody, down, started] = &found[..] else { unreachable!() };
    let says = "no Alertmanager is there to tell; alerting rules: 3, firing: 2";
    assert_eq!(
        (&nobody["says"], &nobody["evidence"]),
        (&json!(says), &json!({ "dropped_alertmanagers": 0 }))
    );
    let broken = list(&targets["activeTargets"]).iter().find(|target| target["health"] == "down").unwrap();
    let evidence = json!({
        "job": "broken", "cause": "connection refused", "instances": ["127.0.0.1:1"],
        "last_error": broken["lastError"], "last_scrape": broken["lastScrape"],
    });
    assert_eq!(down["says"], json!("job broken: 1 of 1 targets down: connection refused"));
    assert_eq!(down["evidence"], evidence);
    let runtime = live.data("status/runtimeinfo", &[]).await;
    assert_eq!(started["evidence"], json!({ "started_at": runtime["startTime"] }));
    assert!(found.iter().all(|one| one["next"].as_str().is_some_and(|next| !next.is_empty())), "{ours}");

    let firing = list(&ours["firing"]);
    let active = of_groups(&rules).into_iter().filter(|rule| rule["type"] == "alerting");
    let active: Vec<Value> = active.collect();
    for (ours, theirs) in firing.iter().zip(&active) {
        let alerts = list(&theirs["alerts"]);
        assert_eq!(
            (&ours["alertname"], &ours["state"], &ours["labels"], &ours["count"]),
            (&theirs["name"], &theirs["state"], &theirs["labels"], &json!(alerts.len()))
        );
        let since = alerts.iter().map(|alert| alert["activeAt"].as_str().unwrap()).min();
        assert_eq!(ours["since"].as_str(), since, "{ours}");
    }
    assert_eq!((firing.len(), active.len()), (3, 3), "NotYet is pending: it comes last");
    assert_eq!((&firing[0]["summary"], &firing[0]["value"]), (&json!("always fires"), &json!(1)));
    let summary = format!(
        "targets up: 2 of 3; alerts firing or pending: 3; findings: {}",
        list(&ours["findings"]).len()
    );
    assert_eq!((&ours["summary"], &ours["missing"]), (&json!(summary), &Value::Null));

    let short = live.ok("diagnose", json!({ "limit": 1 })).await;
    assert_eq!((list(&short["findings"]).len(), list(&short["firing"]).len()), (1, 1));
    assert_eq!(short["left_out"]["firing"], json!(2));
    explanation(live).await;
}

/// Why one alert fires, another waits, and what is no alert at all.
async fn explanation(live: &Live) {
    let one = async |name: &str| {
        let mut ours = live.ok("diagnose", json!({ "alert": name })).await;
        assert_eq!(list(&ours["rules"]).len(), 1, "{ours}");
        (ours["summary"].as_str().unwrap().to_owned(), ours["rules"][0].take())
    };
    let (summary, seen) = one("Seen").await;
    assert!(summary.starts_with("Seen: it fires (alerts: 4), the oldest active for "), "{summary}");
    let part = &seen["parts"][0];
    assert_eq!((list(&seen["parts"]).len(), &part["total"]), (1, &json!(4)), "{seen}");
    assert_eq!(list(&seen["alerts"]).len(), 4);
    let (summary, waits) = one("NotYet").await;
    assert!(summary.starts_with("NotYet: it waits: true for "), "{summary}");
    assert!(summary.contains(" of 1d (`for`), fires in 23h"), "{summary}");
    assert_eq!(waits["parts"][0]["values"][0]["value"], json!(2));
    let (summary, _) = one("job:up:sum").await;
    assert_eq!(summary, "job:up:sum: it records its expression under its name");
    let (reason, text) = live.refused("diagnose", json!({ "alert": "Nobody" })).await;
    assert!(reason == "not_found" && text.contains("`Nobody`"), "{reason}: {text}");
}

pub(super) async fn targets(live: &Live) {
    let (ours, raw) =
        live.both("targets", json!({ "state": "active" }), "targets", &[("state", "active")]).await;
    let detail = |target: &Value| {
        let mut out = Map::new();
        let fields = [("last_error", "lastError"), ("last_scrape", "lastScrape"), ("url", "scrapeUrl")];
        let fields =
            fields.into_iter().chain([("health", "health"), ("last_scrape_seconds", "lastScrapeDuration")]);
        for (ours, theirs) in fields.filter(|(_, theirs)| target[theirs] != json!("")) {
            out.insert(ours.to_owned(), target[theirs].clone());
        }
        for label in ["job", "instance"] {
            out.insert(label.to_owned(), target["labels"][label].clone());
        }
        Value::Object(out)
    };
    let expected: Vec<Value> = list(&raw["activeTargets"]).iter().map(detail).collect();
    agree("targets", &sorted(list(&ours["targets"]), instance), &sorted(&expected, instance));

    let (ours, raw) = live.both("targets", json!({ "view": "full" }), "targets", &[]).await;
    let mut expected = list(&raw["activeTargets"]).clone();
    for target in list(&raw["droppedTargets"]) {
        expected.push(target.clone());
        expected.last_mut().unwrap()["health"] = json!("dropped");
    }
    agree("full view", &sorted(list(&ours["targets"]), instance), &sorted(&expected, instance));

    assert_eq!(ours["by_health"], json!({ "down": 1, "dropped": 1, "up": 2 }));
    assert_eq!(ours["by_health"], counts(expected.iter().map(|target| target["health"].as_str().unwrap())));

    let down = live.ok("targets", json!({ "state": "down" })).await;
    let [broken] = &list(&down["targets"])[..] else { panic!("one is down: {down}") };
    assert_eq!(broken["url"], json!("http://127.0.0.1:1/metrics"));
    assert!(broken["last_error"].as_str().unwrap().contains("connection refused"), "{broken}");
    let jobs = async |arguments: Value| {
        let targets = live.pages("targets", arguments, 1, "targets").await;
        targets.iter().map(|target| target["job"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (arguments, expected) in [
        (json!({}), &["broken", "node", "prometheus", "dropped"][..]), // trouble comes first
        (json!({ "state": "active" }), &["broken", "node", "prometheus"]),
        (json!({ "state": "up" }), &["node", "prometheus"]),
        (json!({ "state": "down" }), &["broken"]),
        (json!({ "state": "unknown" }), &[]),
        (json!({ "state": "dropped" }), &["dropped"]),
        (json!({ "scrape_pool": "node" }), &["node"]),
        (json!({ "scrape_pool": "node", "state": "down" }), &[]),
    ] {
        assert_eq!(jobs(arguments.clone()).await, expected, "{arguments}");
    }
}

/// Names an alert among all.
fn named(alert: &Value) -> String {
    let name = alert["alertname"].as_str().or(alert["labels"]["alertname"].as_str()).unwrap();
    format!("{name} {}", alert["labels"]["slice"])
}

pub(super) async fn alerts(live: &Live) {
    let (ours, raw) = live.both("alerts", json!({}), "alerts", &[]).await;
    let brief = |alert: &Value| {
        let (mut labels, words) = (alert["labels"].as_object().unwrap().clone(), &alert["annotations"]);
        let mut out = json!({
            "alertname": labels.remove("alertname"), "labels": labels, "state": alert["state"], "active_since": alert["activeAt"],
            "value": alert["value"].as_str().unwrap().parse::<f64>().unwrap(),
        });
        if let Some(words) = words["summary"].as_str().or(words["description"].as_str()) {
            out["summary"] = json!(words);
        }
        out
    };
    let expected: Vec<Value> = list(&raw["alerts"]).iter().map(brief).collect();
    agree("alerts", &sorted(list(&ours["alerts"]), named), &sorted(&expected, named));
    let line =
        |name: &str, state: &str, count: usize| json!({ "alertname": name, "state": state, "count": count });
    let lines = [line("AlwaysFiring", "firing", 1), line("Seen", "firing", 4), line("NotYet", "pending", 1)];
    assert_eq!((&ours["by_name"], &ours["total"]), (&json!(lines), &json!(6)));
    let states = list(&raw["alerts"]).iter().map(|alert| alert["state"].as_str().unwrap());
    assert_eq!(ours["by_state"], counts(states));
    let pending = live.ok("alerts", json!({ "state": "pending" })).await;
    assert_eq!(pending["by_name"], json!(lines[2..]), "names are of what was asked for");
    let page = live.ok("alerts", json!({ "limit": 1 })).await;
    assert_eq!((&page["by_name"], list(&page["alerts"]).len()), (&json!(lines), 1), "and of all pages");
    let (ours, raw) = live.both("alerts", json!({ "view": "full" }), "alerts", &[]).await;
    agree("full view", &sorted(list(&ours["alerts"]), named), &sorted(list(&raw["alerts"]), named));

    // Prometheus lists alerts of one rule in another order every time; the pages still have each of them once.
    let pages = live.pages("alerts", json!({ "view": "full" }), 1, "alerts").await;
    agree("pages", &sorted(&pages, named), &sorted(list(&raw["alerts"]), named));
    let total = async |arguments: Value| live.ok("alerts", arguments).await["total"].take();
    assert_eq!(total(json!({ "state": "pending" })).await, json!(1));
    assert_eq!(total(json!({ "name": "Seen" })).await, json!(4));
    assert_eq!(total(json!({ "name": "Seen", "labels": { "slice": "inner_eval" } })).await, json!(1));
    assert_eq!(total(json!({ "labels": { "severity": "critical" } })).await, json!(0));
}

/// Every rule of Prometheus's groups, with its group and file.
fn of_groups(raw: &Value) -> Vec<Value> {
    let of_group = |group: &Value| {
        let (name, file) = (group["name"].clone(), group["file"].clone());
        let mut rules = list(&group["rules"]).clone();
        for rule in &mut rules {
            (rule["group"], rule["file"]) = (name.clone(), file.clone());
            if let Value::Array(alerts) = &mut rule["alerts"] {
                alerts.sort_by_cached_key(named);
            }
            if rule["type"] == "recording" {
                rule.as_object_mut().unwrap().remove("alerts"); // indexing put a null there
            }
        }
        rules
    };
    list(&raw["groups"]).iter().flat_map(of_group).collect()
}

pub(super) async fn rules(live: &Live) {
    let (ours, raw) = live.both("rules", json!({ "view": "full" }), "rules", &[]).await;
    let mut full = list(&ours["rules"]).clone();
    for rule in &mut full {
        if let Some(Value::Array(alerts)) = rule.get_mut("alerts") {
            alerts.sort_by_cached_key(named);
        }
    }
    agree("full view", &json!(full), &json!(of_groups(&raw)));
    let (ours, raw) = live.both("rules", json!({}), "rules", &[]).await;
    for (ours, theirs) in list(&ours["rules"]).iter().zip(of_groups(&raw)) {
        for field in ["name", "type", "group", "file", "query", "health"] {
            assert_eq!(ours[field], theirs[field], "{field}");
        }
        if theirs["type"] == "alerting" {
            assert_eq!((&ours["state"], &ours["for_seconds"]), (&theirs["state"], &theirs["duration"]));
            assert_eq!(ours["active_alerts"], json!(list(&theirs["alerts"]).len()));
        }
    }
    let names = async |arguments: Value| {
        let rules = live.pages("rules", arguments, 1, "rules").await;
        rules.iter().map(|rule| rule["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (arguments, expected) in [
        (json!({}), &["job:up:sum", "AlwaysFiring", "Seen", "NotYet"][..]),
        (json!({ "type": "alert" }), &["AlwaysFiring", "Seen", "NotYet"]),
        (json!({ "type": "record" }), &["job:up:sum"]),
        (json!({ "name": "AlwaysFiring" }), &["AlwaysFiring"]),
        (json!({ "state": "firing" }), &["AlwaysFiring", "Seen"]),
        (json!({ "group": "slow", "state": "pending" }), &["NotYet"]),
        (json!({ "group": "slow", "state": "firing" }), &[]),
        (json!({ "state": "inactive" }), &[]),
        (json!({ "state": "ok" }), &["job:up:sum", "AlwaysFiring", "Seen", "NotYet"]),
        (json!({ "state": "err" }), &[]),
    ] {
        assert_eq!(names(arguments.clone()).await, expected, "{arguments}");
    }
}

pub(super) async fn status(live: &Live) {
    let ours = live.ok("status", json!({ "include": ["build", "connection"] })).await;
    let build = live.data("status/buildinfo", &[]).await;
    let targets = live.data("query", &[("query", "count(up)")]).await["result"][0]["value"][1].take();
    assert_eq!(targets, json!("3"));
    let connection = json!({ "connected": true, "targets": { "total": 3, "up": 2 } });
    assert_eq!(ours, json!({ "build": build, "connection": connection }));

    let two = json!({ "include": ["build", "runtime"] });
    let (mut ours, runtime) = live.both("status", two, "status/runtimeinfo", &[]).await;
    ours["runtime"].as_object_mut().unwrap().remove("goroutineCount"); // asking changes it
    assert_eq!(ours, json!({ "build": build, "runtime": runtime }));
    assert_eq!(runtime["storageRetention"], json!("15d"));
    let usual = live.ok("status", json!({})).await;
    let parts: BTreeSet<&String> = usual.as_object().unwrap().keys().collect();
    assert!(parts.into_iter().eq(["build", "connection", "runtime"]), "{usual}");

    let two = json!({ "include": ["config", "flags"] });
    let (ours, flags) = live.both("status", two, "status/flags", &[]).await;
    assert_eq!(ours, json!({ "flags": flags, "config": live.data("status/config", &[]).await }));
    assert_eq!(ours["flags"]["web.enable-admin-api"], json!("true"));
    let (ours, raw) = live.both("status", json!({ "include": ["wal"] }), "status/walreplay", &[]).await;
    assert_eq!(ours, json!({ "wal": { "segments": raw, "percent": 100, "done": true } }));
    database(live).await;
    cardinality(live).await;
}

/// The head of the database.
async fn database(live: &Live) {
    let (ours, raw) = live.both("status", json!({ "include": ["tsdb"] }), "status/tsdb", &[]).await;
    let runtime = live.data("status/runtimeinfo", &[]).await;
    let head = &raw["headStats"];
    for (field, theirs) in [
        ("series", &head["numSeries"]),
        ("label_pairs", &head["numLabelPairs"]),
        ("chunks", &head["chunkCount"]),
        ("retention", &runtime["storageRetention"]),
        ("corruptions", &runtime["corruptionCount"]),
        ("started_at", &runtime["startTime"]),
    ] {
        assert_eq!((&ours["tsdb"][field], theirs.is_null()), (theirs, false), "{field}");
    }
    for (field, theirs) in [("oldest_sample", &head["minTime"]), ("newest_sample", &head["maxTime"])] {
        let (written, millis) = (ours["tsdb"][field].as_str().unwrap(), theirs.as_i64().unwrap());
        assert_eq!(written[..19], rfc3339(millis / 1000)[..19], "{field}");
    }
}

/// Which names and labels have the most series.
async fn cardinality(live: &Live) {
    let two = json!({ "include": ["cardinality", "tsdb"] });
    let (ours, raw) = live.both("status", two, "status/tsdb", &[]).await;
    assert_eq!(ours["tsdb"]["series"], raw["headStats"]["numSeries"]);
    let ours = &ours["cardinality"];
    let one = live.ok("status", json!({ "include": ["cardinality"], "limit": 1 })).await;
    let one = &one["cardinality"];
    for (table, theirs) in [
        ("series_by_metric", "seriesCountByMetricName"),
        ("values_by_label", "labelValueCountByLabelName"),
        ("memory_bytes_by_label", "memoryInBytesByLabelName"),
        ("series_by_label_pair", "seriesCountByLabelValuePair"),
    ] {
        // Which of those that are as many as the last comes last, is left to chance.
        let firm = |rows: &Value| {
            let rows = list(rows);
            let value = |row: &Value| row["value"].as_i64().unwrap();
            let named: Vec<Value> =
                rows.iter().filter(|row| value(row) > value(&rows[rows.len() - 1])).cloned().collect();
            let mut values: Vec<i64> = rows.iter().map(value).collect();
            values.sort_by_key(|value| Reverse(*value));
            (sorted(&named, Value::to_string), values)
        };
        assert_eq!(firm(&ours[table]), firm(&raw[theirs]), "{table}");
        assert_eq!(
            (list(&one[table]).len(), &one[table][0]["value"]),
            (1, &raw[theirs][0]["value"]),
            "{table}"
        );
    }
    assert_eq!(ours["values_by_label"][0]["name"], json!("__name__"));
}

pub(super) async fn create_snapshot(live: &Live) {
    let snapshots = live.prometheus.snapshots();
    assert!(!snapshots.exists(), "nothing else made one");
    let mut blocks = BTreeMap::new();
    for skip_head in [true, false] {
        let ours = live.ok("create_snapshot", json!({ "skip_head": skip_head })).await;
        let folder = snapshots.join(ours["name"].as_str().unwrap());
        blocks.insert(skip_head, std::fs::read_dir(folder).unwrap().count());
    }
    assert_eq!(
        blocks,
        BTreeMap::from([(true, 0), (false, 1)]),
        "so new a Prometheus has all its data in the head"
    );
}
