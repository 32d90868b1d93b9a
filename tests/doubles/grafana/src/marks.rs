//! Annotations; and users, teams, roles and permissions.

use double_kit::{Reply, Request};
use serde_json::{Value, json};

use crate::world::World;
use crate::{done, missing, refused};

pub(crate) fn annotations(world: &mut World, method: &str, path: &[&str], request: &Request) -> Reply {
    let body = request.json();
    let now = (world.now * 1000.0) as i64;
    match (method, path) {
        ("GET", []) => find(world, request),
        ("GET", ["tags"]) => tags(world, request),
        ("POST", []) => {
            if body["text"].as_str().unwrap_or_default().is_empty() {
                return refused(400, "Failed to save annotation: text field should not be empty");
            }
            let time = body["time"].as_i64().unwrap_or(now);
            add(world, &body["text"], &body["tags"], time, &body)
        }
        ("POST", ["graphite"]) => {
            let text =
                [&body["what"], &body["data"]].map(|part| part.as_str().unwrap_or_default()).join("\n");
            let time = body["when"].as_i64().map_or(now, |seconds| seconds * 1000);
            add(world, &text.trim_end().into(), &body["tags"], time, &Value::Null)
        }
        (_, [id]) => {
            let id: u64 = id.parse().unwrap_or_default();
            let Some(place) = world.annotations.iter().position(|mark| mark["id"] == id) else {
                return missing("Annotation not found");
            };
            match method {
                "GET" => done(&world.annotations[place]),
                "DELETE" => {
                    world.annotations.remove(place);
                    done(&json!({ "message": "Annotation deleted" }))
                }
                "PUT" => {
                    let mark = &mut world.annotations[place];
                    mark["text"] = json!(body["text"].as_str().unwrap_or_default());
                    mark["tags"] = if body["tags"].is_array() { body["tags"].clone() } else { json!([]) };
                    change(mark, &body);
                    done(&json!({ "message": "Annotation updated" }))
                }
                _ => {
                    change(&mut world.annotations[place], &body);
                    done(&json!({ "message": "Annotation patched" }))
                }
            }
        }
        _ => missing("Not found"),
    }
}

fn change(mark: &mut Value, body: &Value) {
    for (name, value) in body.as_object().unwrap() {
        mark[name] = value.clone();
    }
}

fn add(world: &mut World, text: &Value, tags: &Value, time: i64, body: &Value) -> Reply {
    let id = world.number();
    let end = body["timeEnd"].as_i64().unwrap_or(time);
    world.annotations.push(json!({ "id": id, "alertId": 0, "alertName": "", "dashboardId": 0,
        "dashboardUID": body["dashboardUID"].as_str().unwrap_or_default(), "panelId": body["panelId"].as_u64().unwrap_or(0),
        "userId": 9, "login": "agent", "email": "", "avatarUrl": "", "newState": "", "prevState": "", "created": time,
        "updated": time, "time": time, "timeEnd": end, "text": text, "data": {},
        "tags": if tags.is_array() { tags.clone() } else { json!([]) } }));
    done(&json!({ "id": id, "message": "Annotation added" }))
}

/// As the server: `from` and `to` count only together; the newest first.
fn find(world: &World, request: &Request) -> Reply {
    let number = |name: &str| request.param(name).and_then(|text| text.parse::<i64>().ok());
    let tags: Vec<&str> = request.params("tags").collect();
    let any = request.param("matchAny") == Some("true");
    let mut found: Vec<Value> = world.annotations.clone();
    found.retain(|mark| {
        let has = |tag: &&str| mark["tags"].as_array().unwrap().iter().any(|one| one == tag);
        let during = match (number("from"), number("to")) {
            (Some(from), Some(to)) => {
                mark["time"].as_i64().unwrap() <= to && mark["timeEnd"].as_i64().unwrap() >= from
            }
            _ => true,
        };
        let kind = match request.param("type") {
            Some("alert") => mark["alertId"] != 0,
            Some("annotation") => mark["alertId"] == 0,
            _ => true,
        };
        let board = request.param("dashboardUID").is_none_or(|uid| mark["dashboardUID"] == uid);
        let panel = number("panelId").is_none_or(|panel| mark["panelId"] == panel);
        let tagged = if any { tags.iter().any(has) } else { tags.iter().all(has) };
        during && kind && board && panel && tagged
    });
    found.sort_by_key(|mark| (-mark["time"].as_i64().unwrap(), mark["id"].as_u64()));
    found.truncate(number("limit").map_or(100, |limit| usize::try_from(limit).unwrap()));
    done(&found.into())
}

