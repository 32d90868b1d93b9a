//! Alert rules, their state, and where notifications go.

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::world::{World, moment};
use crate::{done, missing, refused};

/// The ruler's answer: `slow` fires, `lost` cannot be evaluated, `quiet` has no data, `disk` is about to fire.
pub(crate) fn state(world: &World) -> Reply {
    let of = |rule: &Value| {
        let uid = rule["uid"].as_str().unwrap();
        let (state, health, word) = match uid {
            "slow" => ("firing", "ok", "Alerting"),
            "lost" => ("firing", "error", "Error"),
            "quiet" => ("firing", "nodata", "NoData"),
            "disk" => ("pending", "ok", "Pending"),
            _ => ("inactive", "ok", "Normal"),
        };
        let mut labels = rule["labels"].clone();
        labels["alertname"] = rule["title"].clone();
        labels["grafana_folder"] = json!(world.folder_title(rule["folderUID"].as_str().unwrap()));
        let since = if state == "inactive" { 900.0 } else { 45.0 };
        let mut alert = json!({ "labels": labels, "annotations": rule["annotations"], "state": word,
            "activeAt": moment(world.now - since * 60.0), "value": "" });
        let mut out = json!({ "uid": uid, "folderUid": rule["folderUID"], "name": rule["title"], "query": "up",
            "labels": rule["labels"], "annotations": rule["annotations"], "state": state, "health": health,
            "type": "alerting", "duration": 300, "lastEvaluation": moment(world.now - 20.0), "evaluationTime": 0.01 });
        if uid == "slow" {
            alert["value"] = json!("1.3e+00");
        }
        if uid == "lost" {
            out["lastError"] = json!("failed to query data: connection refused");
        }
        out["totals"] = json!({ word.to_lowercase(): if uid == "slow" { 140 } else { 1 } });
        out["alerts"] = json!([alert]);
        out
    };
    let mut groups: Vec<Value> = Vec::new();
    for rule in world.rules.iter().filter(|rule| rule["isPaused"] != true) {
        let (folder, name) = (rule["folderUID"].as_str().unwrap(), &rule["ruleGroup"]);
        let title = world.folder_title(folder);
        let place = groups.iter().position(|group| group["file"] == title && group["name"] == *name);
        let place = place.unwrap_or_else(|| {
            groups.push(json!({ "name": name, "file": title, "folderUid": folder, "rules": [], "interval": interval(world, rule),
                "lastEvaluation": moment(world.now - 20.0), "evaluationTime": 0.01 }));
            groups.len() - 1
        });
        groups[place]["rules"].as_array_mut().unwrap().push(of(rule));
    }
    done(&json!({ "status": "success", "data": { "groups": groups } }))
}

fn key(rule: &Value) -> String {
    format!("{}/{}", rule["folderUID"].as_str().unwrap(), rule["ruleGroup"].as_str().unwrap())
}

fn interval(world: &World, rule: &Value) -> u64 {
    world.intervals.get(&key(rule)).copied().unwrap_or(60)
}

pub(crate) fn provisioning(world: &mut World, method: &str, path: &[&str], request: &Request) -> Reply {
    match (method, path) {
        (_, ["alert-rules", rest @ ..]) => alert_rules(world, method, rest, request),
        (_, ["folder", folder, "rule-groups", group]) => {
            rule_group(world, method, folder, group, &request.json())
        }
        ("GET", ["contact-points"]) => done(&json!([
            { "uid": "cp1", "name": "shop-team", "type": "slack", "disableResolveMessage": false,
              "settings": { "recipient": "#shop", "url": "[REDACTED]" } },
            { "uid": "cp2", "name": "infra-team", "type": "webhook", "disableResolveMessage": true,
              "settings": { "url": "https://hooks.example.com/T0/secret-path", "httpMethod": "POST" } },
        ])),
        ("GET", ["policies"]) => {
            done(&json!({ "receiver": "infra-team", "group_by": ["alertname"], "routes": [
                { "receiver": "shop-team", "object_matchers": [["team", "=", "shop"]], "mute_time_intervals": ["nights"] },
            ]}))
        }
        ("GET", ["mute-timings"]) => done(&json!([{ "name": "nights", "time_intervals": [] }])),
        ("GET", ["templates"]) => done(
            &json!([{ "name": "short", "template": "{{ define \"short\" }}x{{ end }}", "provenance": "" }]),
        ),
        _ => missing("Not found"),
    }
}

fn alert_rules(world: &mut World, method: &str, path: &[&str], request: &Request) -> Reply {
    let body = request.json();
    let provenance = if request.header("x-disable-provenance").is_some() { "" } else { "api" };
    let place = path.first().and_then(|uid| world.rules.iter().position(|rule| rule["uid"] == *uid));
    let now = world.now;
    let kept = |mut rule: Value, world: &mut World| {
        if !world.folders.iter().any(|folder| folder["uid"] == rule["folderUID"]) {
            return Err(refused(400, "invalid alert rule: folder does not exist"));
        }
        rule["updated"] = json!(moment(now));
        rule["provenance"] = json!(provenance);
        Ok(rule)
    };
    match (method, path, place) {
        ("GET", [], _) => done(&world.rules.clone().into()),
        ("POST", [], _) => {
            let number = world.number();
            let mut rule = body;
            if rule["uid"].is_null() {
                rule["uid"] = json!(format!("r{number}"));
            }
            match kept(rule, world) {
                Ok(rule) => {
                    world.rules.push(rule.clone());
                    Reply::json(201, &rule)
                }
                Err(refusal) => refusal,
            }
        }
        ("GET", _, Some(place)) => done(&world.rules[place]),
        ("PUT", _, Some(place)) => match kept(body, world) {
            Ok(rule) => {
                world.rules[place] = rule.clone();
                done(&rule)
            }
            Err(refusal) => refusal,
        },
        ("DELETE", _, Some(place)) => {
            let stored = world.rules[place]["provenance"].as_str().unwrap_or_default().to_owned();
            if !stored.is_empty() && stored != provenance {
                let why = format!("cannot delete with provided provenance '{provenance}', needs '{stored}'");
                return refused(409, &why);
            }
            world.rules.remove(place);
            Reply::empty(204)
        }
        // Deleting what is not there is no error here.
        ("DELETE", _, None) => Reply::empty(204),
        _ => missing("alert rule not found"),
    }
}

fn rule_group(world: &mut World, method: &str, folder: &str, group: &str, body: &Value) -> Reply {
    let of = |rule: &&Value| rule["folderUID"] == folder && rule["ruleGroup"] == group;
    let rules: Vec<Value> = world.rules.iter().filter(of).cloned().collect();
    let Some(first) = rules.first() else { return missing("rule group not found") };
    let key = key(first);
    if method == "PUT" {
        let seconds = body["interval"].as_u64().unwrap();
        if !seconds.is_multiple_of(10) {
            return refused(400, "interval must be a multiple of the base interval of 10s");
        }
        world.intervals.insert(key.clone(), seconds);
    }
    let interval = world.intervals.get(&key).copied().unwrap_or(60);
    done(&json!({ "title": group, "folderUid": folder, "interval": interval, "rules": rules }))
}
