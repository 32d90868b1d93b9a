//! Targets, alerts, rules and the server itself: one check for each tool.

use std::{cmp::Reverse, collections::BTreeMap};

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

/// A line for each of Prometheus's targets.
fn target_lines(raw: &Value) -> Vec<Value> {
    let active = list(&raw["activeTargets"]).iter().map(|target| {
        json!({ "job": target["labels"]["job"], "instance": target["labels"]["instance"], "health": target["health"] })
    });
    let dropped = list(&raw["droppedTargets"]).iter().map(|target| {
        let labels = &target["discoveredLabels"];
        json!({ "job": labels["job"], "instance": labels["__address__"], "health": "dropped" })
    });
    active.chain(dropped).collect()
}

pub(super) async fn targets_summary(live: &Live) {
    let (ours, raw) = live.both("targets_summary", json!({}), "targets", &[]).await;
    let lines = target_lines(&raw);
    assert_eq!(sorted(list(&ours["targets"]), instance), sorted(&lines, instance));
    assert_eq!(ours["by_health"], json!({ "down": 1, "dropped": 1, "up": 2 }));
    assert_eq!(ours["by_health"], counts(lines.iter().map(|line| line["health"].as_str().unwrap())));
    let health: Vec<&Value> = list(&ours["targets"]).iter().map(|target| &target["health"]).collect();
    assert_eq!(health, ["down", "up", "up", "dropped"], "trouble comes first");
    assert_eq!(&live.pages("targets_summary", json!({}), 3, "targets").await, list(&ours["targets"]));
    for (state, key) in [("active", "activeTargets"), ("dropped", "droppedTargets")] {
        let (ours, raw) =
            live.both("targets_summary", json!({ "state": state }), "targets", &[("state", state)]).await;
        assert_eq!(ours["total"], json!(list(&raw[key]).len()), "{state}");
    }
}

pub(super) async fn get_targets(live: &Live) {
    let (ours, raw) =
        live.both("get_targets", json!({ "state": "active" }), "targets", &[("state", "active")]).await;
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

    let (ours, raw) = live.both("get_targets", json!({ "view": "full" }), "targets", &[]).await;
    let mut expected = list(&raw["activeTargets"]).clone();
    for target in list(&raw["droppedTargets"]) {
        expected.push(target.clone());
        expected.last_mut().unwrap()["health"] = json!("dropped");
    }
    agree("full view", &sorted(list(&ours["targets"]), instance), &sorted(&expected, instance));

    let down = live.ok("get_targets", json!({ "health": "down" })).await;
    let [broken] = &list(&down["targets"])[..] else { panic!("one is down: {down}") };
    assert_eq!(broken["url"], json!("http://127.0.0.1:1/metrics"));
    assert!(broken["last_error"].as_str().unwrap().contains("connection refused"), "{broken}");
    for (arguments, job) in
        [(json!({ "scrape_pool": "node" }), "node"), (json!({ "state": "dropped" }), "dropped")]
    {
        let ours = live.ok("get_targets", arguments).await;
        assert_eq!((&ours["total"], &ours["targets"][0]["job"]), (&json!(1), &json!(job)));
    }
    let jobs = live.pages("get_targets", json!({}), 1, "targets").await;
    let jobs: Vec<&Value> = jobs.iter().map(|target| &target["job"]).collect();
    assert_eq!(jobs, ["broken", "node", "prometheus", "dropped"]);
}

/// Names an alert among all.
fn labels(alert: &Value) -> String {
    let name = alert["alertname"].as_str().or(alert["labels"]["alertname"].as_str()).unwrap();
    format!("{name} {}", alert["labels"]["slice"])
}

pub(super) async fn alerts_summary(live: &Live) {
    let (ours, raw) = live.both("alerts_summary", json!({}), "alerts", &[]).await;
    let line =
        |name: &str, state: &str, count: usize| json!({ "alertname": name, "state": state, "count": count });
    let lines = [line("AlwaysFiring", "firing", 1), line("Seen", "firing", 4), line("NotYet", "pending", 1)];
    assert_eq!((&ours["alerts"], &ours["total"]), (&json!(lines), &json!(3)));
    let states = list(&raw["alerts"]).iter().map(|alert| alert["state"].as_str().unwrap());
    assert_eq!(ours["by_state"], counts(states));
    assert_eq!(live.pages("alerts_summary", json!({}), 2, "alerts").await, lines);
    let pending = live.ok("alerts_summary", json!({ "state": "pending" })).await;
    assert_eq!(pending["alerts"], json!(lines[2..]));
}

