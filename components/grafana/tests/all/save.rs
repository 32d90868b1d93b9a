//! The tools that write: what they send, what they refuse, and what is different afterwards.

use bulkhead_sdk::Method;

use super::*;

#[test]
fn parts_of_a_dashboard_are_changed_by_path() {
    let mock = grafana();
    let changes = json!({ "panels[id=1].title": "Rate", "panels[0].targets[1]": null, "tags[2]": "new" });
    let mut arguments = json!({ "uid": "checkout", "changes": changes, "dry_run": true });
    let dry = said(&mock, "save_dashboard", arguments.clone());
    let diff = json!({ "total": 3, "shown": 3, "changes": [
        { "path": "$.panels[id=1].targets[refId=B]", "from": { "refId": "B", "expr": "vector(1)", "hide": true } },
        { "path": "$.panels[id=1].title", "from": "Requests/s", "to": "Rate" },
        { "path": "$.tags[2]", "to": "new" },
    ]});
    assert_eq!(dry, json!({ "dry_run": true, "uid": "checkout", "creates": false, "diff": diff }));
    assert_eq!(mock.requests().len(), 1, "nothing is saved");
    arguments["dry_run"] = json!(false);
    arguments["message"] = json!("shorter");
    let done = said(&mock, "save_dashboard", arguments);
    assert_eq!(
        done,
        json!({ "uid": "checkout", "version": 4, "diff": diff, "url": "http://grafana:3000/prefix/d/checkout/checkout" })
    );
    let body = mock.requests().last().unwrap().json();
    assert_eq!(
        (&body["folderUid"], &body["message"], &body["overwrite"], &body["dashboard"]["version"]),
        (&json!("shop"), &json!("shorter"), &json!(false), &json!(3)),
        "it stays in its folder, and a change since would be noticed"
    );
    let now = said(&mock, "get_dashboard", json!({ "uid": "checkout", "path": "tags" }));
    assert_eq!(now["values"][0]["value"], json!(["shop", "slo", "new"]));
}

#[test]
fn a_whole_dashboard_is_created_or_replaced() {
    let mock = grafana();
    let fresh = json!({ "title": "New", "uid": "new", "id": 99, "panels": [] });
    let arguments = json!({ "dashboard": fresh, "folder_uid": "infra" });
    let done = said(&mock, "save_dashboard", arguments);
    assert_eq!((&done["version"], done.get("diff")), (&json!(1), None));
    let body = mock.requests().last().unwrap().json();
    assert_eq!((&body["dashboard"]["id"], &body["folderUid"]), (&Value::Null, &json!("infra")));
    let stale = json!({ "uid": "checkout", "dashboard": { "title": "Mine", "version": 2 } });
    assert_eq!(
        refused(&mock, "save_dashboard", stale.clone()),
        "the upstream answered 412: The dashboard has been changed by someone else (somebody saved it since the version \
         you hold: read it again and repeat your change, or set overwrite=true to discard theirs)"
    );
    let mut forced = stale;
    forced["overwrite"] = json!(true);
    let done = said(&mock, "save_dashboard", forced);
    assert_eq!(done["version"], json!(4));
    let meta = said(&mock, "get_dashboard", json!({ "uid": "checkout" }));
    assert_eq!((&meta["title"], &meta["meta"]["folderUid"]), (&json!("Mine"), &json!("shop")));
    assert_eq!(
        refused(&mock, "save_dashboard", json!({ "dashboard": { "title": "New" }, "folder_uid": "infra" })),
        "the upstream answered 412: A dashboard with the same name in the folder already exists (the folder has a \
         dashboard of that title: give its uid, or another title)"
    );
}

#[test]
fn a_version_is_restored() {
    let mock = grafana();
    let dry =
        said(&mock, "save_dashboard", json!({ "uid": "checkout", "restore_version": 1, "dry_run": true }));
    assert_eq!(dry["diff"]["total"], json!(2));
    assert_eq!(mock.in_flight_at_most(), 2);
    let done = said(&mock, "save_dashboard", json!({ "uid": "checkout", "restore_version": 1 }));
    assert_eq!(done["version"], json!(4));
    assert_eq!(mock.requests().last().unwrap().json(), json!({ "version": 1 }));
    assert_eq!(
        refused(&mock, "save_dashboard", json!({ "uid": "checkout", "restore_version": 77 })),
        "version 77 of dashboard `checkout`: the upstream has no such thing (404): Dashboard version not found"
    );
}

