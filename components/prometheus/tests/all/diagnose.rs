//! `diagnose`: each finding with its evidence, silence when all is well, and why one alert fires or not.

use double_kit::wire;

use super::*;

/// A played Prometheus, which has something wrong in most places.
fn played() -> Mock {
    wire::mock(double_prometheus::double(NOW as f64)).at(clock())
}

fn diagnosed(arguments: Value) -> (Value, Mock) {
    let mock = played();
    let url = json!({ "url": "http://prometheus:9090" });
    let output = testing::call::<Prometheus>(url, &mock, "diagnose", arguments).unwrap();
    (output.structured().cloned().unwrap(), mock)
}

fn findings(answer: &Value) -> Vec<&str> {
    answer["findings"].as_array().unwrap().iter().map(|found| found["finding"].as_str().unwrap()).collect()
}

fn finding<'a>(answer: &'a Value, rule: &str) -> &'a Value {
    answer["findings"].as_array().unwrap().iter().find(|found| found["finding"] == rule).unwrap()
}

/// A Prometheus with nothing in it, but for what a test puts there.
fn scripted(changes: &[(&str, Value)]) -> Mock {
    let usual = [
        ("targets?state=active", json!({ "activeTargets": [] })),
        ("rules", json!({ "groups": [] })),
        (
            "status/runtimeinfo",
            json!({ "reloadConfigSuccess": true, "corruptionCount": 0, "startTime": "2026-01-01T00:00:00Z" }),
        ),
        ("status/tsdb", json!({ "headStats": { "numSeries": 10 } })),
        ("status/walreplay", json!({ "min": 0, "max": 3, "current": 3 })),
        ("alertmanagers", json!({ "activeAlertmanagers": [], "droppedAlertmanagers": [] })),
    ];
    let mock = wire_counters(&[]);
    usual.into_iter().fold(mock, |mock, (path, data)| {
        let data =
            changes.iter().find(|(changed, _)| *changed == path).map_or(data, |(_, data)| data.clone());
        mock.on(Method::Get, &at(path), 200, success(&data))
    })
}

/// Answers the query for Prometheus's counters, which is long.
fn wire_counters(series: &[Value]) -> Mock {
    let matrix = success(&json!({ "resultType": "matrix", "result": series })).to_string();
    mock().serving(move |sent| {
        let status = if sent.url.contains("/query_range") { 200 } else { 501 };
        double_kit::Reply::new(status, "application/json", matrix.clone()).into()
    })
}

#[test]
fn everything_is_asked_for_at_once() {
    let (answer, mock) = diagnosed(json!({}));
    assert_eq!([mock.requests().len(), mock.in_flight_at_most()], [7, 7]);
    assert_eq!(answer["summary"], "targets up: 4 of 7; alerts firing or pending: 3; findings: 8");
    assert_eq!(answer.get("missing"), None);
}

#[test]
fn every_rule_finds_what_it_looks_for() {
    let (answer, _) = diagnosed(json!({}));
    assert_eq!(
        findings(&answer),
        [
            "targets_down",
            "targets_down",
            "rules_failing",
            "something_is_lost",
            "rule_groups_slow",
            "scrapes_near_timeout",
            "metric_is_large",
            "label_is_large",
        ]
    );
    let next = |rule: &str| finding(&answer, rule)["next"].as_str().unwrap().len();
    assert!(findings(&answer).into_iter().all(|rule| next(rule) > 20));
}

#[test]
fn targets_that_are_down_are_grouped_by_job_and_cause() {
    let (answer, _) = diagnosed(json!({}));
    assert_eq!(
        answer["findings"][0],
        json!({
            "finding": "targets_down",
            "says": "job node: 2 of 3 targets down: connection refused",
            "evidence": {
                "job": "node", "cause": "connection refused", "instances": ["node-2:9100", "node-3:9100"],
                "last_error": "Get \"http://node-2:9100/metrics\": dial tcp 10.0.0.2:9100: connect: connection refused",
                "last_scrape": "2026-01-31T11:59:55Z",
            },
            "next": "nothing listens there: is the process running, and on that port?",
        })
    );
    assert_eq!(answer["findings"][1]["says"], "job api: 1 of 2 targets down: timeout");
    let one = json!({ "labels": { "job": "x", "instance": "x:1" }, "health": "down", "lastError": "server returned HTTP status 401 Unauthorized" });
    let mock = scripted(&[("targets?state=active", json!({ "activeTargets": [one] }))]);
    let alone = call(&mock, "diagnose", json!({})).unwrap();
    assert_eq!(alone["findings"][0]["says"], "job x: 1 of 1 targets down: not authorized");
}