pub(super) async fn get_alerts(live: &Live) {
    let (ours, raw) = live.both("get_alerts", json!({}), "alerts", &[]).await;
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
    agree("alerts", &sorted(list(&ours["alerts"]), labels), &sorted(&expected, labels));
    let (ours, raw) = live.both("get_alerts", json!({ "view": "full" }), "alerts", &[]).await;
    agree("full view", &sorted(list(&ours["alerts"]), labels), &sorted(list(&raw["alerts"]), labels));

    // Prometheus lists alerts of one rule in another order every time; the pages still have each of them once.
    let pages = live.pages("get_alerts", json!({ "view": "full" }), 1, "alerts").await;
    agree("pages", &sorted(&pages, labels), &sorted(list(&raw["alerts"]), labels));
    let total = async |arguments: Value| live.ok("get_alerts", arguments).await["total"].take();
    assert_eq!(total(json!({ "state": "pending" })).await, json!(1));
    assert_eq!(total(json!({ "name": "Seen" })).await, json!(4));
    assert_eq!(total(json!({ "name": "Seen", "labels": { "slice": "inner_eval" } })).await, json!(1));
    assert_eq!(total(json!({ "labels": { "severity": "critical" } })).await, json!(0));
}

/// Every rule of Prometheus's groups, with its group and file.
fn rules(raw: &Value) -> Vec<Value> {
    let of_group = |group: &Value| {
        let (name, file) = (group["name"].clone(), group["file"].clone());
        let mut rules = list(&group["rules"]).clone();
        for rule in &mut rules {
            (rule["group"], rule["file"]) = (name.clone(), file.clone());
            if let Value::Array(alerts) = &mut rule["alerts"] {
                alerts.sort_by_cached_key(labels);
            }
            if rule["type"] == "recording" {
                rule.as_object_mut().unwrap().remove("alerts"); // indexing put a null there
            }
        }
        rules
    };
    list(&raw["groups"]).iter().flat_map(of_group).collect()
}

pub(super) async fn rules_summary(live: &Live) {
    let (ours, raw) = live.both("rules_summary", json!({}), "rules", &[]).await;
    let line = |rule: &Value| {
        let mut out = json!({ "name": rule["name"], "type": rule["type"], "group": rule["group"] });
        if rule["type"] == "alerting" {
            out["state"] = rule["state"].clone();
        }
        out
    };
    let lines: Vec<Value> = rules(&raw).iter().map(line).collect();
    assert_eq!((&ours["rules"], &ours["total"]), (&json!(lines), &json!(4)));
    assert_eq!(ours["by_type"], counts(lines.iter().map(|rule| rule["type"].as_str().unwrap())));
    assert_eq!(live.pages("rules_summary", json!({}), 3, "rules").await, lines);
    let (ours, raw) =
        live.both("rules_summary", json!({ "type": "record" }), "rules", &[("type", "record")]).await;
    assert_eq!((&ours["total"], rules(&raw).len()), (&json!(1), 1));
}