#[test]
fn a_dashboard_that_cannot_be_saved_says_why() {
    let why = |arguments: Value| refused(&grafana(), "save_dashboard", arguments);
    let one = "arguments: give one of `dashboard`, `changes` and `restore_version`";
    assert_eq!(why(json!({})), one);
    assert_eq!(why(json!({ "uid": "checkout", "changes": {}, "restore_version": 1 })), one);
    assert_eq!(
        why(json!({ "changes": { "title": "x" } })),
        "arguments.uid: is needed: the dashboard to change"
    );
    assert_eq!(why(json!({ "dashboard": {} })), "arguments.dashboard: needs a `title`");
    assert_eq!(
        why(json!({ "uid": "checkout", "changes": { "panels[id=8].title": "x" } })),
        "arguments.changes: `panels[id=8].title`: is not there: only its last name may be new"
    );
    assert_eq!(
        why(json!({ "uid": "checkout", "changes": { "title": "" } })),
        "arguments.changes: Grafana says: Dashboard title cannot be empty (the same request would fail again)"
    );
}

#[test]
fn folders_are_created_renamed_and_moved() {
    let mock = grafana();
    let folder = |uid: Option<&str>, fields: Value| {
        let mut arguments = json!({ "kind": "folder", "fields": fields });
        if let Some(uid) = uid {
            arguments["uid"] = json!(uid);
        }
        arguments
    };
    let made = said(
        &mock,
        "save_object",
        folder(None, json!({ "title": "Night", "uid": "n", "parentUid": "infra" })),
    );
    assert_eq!((&made["uid"], &made["parentUid"]), (&json!("n"), &json!("infra")));
    let done =
        said(&mock, "save_object", folder(Some("n"), json!({ "title": "Nights", "parentUid": "shop" })));
    assert_eq!(
        (&done["title"], &done["parentUid"], &done["version"]),
        (&json!("Nights"), &json!("shop"), &json!(2))
    );
    assert_eq!(
        refused(&mock, "save_object", folder(Some("n"), json!({ "title": "x", "version": 1 }))),
        "the upstream answered 412: the folder was changed since that version: leave `version` out, or give `overwrite`: \
         true"
    );
    let dry = json!({ "kind": "folder", "uid": "n", "fields": { "title": "x" }, "dry_run": true });
    assert_eq!(
        said(&mock, "save_object", dry)["diff"]["changes"],
        json!([{ "path": "$.title", "from": "Nights", "to": "x" }])
    );
    let why = |arguments: Value| refused(&mock, "save_object", arguments);
    assert_eq!(
        why(folder(None, json!({ "uid": "z" }))),
        "arguments.fields: needs `title` to create a folder"
    );
    assert_eq!(
        why(folder(Some("n"), json!({ "name": "z" }))),
        "arguments.fields.name: is no field of a folder; there are title, parentUid, uid, version, overwrite"
    );
    assert_eq!(why(folder(Some("n"), json!({ "uid": "m" }))), "arguments.fields.uid: cannot be changed");
    assert_eq!(why(folder(Some("n"), json!({}))), "arguments.fields: is empty: nothing to save");
}

#[test]
fn datasources_are_saved_and_tested_and_their_secrets_never_shown() {
    let mock = grafana();
    let fields = json!({ "name": "Tempo", "type": "tempo", "url": "http://u:p@tempo", "secureJsonData": { "password": "s3" } });
    let done = said(&mock, "save_object", json!({ "kind": "datasource", "fields": fields }));
    assert_eq!(done["health"]["status"], json!("OK"));
    assert!(!done.to_string().contains("s3") && !done.to_string().contains("u:p"), "{done}");
    assert_eq!(mock.requests()[0].json()["secureJsonData"], json!({ "password": "s3" }));
    let changed = json!({ "kind": "datasource", "uid": "loki", "fields": { "jsonData": { "maxLines": 5 } } });
    let done = said(&mock, "save_object", changed);
    assert_eq!(done["diff"]["changes"], json!([{ "path": "$.jsonData.maxLines", "to": 5 }]));
    let put = mock.requests().into_iter().find(|sent| sent.method == Method::Put).unwrap().json();
    assert_eq!(
        (&put["jsonData"]["httpMethod"], &put["version"], put.get("secureJsonFields"), put.get("id")),
        (&json!("POST"), &json!(3), None, None),
        "the rest is kept, and a change since would be noticed"
    );
    let why = |mock: &Mock, fields: Value| {
        refused(mock, "save_object", json!({ "kind": "datasource", "uid": "pg", "fields": fields }))
    };
    assert_eq!(
        why(&mock, json!({ "password": "x" })),
        "arguments.fields.password: is a secret: give it as `secureJsonData.password`"
    );
    let provisioned =
        instead(Method::Get, "/api/datasources/uid/pg", 200, json!({ "uid": "pg", "readOnly": true }));
    assert_eq!(
        why(&provisioned, json!({ "url": "http://x" })),
        "datasource `pg` is provisioned from a file: change it there"
    );
    assert_eq!(
        why(&mock, json!({ "version": 1 })),
        "the upstream answered 409: Datasource has already been updated by someone else. Please reload and try again (what \
         is there has changed, or is there already: read it again first)"
    );
}

