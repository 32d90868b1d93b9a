//! `get_link`: URLs of what is there, and pictures.

use bulkhead_sdk::{Content, Method};

use super::*;

fn link(arguments: Value) -> Value {
    fresh("get_link", arguments)
}

#[test]
fn every_page_has_a_link() {
    for (arguments, url, title) in [
        (
            json!({ "page": "dashboard", "uid": "checkout" }),
            "/d/checkout/checkout?from=now-1h&to=now",
            "Checkout",
        ),
        (
            json!({ "page": "dashboard", "uid": "checkout", "panel_id": 2, "from": "2026-01-31T11:00:00Z", "to": "now",
                "variables": { "job": ["a", "b"] } }),
            "/d/checkout/checkout?from=1769857200000&to=now&var-job=a&var-job=b&viewPanel=2",
            "Checkout / Errors",
        ),
        (json!({ "page": "folder", "uid": "shop" }), "/dashboards/f/shop/shop", "Shop"),
        (json!({ "page": "datasource", "uid": "Orders" }), "/connections/datasources/edit/pg", "Orders"),
        (json!({ "page": "alert_rule", "uid": "slow" }), "/alerting/grafana/slow/view", "Checkout is slow"),
        (
            json!({ "page": "logs_drilldown", "uid": "loki", "from": "-2d" }),
            "/a/grafana-lokiexplore-app/explore?from=now-2d&to=now&var-ds=loki",
            "Loki",
        ),
    ] {
        let expected = json!({ "url": format!("http://grafana:3000/prefix{url}"), "title": title });
        assert_eq!(link(arguments), expected);
    }
    let explore = link(json!({ "page": "explore", "uid": "Orders", "query": "SELECT 1" }));
    let panes = "{\"a\":{\"datasource\":\"pg\",\"queries\":[{\"datasource\":{\"type\":\"postgres\",\"uid\":\"pg\"},\
                 \"rawSql\":\"SELECT 1\",\"refId\":\"A\"}],\"range\":{\"from\":\"now-1h\",\"to\":\"now\"}}}";
    let expected = format!(
        "http://grafana:3000/prefix/explore?schemaVersion=1&panes={}",
        bulkhead_sdk::encode_component(panes)
    );
    assert_eq!(explore["url"], json!(expected));
}

#[test]
fn links_are_for_people() {
    let config = json!({ "url": "http://grafana:3000/prefix", "public_url": "https://example.com/graphs", "org_id": 4 });
    let mock = grafana();
    let arguments = json!({ "page": "dashboard", "uid": "checkout" });
    let told = testing::call::<Grafana>(config, &mock, "get_link", arguments).unwrap();
    assert_eq!(
        told.structured().unwrap()["url"],
        json!("https://example.com/graphs/d/checkout/checkout?from=now-1h&to=now&orgId=4")
    );
    assert_eq!(mock.requests()[0].header("x-grafana-org-id"), Some("4"));
}

#[test]
fn what_is_not_there_has_no_link() {
    let why = |arguments: Value| refused(&grafana(), "get_link", arguments);
    assert_eq!(
        why(json!({ "page": "folder", "uid": "x" })),
        "folder `x`: the upstream has no such thing (404): folder not found"
    );
    assert_eq!(
        why(json!({ "page": "logs_drilldown", "uid": "prom" })),
        "arguments.uid: is a datasource of type `prometheus`, not loki"
    );
    let settings = "/api/plugins/grafana-lokiexplore-app/settings";
    let arguments = json!({ "page": "logs_drilldown", "uid": "loki" });
    assert_eq!(
        refused(
            &instead(Method::Get, settings, 200, json!({ "enabled": false })),
            "get_link",
            arguments.clone()
        ),
        "the plugin grafana-lokiexplore-app is not enabled; page explore shows logs too"
    );
    let missing = instead(Method::Get, settings, 404, json!({ "message": "Plugin not found" }));
    assert_eq!(
        refused(&missing, "get_link", arguments),
        "the plugin grafana-lokiexplore-app is not installed; page explore shows logs too: the upstream has no such thing \
         (404): Plugin not found"
    );
}

fn picture() -> Value {
    json!({ "page": "dashboard", "uid": "checkout", "panel_id": 1, "image": "400x300", "variables": { "job": "api" } })
}

#[test]
fn a_panel_comes_as_a_picture_beside_its_link() {
    let mock = grafana();
    let output = run(&mock, "get_link", picture()).unwrap();
    assert_eq!(output.structured().unwrap()["title"], json!("Checkout / Requests/s"));
    let image = Content::Image { data: double_grafana::png(), mime_type: "image/png".into() };
    assert_eq!(output.contents().last(), Some(&image));
    assert_eq!(
        sent(&mock)[2],
        "GET /render/d-solo/checkout?panelId=1&from=now-1h&to=now&var-job=api&width=400&height=300&tz=UTC&timeout=60"
    );
    assert_eq!(mock.in_flight_at_most(), 2, "that there is a panel and a renderer is asked at once");
}

#[test]
fn no_picture_is_taken_for_one() {
    let bare = instead(Method::Get, "/api/frontend/settings", 200, json!({ "rendererAvailable": false }));
    assert_eq!(
        refused(&bare, "get_link", picture()),
        "this Grafana has no image renderer: its operator installs the grafana-image-renderer plugin or service; until \
         then query_datasource gives the panel's numbers"
    );
    assert_eq!(bare.requests().len(), 2, "nothing is rendered then");
    let page = "/render/d-solo/checkout?panelId=1&from=now-1h&to=now&var-job=api&width=400&height=300&tz=UTC&timeout=60";
    let html = grafana().on(Method::Get, &format!("/prefix{page}"), 200, "<html>Log in</html>".to_owned());
    assert_eq!(
        refused(&html, "get_link", picture()),
        "the upstream answered 200: Grafana gave no image: check the service's `url` and credential"
    );
    for (bad, why) in [
        (
            json!({ "page": "dashboard", "uid": "checkout", "panel_id": 1, "image": "400" }),
            "arguments.image: expected width and height, 100 to 4000 each: `1000x500`",
        ),
        (
            json!({ "page": "folder", "uid": "shop", "image": "400x300" }),
            "arguments.image: is of a panel: page dashboard, with `panel_id`",
        ),
    ] {
        assert_eq!(refused(&grafana(), "get_link", bad), why);
    }
}