#[test]
fn each_cause_of_a_failed_scrape_is_told_apart() {
    for (error, cause) in [
        ("dial tcp: lookup x on 10.0.0.1:53: no such host", "name not found"),
        ("dial tcp 10.0.0.1:80: i/o timeout", "timeout"),
        ("dial tcp 10.0.0.1:80: connect: no route to host", "no route"),
        ("read tcp: connection reset by peer", "connection broken"),
        ("tls: failed to verify certificate: x509: certificate has expired", "TLS"),
        ("server returned HTTP status 403 Forbidden", "not authorized"),
        ("server returned HTTP status 404 Not Found", "path not found"),
        ("server returned HTTP status 503 Service Unavailable", "target answers with an error"),
        ("sample limit exceeded", "limit exceeded"),
        ("expected a valid start token, got \"<\"", "no metrics there"),
        ("something new", "other"),
    ] {
        let target =
            json!({ "labels": { "job": "x", "instance": "x:1" }, "health": "down", "lastError": error });
        let mock = scripted(&[("targets?state=active", json!({ "activeTargets": [target] }))]);
        let answer = call(&mock, "diagnose", json!({})).unwrap();
        assert_eq!(answer["findings"][0]["evidence"]["cause"], cause, "{error}");
    }
}

#[test]
fn rules_that_fail_or_are_slow_are_named_with_the_reason() {
    let (answer, _) = diagnosed(json!({}));
    let failing = finding(&answer, "rules_failing");
    assert_eq!(failing["says"], "rules that fail to evaluate: 1 (alerts that cannot fire: 1)");
    assert_eq!(
        [&failing["evidence"]["rules"], &failing["evidence"]["groups"]],
        [&json!(["Broken"]), &json!(["broken"])]
    );
    assert!(failing["evidence"]["last_error"].as_str().unwrap().starts_with("found duplicate series"));
    assert_eq!(
        finding(&answer, "rule_groups_slow")["evidence"],
        json!({ "groups": [{ "group": "services", "took_seconds": 55.0, "interval_seconds": 60.0, "slowest_rule": "TargetDown" }] })
    );
}

#[test]
fn what_is_lost_is_read_from_prometheuss_own_counters() {
    let (answer, mock) = diagnosed(json!({}));
    assert_eq!(
        finding(&answer, "something_is_lost"),
        &json!({
            "finding": "something_is_lost",
            "says": "notifications were dropped: alerts did not reach Alertmanager: 12 in the last hour",
            "evidence": {
                "metric": "prometheus_notifications_dropped_total", "increase": 12,
                "series": ["prometheus_notifications_dropped_total{instance=\"prometheus:9090\", job=\"prometheus\"}"],
            },
            "next": "check Alertmanager and the queue's capacity",
        })
    );
    assert!(mock.requests().iter().any(|sent| sent.url.contains("start=1769857200&end=1769860800&step=900")));
    let metric = json!({ "__name__": "prometheus_tsdb_compactions_failed_total" });
    let restarted = json!({ "metric": metric, "values": [[1, "7"], [2, "8"], [3, "2"]] });
    let mock = [("status/walreplay", json!({ "min": 0, "max": 0, "current": 0 }))]
        .into_iter()
        .fold(wire_counters(&[restarted]), |mock, (path, data)| {
            mock.on(Method::Get, &at(path), 200, success(&data))
        });
    let answer = call(&mock, "diagnose", json!({})).unwrap();
    assert_eq!(
        answer["findings"][0]["says"], "compactions failed: 3 in the last hour",
        "one before the restart, two after"
    );
}

