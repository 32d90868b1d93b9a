//! `get_objects`: each kind, its filters, its pages, and what is hidden.

use bulkhead_sdk::Method;

use super::*;

fn items(arguments: Value) -> Value {
    fresh("get_objects", arguments)["items"].clone()
}

#[test]
fn dashboards_are_filtered_by_grafana() {
    let uids = |more: Value| {
        let mut arguments = json!({ "kind": "dashboard" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        each(&items(arguments), "uid")
    };
    assert_eq!(uids(json!({})), ["checkout", "nodes", "home"]);
    assert_eq!(uids(json!({ "query": "health" })), ["nodes"]);
    assert_eq!(uids(json!({ "folder": "shop" })), ["checkout"]);
    assert_eq!(uids(json!({ "folder": "general" })), ["home"]);
    assert_eq!(uids(json!({ "tags": ["shop", "slo"] })), ["checkout"]);
    assert_eq!(uids(json!({ "tags": ["shop", "linux"] })), [Value::Null; 0]);
    assert_eq!(uids(json!({ "starred": true })), ["checkout"]);
    assert_eq!(uids(json!({ "starred": false })), ["checkout", "nodes", "home"]);
    assert_eq!(uids(json!({ "id": "Node health" })), ["nodes"]);
    let mock = grafana();
    said(
        &mock,
        "get_objects",
        json!({ "kind": "dashboard", "folder": "shop", "tags": ["a b"], "starred": true }),
    );
    assert_eq!(
        sent(&mock),
        ["GET /api/search?type=dash-db&limit=5000&page=1&folderUIDs=shop&starred=true&tag=a%20b"]
    );
    assert_eq!(
        refused(&grafana(), "get_objects", json!({ "kind": "plugin", "tags": ["x"] })),
        "arguments.tags: is not for kind plugin"
    );
    assert_eq!(
        refused(&grafana(), "get_objects", json!({ "kind": "folder", "test": true })),
        "arguments.test: is not for kind folder"
    );
}

#[test]
fn a_list_pages_to_its_end() {
    let (mut uids, mut cursor) = (Vec::new(), None);
    for _ in 0..3 {
        let mut arguments = json!({ "kind": "dashboard", "limit": 1 });
        if let Some(cursor) = cursor {
            arguments["cursor"] = cursor;
        }
        let page = fresh("get_objects", arguments);
        assert_eq!((&page["total"], &page["shown"]), (&json!(3), &json!(1)));
        uids.extend(each(&page["items"], "uid"));
        cursor = page.get("next_cursor").cloned();
    }
    assert_eq!((uids, cursor), (vec![json!("checkout"), json!("nodes"), json!("home")], None));
}

#[test]
fn views_and_fields_say_how_much() {
    let summary = items(json!({ "kind": "dashboard", "query": "checkout" }));
    assert_eq!(
        summary,
        json!([{ "uid": "checkout", "title": "Checkout", "folderTitle": "Shop", "folderUid": "shop",
            "tags": ["shop", "slo"], "isStarred": true }])
    );
    let full = items(json!({ "kind": "dashboard", "query": "checkout", "view": "full" }));
    assert_eq!(full[0]["url"], json!("/prefix/d/checkout/checkout"));
    let some =
        fresh("get_objects", json!({ "kind": "dashboard", "query": "checkout", "fields": ["uid", "nope"] }));
    assert_eq!(some["items"], json!([{ "uid": "checkout" }]));
    assert_eq!(some["unknown_fields"], json!(["nope"]));
}

#[test]
fn a_folder_comes_with_permissions_and_what_it_holds() {
    let mock = grafana();
    let folder = &said(&mock, "get_objects", json!({ "kind": "folder", "id": "shop" }))["items"][0];
    assert_eq!((&folder["title"], &folder["createdBy"]), (&json!("Shop"), &json!("ana")));
    assert_eq!(
        folder["permissions"],
        json!([{ "role": "Viewer", "permissionName": "View", "inherited": false },
            { "userLogin": "ana", "permissionName": "Admin", "inherited": true }])
    );
    assert_eq!(folder["counts"], json!({ "dashboard": 1, "alertrule": 3, "folder": 0 }));
    assert_eq!(mock.in_flight_at_most(), 3);
    assert_eq!(each(&items(json!({ "kind": "folder", "folder": "infra" })), "uid"), ["disks"]);
    let forbidden = instead(Method::Get, "/api/folders/shop/permissions", 403, json!({ "message": "no" }));
    let told = said(&forbidden, "get_objects", json!({ "kind": "folder", "id": "shop" }));
    assert_eq!(told["items"][0].get("permissions"), None);
    let note = told["notes"][0].as_str().unwrap();
    assert!(note.starts_with("permissions: the upstream forbids this (403)"), "{note}");
}

#[test]
fn a_datasource_is_found_by_uid_and_by_name_and_tested() {
    let mock = grafana();
    let by_uid = said(&mock, "get_objects", json!({ "kind": "datasource", "id": "prom" }));
    assert_eq!(mock.in_flight_at_most(), 2);
    let source = &by_uid["items"][0];
    assert_eq!(source["health"], json!({ "status": "OK", "message": "Successfully queried the API." }));
    assert_eq!(source["jsonData"], json!({ "httpMethod": "POST", "apiToken": "[redacted]" }));
    assert_eq!(by_uid["notes"], json!(["secrets are redacted"]));
    let by_name = items(json!({ "kind": "datasource", "id": "Orders" }));
    assert_eq!(by_name[0]["uid"], json!("pg"));
    assert_eq!(by_name[0]["health"], json!({ "status": "ERROR", "message": "dial tcp: connection refused" }));
    assert_eq!(
        refused(&grafana(), "get_objects", json!({ "kind": "datasource", "id": "x" })),
        "datasource `x`, by uid and by name: the upstream has no such thing (404): Data source not found"
    );
}

#[test]
fn all_datasources_are_tested_at_once_when_asked() {
    let mock = grafana();
    let told = said(&mock, "get_objects", json!({ "kind": "datasource", "test": true }));
    assert_eq!(
        told["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["health"]["status"].clone())
            .collect::<Value>(),
        json!(["OK", "OK", "ERROR"])
    );
    assert_eq!((mock.requests().len(), mock.in_flight_at_most()), (4, 3));
    assert_eq!(
        items(json!({ "kind": "datasource", "query": "postgres" })),
        json!([{ "uid": "pg", "name": "Orders", "type": "postgres", "url": "postgres://orders:5432",
            "isDefault": false, "readOnly": false }])
    );
    for (status, body, expected) in [
        (404, json!({ "message": "no route" }), "UNTESTED"),
        (200, json!({ "message": "fine" }), "OK"),
        (500, json!({ "message": "boom" }), "ERROR"),
        (403, json!({ "message": "no" }), "UNKNOWN"),
    ] {
        let mock = instead(Method::Get, "/api/datasources/uid/prom/health", status, body);
        let told = said(&mock, "get_objects", json!({ "kind": "datasource", "id": "prom" }));
        assert_eq!(told["items"][0]["health"]["status"], json!(expected));
    }
}

#[test]
fn notifications_are_told_without_their_secrets() {
    let told = fresh("get_objects", json!({ "kind": "contact_point", "view": "full" }));
    assert_eq!(
        told["items"][1]["settings"],
        json!({ "url": "https://hooks.example.com/[redacted]", "httpMethod": "POST" })
    );
    assert_eq!(told["notes"], json!(["secrets are redacted"]));
    assert_eq!(
        items(json!({ "kind": "contact_point", "query": "shop" })),
        json!([{ "uid": "cp1", "name": "shop-team", "type": "slack", "disableResolveMessage": false }])
    );
    assert_eq!(
        items(json!({ "kind": "policy" })),
        json!([
            { "place": "0", "receiver": "infra-team", "group_by": ["alertname"] },
            { "place": "0.0", "receiver": "shop-team", "object_matchers": [["team", "=", "shop"]],
              "mute_time_intervals": ["nights"] },
        ])
    );
    assert_eq!(items(json!({ "kind": "mute_timing" })), json!([{ "name": "nights", "time_intervals": [] }]));
    assert_eq!(
        items(json!({ "kind": "template", "id": "short" }))[0]["template"],
        json!("{{ define \"short\" }}x{{ end }}")
    );
    assert_eq!(
        refused(&grafana(), "get_objects", json!({ "kind": "mute_timing", "id": "days" })),
        "there is no mute_timing `days`"
    );
    assert_eq!(
        refused(&grafana(), "get_objects", json!({ "kind": "contact_point", "id": "slack" })),
        "there is no contact_point `slack`"
    );
}

#[test]
fn the_server_says_who_we_are() {
    let mock = grafana();
    let told = said(&mock, "get_objects", json!({ "kind": "server" }));
    assert_eq!(
        told["items"][0],
        json!({ "commit": "abc", "database": "ok", "version": "11.0.0",
            "user": { "login": "agent", "name": "Agent", "email": "agent@localhost", "isGrafanaAdmin": false, "orgId": 1 },
            "org": { "id": 1, "name": "Main Org.", "address": { "city": "" } } })
    );
    assert_eq!(mock.in_flight_at_most(), 3);
    assert_eq!(testing::health::<Grafana>(config(), &grafana()), Ok("Grafana 11.0.0 answers".to_owned()));
    let sick = instead(Method::Get, "/api/health", 200, json!({ "database": "failing", "version": "11" }));
    assert_eq!(
        testing::health::<Grafana>(config(), &sick),
        Err("Grafana 11 answers, but its database is `failing`".to_owned())
    );
    let other = instead(Method::Get, "/api/health", 200, json!({ "status": "UP" }));
    assert_eq!(
        testing::health::<Grafana>(config(), &other),
        Err("what answers is no Grafana: check the service's `url`".to_owned())
    );
}

#[test]
fn who_is_who() {
    assert_eq!(
        items(json!({ "kind": "org_user", "query": "ana" })),
        json!([{ "userId": 1, "login": "ana", "name": "Ana", "email": "ana@example.com", "role": "Admin" }])
    );
    assert_eq!(each(&items(json!({ "kind": "server_user" })), "login"), ["ana", "ben"]);
    assert_eq!(
        items(json!({ "kind": "team", "query": "shop" })),
        json!([{ "id": 1, "uid": "t1", "name": "Shop", "memberCount": 2 }])
    );
    assert_eq!(items(json!({ "kind": "me" }))[0]["login"], json!("agent"));
    assert_eq!(items(json!({ "kind": "org" }))[0]["name"], json!("Main Org."));
    assert_eq!(
        items(json!({ "kind": "annotation_tag", "query": "dep" })),
        json!([{ "tag": "deploy", "count": 2 }])
    );
    assert_eq!(each(&items(json!({ "kind": "dashboard_tag" })), "term"), ["linux", "shop", "slo"]);
    assert_eq!(
        items(json!({ "kind": "plugin", "id": "prometheus" }))[0]["info"],
        json!({ "version": "1.0.0" })
    );
}

#[test]
fn roles_and_permissions() {
    let line = json!({ "uid": "editor2", "name": "custom:editor", "displayName": "Editor, but less",
        "description": "Edits in one folder.", "group": "Custom", "global": false });
    for (kind, id) in [("user_role", "2"), ("team_role", "1")] {
        assert_eq!(items(json!({ "kind": kind, "id": id })), json!([line]));
    }
    assert_eq!(items(json!({ "kind": "role" })), json!([line]));
    let one = items(json!({ "kind": "role", "id": "editor2" }));
    assert_eq!(one[0]["permissions"], json!([{ "action": "dashboards:write", "scope": "folders:uid:shop" }]));
    assert_eq!(
        items(json!({ "kind": "role_assignment", "id": "editor2" })),
        json!([{ "role_uid": "editor2", "users": [2], "teams": [1], "service_accounts": [] }])
    );
    assert_eq!(
        items(json!({ "kind": "permission", "id": "folders/shop" })),
        json!([{ "roleName": "basic:editor", "builtInRole": "Editor", "permission": "Edit",
            "actions": ["folders:write"], "isInherited": false }])
    );
    assert_eq!(
        items(json!({ "kind": "permission_levels", "id": "folders" }))[0]["permissions"],
        json!(["View", "Edit", "Admin"])
    );
    assert_eq!(
        refused(&grafana(), "get_objects", json!({ "kind": "permission", "id": "shop" })),
        "arguments.id: expected something like `folders/abc`"
    );
    assert_eq!(
        refused(&grafana(), "get_objects", json!({ "kind": "user_role" })),
        "arguments.id: is needed: the id of a user"
    );
    let open = instead(Method::Get, "/api/access-control/roles", 404, json!({ "message": "Not found" }));
    assert_eq!(
        refused(&open, "get_objects", json!({ "kind": "role" })),
        "the upstream has no such thing (404): Not found. Roles of their own are Grafana Enterprise's and Cloud's: in the \
         open-source edition this is always missing, and kind org_user gives each user's role"
    );
}