#[test]
fn alert_rules_stay_editable_and_keep_what_is_not_changed() {
    let mock = grafana();
    let fields = json!({ "title": "Cart", "folderUID": "shop", "condition": "A", "data": [{ "refId": "A" }],
        "ruleGroup": "latency", "interval": "2m" });
    let done = said(&mock, "save_object", json!({ "kind": "alert_rule", "fields": fields }));
    assert_eq!(done["group_interval"], json!(120));
    let requests = mock.requests();
    assert_eq!(requests[0].header("x-disable-provenance"), Some("true"));
    let body = requests[0].json();
    assert_eq!(
        (&body["noDataState"], &body["execErrState"], &body["for"], body.get("interval")),
        (&json!("NoData"), &json!("Error"), &json!("0s"), None)
    );
    assert_eq!(requests[2].json()["rules"].as_array().unwrap().len(), 4, "the group keeps its other rules");
    let pause =
        json!({ "kind": "alert_rule", "uid": "disk", "fields": { "isPaused": true, "provenance": "api" } });
    said(&mock, "save_object", pause);
    let put = mock.requests().pop().unwrap();
    assert_eq!(put.header("x-disable-provenance"), None);
    assert_eq!((&put.json()["title"], &put.json()["isPaused"]), (&json!("Disk is full"), &json!(true)));
    let why = |fields: Value| {
        refused(&mock, "save_object", json!({ "kind": "alert_rule", "uid": "disk", "fields": fields }))
    };
    assert_eq!(
        why(json!({ "folderUID": "nope" })),
        "arguments.fields: Grafana says: invalid alert rule: folder does not exist (the same request would fail again)"
    );
    assert_eq!(
        why(json!({ "interval": "15s" })),
        "rule `disk` was saved, but not how often its group is evaluated: arguments.fields.interval: Grafana says: \
         interval must be a multiple of the base interval of 10s (the same request would fail again)"
    );
    assert!(
        why(json!({ "interval": "often" }))
            .starts_with("arguments.fields.interval: `often` is not a duration")
    );
    let new = json!({ "kind": "alert_rule", "fields": { "title": "x" } });
    assert_eq!(
        refused(&mock, "save_object", new),
        "arguments.fields: needs `folderUID` to create an alert rule"
    );
}

#[test]
fn annotations_are_written_changed_and_replaced() {
    let mock = grafana();
    let save = |arguments: Value| said(&mock, "save_annotation", arguments);
    save(
        json!({ "text": "api 2", "tags": ["deploy"], "time": "-10m", "time_end": "-5m", "dashboard_uid": "checkout",
        "panel_id": 2 }),
    );
    assert_eq!(
        mock.requests()[0].json(),
        json!({ "text": "api 2", "tags": ["deploy"], "time": 1_769_860_200_000_i64, "timeEnd": 1_769_860_500_000_i64,
            "dashboardUID": "checkout", "panelId": 2 })
    );
    save(json!({ "text": "reboot", "tags": ["ops"], "graphite": "host a", "time": "-1m" }));
    assert_eq!(
        mock.requests()[1].json(),
        json!({ "what": "reboot", "tags": ["ops"], "data": "host a", "when": 1_769_860_740 })
    );
    assert_eq!(
        save(json!({ "id": 3, "text": "cache on" })),
        json!({ "id": 3, "message": "Annotation patched" })
    );
    let tags =
        |mock: &Mock| said(mock, "what_changed", json!({ "tags": ["ops"], "to": "-2m" }))["total"].clone();
    assert_eq!(tags(&mock), json!(1), "a patch keeps the tags");
    assert_eq!(
        save(json!({ "id": 3, "text": "cache on", "replace": true })),
        json!({ "id": 3, "message": "Annotation updated" })
    );
    assert_eq!(tags(&mock), json!(0), "a replacement does not");
}

