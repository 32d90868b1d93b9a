//! Datasources, what they answer, and plugins.

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::world::World;
use crate::{done, missing, refused};

pub(crate) fn datasources(world: &mut World, method: &str, path: &[&str], request: &Request) -> Reply {
    let body = request.json();
    let find = |world: &World, field: &str, wanted: &str| {
        world.sources.iter().position(|source| source[field] == wanted)
    };
    match (method, path) {
        ("GET", []) => {
            let line = |source: &Value| {
                let mut line = source.clone();
                line.as_object_mut().unwrap().retain(|name, _| {
                    !matches!(
                        name.as_str(),
                        "secureJsonFields" | "version" | "basicAuthUser" | "withCredentials"
                    )
                });
                line["typeName"] = source["type"].clone();
                line
            };
            done(&world.sources.iter().map(line).collect())
        }
        ("POST", []) => {
            if find(world, "name", body["name"].as_str().unwrap()).is_some() {
                return refused(409, "data source with the same name already exists");
            }
            let number = world.number();
            let mut source = json!({ "id": number, "uid": format!("ds{number}"), "orgId": 1, "version": 1 });
            put(&mut source, &body);
            world.sources.push(source.clone());
            told(&source, "Datasource added")
        }
        ("GET", ["name", name]) => match find(world, "name", name) {
            Some(place) => done(&world.sources[place]),
            None => missing("Data source not found"),
        },
        (_, ["uid", uid, rest @ ..]) => {
            let Some(place) = find(world, "uid", uid) else { return missing("Data source not found") };
            match (method, rest) {
                ("GET", []) => done(&world.sources[place]),
                ("GET", ["health"]) => health(&world.sources[place]),
                ("PUT", []) => {
                    if body["version"] != Value::Null && body["version"] != world.sources[place]["version"] {
                        return refused(
                            409,
                            "Datasource has already been updated by someone else. Please reload and try again",
                        );
                    }
                    put(&mut world.sources[place], &body);
                    let version = world.sources[place]["version"].as_u64().unwrap() + 1;
                    world.sources[place]["version"] = json!(version);
                    told(&world.sources[place], "Datasource updated")
                }
                ("DELETE", []) => {
                    let source = world.sources.remove(place);
                    done(&json!({ "id": source["id"], "message": "Data source deleted" }))
                }
                _ => missing("Not found"),
            }
        }
        _ => missing("Not found"),
    }
}

/// Secrets are kept apart: only which there are is ever told.
fn put(source: &mut Value, body: &Value) {
    for (name, value) in body.as_object().unwrap() {
        match name.as_str() {
            "secureJsonData" => {
                for secret in value.as_object().unwrap().keys() {
                    source["secureJsonFields"][secret] = json!(true);
                }
            }
            "version" => {}
            _ => source[name] = value.clone(),
        }
    }
}

fn told(source: &Value, message: &str) -> Reply {
    done(&json!({ "id": source["id"], "name": source["name"], "message": message, "datasource": source }))
}

fn health(source: &Value) -> Reply {
    match source["type"].as_str().unwrap() {
        "postgres" => {
            Reply::json(400, &json!({ "status": "ERROR", "message": "dial tcp: connection refused" }))
        }
        _ => done(&json!({ "status": "OK", "message": "Successfully queried the API." })),
    }
}

/// The minutes of the window as a series, log lines, or rows; what has `boom` in it fails.
pub(crate) fn query(world: &World, request: &Request) -> Reply {
    let body = request.json();
    let millis = |name: &str| body[name].as_str().unwrap().parse::<i64>().unwrap();
    let (from, to) = (millis("from"), millis("to"));
    let mut results = serde_json::Map::new();
    let (mut failed, mut asked) = (0, 0);
    for query in body["queries"].as_array().unwrap() {
        asked += 1;
        let name = query["refId"].as_str().unwrap().to_owned();
        let uid = query["datasource"]["uid"].as_str().unwrap();
        let Some(source) = world.sources.iter().find(|source| source["uid"] == uid) else {
            return missing("data source not found");
        };
        let text = ["expr", "rawSql"].iter().find_map(|field| query[*field].as_str()).unwrap_or_default();
        if text.contains("boom") {
            failed += 1;
            results.insert(name, json!({ "error": "parse error: unexpected identifier \"boom\"", "status": 400, "frames": [] }));
            continue;
        }
        let frame = match source["type"].as_str().unwrap() {
            "prometheus" => {
                let times: Vec<i64> = if query["instant"] == true {
                    vec![to]
                } else {
                    (0..4).map(|n| from + (to - from) * n / 3).collect()
                };
                let values: Vec<usize> = (1..=times.len()).collect();
                json!({ "schema": { "refId": name, "meta": { "executedQueryString": format!("Expr: {text}") }, "fields": [
                    { "name": "Time", "type": "time" },
                    { "name": "Value", "type": "number", "labels": { "job": "api" } }] },
                    "data": { "values": [times, values] } })
            }
            "loki" => {
                json!({ "schema": { "refId": name, "meta": { "notices": [{ "severity": "info", "text": "sampled" }] },
                "fields": [{ "name": "Time", "type": "time" }, { "name": "Line", "type": "string" }] },
                "data": { "values": [[to - 2000, to - 1000], ["error: a", "error: b"]] } })
            }
            _ => json!({ "schema": { "refId": name, "meta": { "executedQueryString": text },
                "fields": [{ "name": "id", "type": "number" }, { "name": "state", "type": "string" }] },
                "data": { "values": [[1, 2, 3], ["open", "paid", "sent"]] } }),
        };
        results.insert(name, json!({ "status": 200, "frames": [frame] }));
    }
    let status = if failed == asked {
        400
    } else if failed > 0 {
        207
    } else {
        200
    };
    Reply::json(status, &json!({ "results": results }))
}

pub(crate) fn plugins(path: &[&str]) -> Reply {
    let plugin = |id: &str, name: &str, kind: &str| {
        json!({ "id": id, "name": name, "type": kind, "enabled": true, "pinned": false, "hasUpdate": false,
            "info": { "version": "1.0.0" } })
    };
    let all = [
        plugin("grafana-lokiexplore-app", "Logs Drilldown", "app"),
        plugin("prometheus", "Prometheus", "datasource"),
        plugin("timeseries", "Time series", "panel"),
    ];
    match path {
        [] => done(&json!(all)),
        [id, "settings"] => match all.iter().find(|plugin| plugin["id"] == *id) {
            Some(plugin) => done(plugin),
            None => missing("Plugin not found, no installed plugin with that id"),
        },
        _ => missing("Not found"),
    }
}