#[test]
fn the_database_names_what_makes_it_large() {
    let (answer, _) = diagnosed(json!({}));
    assert_eq!(
        finding(&answer, "metric_is_large")["evidence"],
        json!({ "metric": "http_request_path_total", "series": 20_000, "total_series": 50_000 })
    );
    assert_eq!(
        finding(&answer, "label_is_large")["says"],
        "the label path has 8000 values",
        "not the names of metrics"
    );
    assert_eq!(
        finding(&answer, "scrapes_near_timeout")["evidence"]["targets"],
        json!([{ "job": "slow", "instance": "slow:9000", "took_seconds": 9.5, "timeout": "10s" }])
    );
}

#[test]
fn what_fires_is_told_by_rule_longest_first() {
    let (answer, _) = diagnosed(json!({}));
    assert_eq!(
        answer["firing"],
        json!([
            { "alertname": "HighLoad", "state": "firing", "count": 1, "since": "2026-01-31T11:30:00Z", "for": "30m",
              "labels": { "severity": "warning" }, "first": { "severity": "warning", "instance": "node-1:9100", "job": "node" },
              "value": 9, "summary": "HighLoad!" },
            { "alertname": "TargetDown", "state": "firing", "count": 3, "since": "2026-01-31T11:45:00Z", "for": "15m",
              "labels": { "severity": "critical" }, "first": { "severity": "critical", "instance": "api-2:8080", "job": "api" },
              "value": 0, "summary": "TargetDown!" },
            { "alertname": "MemoryHigh", "state": "pending", "count": 1, "since": "2026-01-31T11:58:00Z", "for": "2m",
              "labels": { "severity": "warning" }, "first": { "severity": "warning", "instance": "prometheus:9090", "job": "prometheus" },
              "value": 400_000_000, "summary": "MemoryHigh!" },
        ])
    );
    let (few, _) = diagnosed(json!({ "limit": 1 }));
    assert_eq!(few["left_out"], json!({ "findings": 7, "firing": 2 }));
    assert_eq!([few["findings"].as_array().unwrap().len(), few["firing"].as_array().unwrap().len()], [1, 1]);
}

#[test]
fn when_all_is_well_nothing_is_found() {
    let answer = call(&scripted(&[]), "diagnose", json!({})).unwrap();
    assert_eq!(
        answer,
        json!({ "summary": "targets up: 0 of 0; alerts firing or pending: 0; findings: 0", "findings": [], "firing": [] })
    );
}

#[test]
fn the_server_itself_is_looked_at() {
    let runtime = |changes: Value| {
        let mut runtime = json!({ "reloadConfigSuccess": true, "corruptionCount": 0, "startTime": "2026-01-01T00:00:00Z",
                                  "lastConfigTime": "2026-01-30T00:00:00Z" });
        runtime.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        ("status/runtimeinfo", runtime)
    };
    let rule = json!({ "groups": [{ "name": "g", "rules": [{ "name": "A", "type": "alerting", "state": "firing", "health": "ok", "alerts": [] }] }] });
    for (change, rule, says) in [
        (
            runtime(json!({ "reloadConfigSuccess": false })),
            "reload_failed",
            "the last reload of the configuration failed: the one before is still in use",
        ),
        (
            runtime(json!({ "corruptionCount": 2 })),
            "log_was_corrupted",
            "the write-ahead log was found corrupted: samples are lost",
        ),
        (
            runtime(json!({ "startTime": "2026-01-31T11:55:00Z" })),
            "started_recently",
            "Prometheus started 5m ago: alerts that wait (`for`) may have begun anew",
        ),
        (
            ("rules", rule),
            "nobody_is_notified",
            "no Alertmanager is there to tell; alerting rules: 1, firing: 1",
        ),
        (
            ("status/walreplay", json!({ "min": 0, "max": 10, "current": 4 })),
            "log_is_replayed",
            "Prometheus is starting: 40 % of its log is replayed; until then queries fail",
        ),
    ] {
        let answer = call(&scripted(&[change]), "diagnose", json!({})).unwrap();
        assert_eq!(findings(&answer), [rule]);
        assert_eq!(answer["findings"][0]["says"], says);
    }
}