#[test]
fn an_annotation_that_makes_no_sense_is_refused() {
    for (arguments, why) in [
        (json!({}), "arguments.text: is needed to create an annotation"),
        (json!({ "id": 3 }), "arguments: say what to change: `text`, `tags`, `time` or `time_end`"),
        (json!({ "id": 3, "replace": true }), "arguments.text: is needed to replace all"),
        (json!({ "id": 3, "text": "x", "graphite": "" }), "arguments.graphite: only creates"),
        (
            json!({ "text": "x", "graphite": "", "time_end": "now" }),
            "arguments.graphite: has a text, tags and a time, and no more",
        ),
        (
            json!({ "id": 3, "text": "x", "panel_id": 1 }),
            "arguments.dashboard_uid: cannot be changed: delete the annotation and create another",
        ),
        (json!({ "text": "x", "time_end": "-1m" }), "arguments.time_end: is before `time`"),
        (
            json!({ "id": 77, "text": "x" }),
            "annotation 77: the upstream has no such thing (404): Annotation not found",
        ),
    ] {
        assert_eq!(refused(&grafana(), "save_annotation", arguments.clone()), why, "{arguments}");
    }
}

#[test]
fn what_is_deleted_is_gone_and_a_dry_run_says_what_would_be() {
    let mock = grafana();
    for (kind, id, deletes, message) in [
        (
            "dashboard",
            "nodes",
            json!({ "uid": "nodes", "title": "Node health", "version": 1, "folder": "Infrastructure" }),
            "Dashboard Node health deleted",
        ),
        (
            "datasource",
            "pg",
            json!({ "uid": "pg", "name": "Orders", "type": "postgres", "url": "postgres://orders:5432" }),
            "Data source deleted",
        ),
        (
            "alert_rule",
            "wear",
            json!({ "uid": "wear", "title": "Disk is worn", "folderUID": "infra", "ruleGroup": "disks" }),
            "there is no alert rule `wear` any more",
        ),
        (
            "annotation",
            "1",
            json!({ "id": 1, "text": "api 1.0", "tags": ["deploy", "api"], "time": 1_769_752_800_000_i64 }),
            "Annotation deleted",
        ),
        (
            "folder",
            "disks",
            json!({ "uid": "disks", "title": "Disks",
            "holds": { "dashboard": 0, "alertrule": 0, "folder": 0 } }),
            "Folder deleted",
        ),
    ] {
        let dry = json!({ "kind": kind, "id": id, "dry_run": true });
        assert_eq!(said(&mock, "delete", dry.clone()), json!({ "dry_run": true, "deletes": deletes }));
        assert_eq!(said(&mock, "delete", json!({ "kind": kind, "id": id })), json!({ "message": message }));
        assert!(refused(&mock, "delete", dry).contains("the upstream has no such thing (404)"));
    }
    assert_eq!(
        refused(&mock, "delete", json!({ "kind": "folder", "id": "shop" })),
        "the upstream answered 400: folder cannot be deleted: folder is not empty: folder contains alert rules (the same \
         request would fail again)"
    );
    let of_api = json!({ "kind": "alert_rule", "uid": "disk", "fields": { "provenance": "api" } });
    said(&mock, "save_object", of_api);
    said(&mock, "delete", json!({ "kind": "alert_rule", "id": "disk" }));
    said(&mock, "delete", json!({ "kind": "folder", "id": "shop", "force": true }));
    assert_eq!(sent(&mock).last().unwrap(), "DELETE /api/folders/shop?forceDeleteRules=true");
    assert_eq!(
        refused(&mock, "delete", json!({ "kind": "annotation", "id": "x" })),
        "arguments.id: an annotation has a number"
    );
    assert_eq!(
        refused(&mock, "delete", json!({ "kind": "dashboard", "id": "home", "force": true })),
        "arguments.force: is for a folder"
    );
}