fn tags(world: &World, request: &Request) -> Reply {
    let prefix = request.param("tag").unwrap_or_default();
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for tag in world.annotations.iter().flat_map(|mark| mark["tags"].as_array().unwrap()) {
        *counts.entry(tag.as_str().unwrap().to_owned()).or_default() += 1;
    }
    let tags: Vec<Value> = counts
        .into_iter()
        .filter(|(tag, _)| tag.contains(prefix))
        .map(|(tag, count)| json!({ "tag": tag, "count": count }))
        .collect();
    done(&json!({ "result": { "tags": tags } }))
}

pub(crate) fn access(path: &[&str], request: &Request) -> Reply {
    let role = json!({ "uid": "editor2", "version": 1, "name": "custom:editor", "displayName": "Editor, but less",
        "description": "Edits in one folder.", "group": "Custom", "global": false, "delegatable": true,
        "permissions": [{ "action": "dashboards:write", "scope": "folders:uid:shop" }] });
    let user = |id: u64, login: &str| {
        json!({ "id": id, "login": login, "name": login, "email": format!("{login}@example.com"), "isAdmin": id == 1,
            "isDisabled": false, "lastSeenAt": "2026-01-30T00:00:00Z" })
    };
    match path {
        ["user"] => {
            done(&json!({ "id": 9, "login": "agent", "name": "Agent", "email": "agent@localhost", "orgId": 1,
            "isGrafanaAdmin": false, "isDisabled": false, "isExternal": false, "authLabels": [] }))
        }
        ["org"] => done(&json!({ "id": 1, "name": "Main Org.", "address": { "city": "" } })),
        ["org", "users"] => done(&json!([
            { "orgId": 1, "userId": 1, "login": "ana", "email": "ana@example.com", "name": "Ana", "role": "Admin" },
            { "orgId": 1, "userId": 2, "login": "ben", "email": "ben@example.com", "name": "Ben", "role": "Viewer" },
        ])),
        ["users"] => done(&json!([user(1, "ana"), user(2, "ben")])),
        ["teams", "search"] => {
            let mut teams = vec![
                json!({ "id": 1, "uid": "t1", "orgId": 1, "name": "Shop", "email": "", "memberCount": 2 }),
                json!({ "id": 2, "uid": "t2", "orgId": 1, "name": "Infra", "email": "", "memberCount": 1 }),
            ];
            let words = request.param("query").unwrap_or_default().to_lowercase();
            teams.retain(|team| team["name"].as_str().unwrap().to_lowercase().contains(&words));
            done(&json!({ "totalCount": teams.len(), "page": 1, "perPage": 1000, "teams": teams }))
        }
        ["access-control", "roles"] => done(&json!([role])),
        ["access-control", "roles", "editor2"] => done(&role),
        ["access-control", "roles", "editor2", "assignments"] => {
            done(&json!({ "role_uid": "editor2", "users": [2], "teams": [1], "service_accounts": [] }))
        }
        ["access-control", "users" | "teams", _, "roles"] => done(&json!([role])),
        ["access-control", _, "description"] => done(&json!({ "permissions": ["View", "Edit", "Admin"],
            "assignments": { "users": true, "serviceAccounts": true, "teams": true, "builtInRoles": true } })),
        ["access-control", "roles", _, ..] => missing("role not found"),
        ["access-control", _, _] => done(&json!([
            { "id": 1, "roleName": "basic:editor", "builtInRole": "Editor", "permission": "Edit",
              "actions": ["folders:write"], "isManaged": true, "isInherited": false },
        ])),
        _ => missing("Not found"),
    }
}