pub(super) async fn get_rules(live: &Live) {
    let (ours, raw) = live.both("get_rules", json!({ "view": "full" }), "rules", &[]).await;
    let mut full = list(&ours["rules"]).clone();
    for rule in &mut full {
        if let Some(Value::Array(alerts)) = rule.get_mut("alerts") {
            alerts.sort_by_cached_key(labels);
        }
    }
    agree("full view", &json!(full), &json!(rules(&raw)));
    let (ours, raw) = live.both("get_rules", json!({}), "rules", &[]).await;
    for (ours, theirs) in list(&ours["rules"]).iter().zip(rules(&raw)) {
        for field in ["name", "type", "group", "file", "query", "health"] {
            assert_eq!(ours[field], theirs[field], "{field}");
        }
        if theirs["type"] == "alerting" {
            assert_eq!((&ours["state"], &ours["for_seconds"]), (&theirs["state"], &theirs["duration"]));
            assert_eq!(ours["active_alerts"], json!(list(&theirs["alerts"]).len()));
        }
    }
    let names = async |arguments: Value| {
        let rules = live.pages("get_rules", arguments, 1, "rules").await;
        rules.iter().map(|rule| rule["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let file = rules(&raw)[0]["file"].clone();
    assert_eq!(names(json!({ "file": file })).await, ["job:up:sum", "AlwaysFiring", "Seen", "NotYet"]);
    assert_eq!(names(json!({ "type": "alert" })).await, ["AlwaysFiring", "Seen", "NotYet"]);
    assert_eq!(names(json!({ "name": "AlwaysFiring" })).await, ["AlwaysFiring"]);
    assert_eq!(names(json!({ "group": "slow", "state": "pending" })).await, ["NotYet"]);
    assert_eq!(names(json!({ "health": "err" })).await, [""; 0]);
}

pub(super) async fn test_connection(live: &Live) {
    let ours = live.ok("test_connection", json!({})).await;
    let build = live.data("status/buildinfo", &[]).await;
    let targets = live.data("query", &[("query", "count(up)")]).await["result"][0]["value"][1].take();
    assert_eq!((&targets, &ours["targets"]), (&json!("3"), &json!({ "total": 3, "up": 2 })));
    assert_eq!((&ours["connected"], &ours["version"]), (&json!(true), &build["version"]));
}

pub(super) async fn get_server_info(live: &Live) {
    let ours = live.ok("get_server_info", json!({})).await;
    assert_eq!(ours.as_object().unwrap().keys().collect::<Vec<_>>(), ["build", "runtime"]);
    assert_eq!(ours["build"], live.data("status/buildinfo", &[]).await);
    let every = json!({ "include": ["config", "flags"], "config_length": 200_000 });
    let (ours, flags) = live.both("get_server_info", every, "status/flags", &[]).await;
    let config = live.data("status/config", &[]).await;
    assert_eq!(ours, json!({ "flags": flags, "config": config }));
    let ours = live.ok("get_server_info", json!({ "include": ["flags"], "flag": "web.enable" })).await;
    let named = |name: &&String| name.contains("web.enable");
    assert!(ours["flags"].as_object().unwrap().keys().eq(flags.as_object().unwrap().keys().filter(named)));
    assert_eq!(ours["flags"]["web.enable-admin-api"], json!("true"));
    let ours = live.ok("get_server_info", json!({ "include": ["config"], "config_length": 20 })).await;
    let yaml = config["yaml"].as_str().unwrap();
    assert_eq!(ours["config"], json!({ "yaml": yaml[..20], "left_out_characters": yaml.len() - 20 }));
}

pub(super) async fn get_runtime_info(live: &Live) {
    let (mut ours, runtime) = live.both("get_runtime_info", json!({}), "status/runtimeinfo", &[]).await;
    ours["runtime"].as_object_mut().unwrap().remove("goroutineCount"); // asking changes it
    assert_eq!(ours, json!({ "build": live.data("status/buildinfo", &[]).await, "runtime": runtime }));
    assert_eq!(runtime["storageRetention"], json!("15d"));
}

pub(super) async fn get_tsdb_stats(live: &Live) {
    let (ours, raw) = live.both("get_tsdb_stats", json!({}), "status/tsdb", &[]).await;
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
        assert_eq!((&ours[field], theirs.is_null()), (theirs, false), "{field}");
    }
    for (field, theirs) in [("oldest_sample", &head["minTime"]), ("newest_sample", &head["maxTime"])] {
        let (written, millis) = (ours[field].as_str().unwrap(), theirs.as_i64().unwrap());
        assert_eq!(written[..19], rfc3339(millis / 1000)[..19], "{field}");
    }
}

pub(super) async fn get_tsdb_status(live: &Live) {
    let (ours, raw) = live.both("get_tsdb_status", json!({}), "status/tsdb", &[]).await;
    let one = live.ok("get_tsdb_status", json!({ "limit": 1 })).await;
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
    assert_eq!(ours["head"]["series"], raw["headStats"]["numSeries"]);
}

pub(super) async fn get_wal_replay_status(live: &Live) {
    let (ours, raw) = live.both("get_wal_replay_status", json!({}), "status/walreplay", &[]).await;
    assert_eq!(ours, json!({ "segments": raw, "percent": 100, "done": true }));
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