#[test]
fn a_server_that_is_starting_is_diagnosed_from_what_it_says() {
    let mock = mock().on(
        Method::Get,
        &at("status/walreplay"),
        200,
        success(&json!({ "min": 0, "max": 10, "current": 4 })),
    );
    let mock = mock.serving(|_| double_kit::Reply::text(503, "Service Unavailable").into());
    let answer = call(&mock, "diagnose", json!({})).unwrap();
    assert_eq!(findings(&answer), ["log_is_replayed"]);
    assert_eq!(answer["missing"]["targets"], "the upstream is unavailable (503): Service Unavailable");
    assert_eq!(answer["missing"].as_object().unwrap().len(), 6);
}

fn explained(alert: &str) -> Value {
    let (answer, mock) = diagnosed(json!({ "alert": alert }));
    assert!(mock.requests().len() <= 4);
    assert_eq!(mock.in_flight_at_most(), mock.requests().len() - 1, "all at once, after the rule");
    answer
}

#[test]
fn an_alert_that_fires_is_explained_by_its_values_and_their_trend() {
    let answer = explained("HighLoad");
    assert_eq!(answer["summary"], "HighLoad: it fires (alerts: 1), the oldest active for 30m");
    let rule = &answer["rules"][0];
    assert_eq!([&rule["rule"]["query"], &rule["rule"]["group"]], ["node_load1 > 4", "nodes"]);
    assert_eq!(
        rule["parts"],
        json!([{
            "expression": "node_load1 > 4", "operator": ">", "threshold": 4, "total": 1,
            "values": [{ "metric": "node_load1", "labels": { "instance": "node-1:9100", "job": "node" }, "value": 9, "holds": true }],
        }])
    );
    assert_eq!(
        rule["alerts"][0]["labels"],
        json!({ "severity": "warning", "instance": "node-1:9100", "job": "node" })
    );
    let trend = &rule["trend"];
    assert_eq!(
        [&trend["query"], &trend["start"], &trend["step"]],
        ["node_load1", "2026-01-31T11:00:00Z", "5m"]
    );
    assert_eq!([&trend["series"][0]["stats"]["first"], &trend["series"][0]["stats"]["last"]], [2, 9]);
}

#[test]
fn each_state_has_its_sentence() {
    for (alert, says) in [
        ("LowLoad", "it does not fire: the nearest value is 9, the threshold 0.1"),
        (
            "NoTraffic",
            "it does not fire: part 1 has no series at all, so a metric or label may be missing or misspelt",
        ),
        ("MemoryHigh", "it waits: true for 2m of 10m (`for`), fires in 8m"),
        ("load:sum", "it records its expression under its name"),
        ("TargetDown", "it fires (alerts: 3), the oldest active for 15m"),
    ] {
        assert_eq!(explained(alert)["summary"], format!("{alert}: {says}"));
    }
    let broken = explained("Broken")["summary"].as_str().unwrap().to_owned();
    assert!(broken.starts_with("Broken: it fails to evaluate: found duplicate series"), "{broken}");
}

#[test]
fn every_condition_is_measured_by_itself() {
    let rule = explained("MemoryHigh")["rules"][0].clone();
    let parts = rule["parts"].as_array().unwrap();
    assert_eq!(
        [&parts[0]["expression"], &parts[1]["expression"]],
        ["process_resident_memory_bytes > 3e8", "up == 1"]
    );
    let holds: Vec<&Value> =
        parts[0]["values"].as_array().unwrap().iter().map(|value| &value["holds"]).collect();
    assert_eq!(holds, [true, false]);
    assert_eq!([&parts[1]["total"], &parts[1]["values"].as_array().unwrap().len().into()], [7, 5]);
}

#[test]
fn a_part_that_cannot_be_evaluated_says_why() {
    let part = explained("Broken")["rules"][0]["parts"][0].clone();
    assert!(part["error"].as_str().unwrap().contains("parse error"), "{part}");
}

#[test]
fn an_unknown_alert_is_named() {
    let mock = played();
    let url = json!({ "url": "http://prometheus:9090" });
    assert_eq!(
        testing::call::<Prometheus>(url, &mock, "diagnose", json!({ "alert": "highload" })).unwrap_err(),
        Error::not_found(
            "there is no rule `highload`: `rules` lists those there are; names are case-sensitive"
        )
    );
}
