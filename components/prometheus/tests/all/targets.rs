//! `targets`.

use super::*;

fn target(job: &str, instance: &str, health: &str) -> Value {
    json!({
        "discoveredLabels": { "__address__": instance, "job": job },
        "labels": { "instance": instance, "job": job, "zone": "z1" },
        "scrapePool": job, "scrapeUrl": format!("http://{instance}/metrics"),
        "lastError": if health == "down" { "connection refused" } else { "" },
        "lastScrape": "2026-01-31T11:59:59Z", "lastScrapeDuration": 0.01, "health": health,
        "scrapeInterval": "1s", "scrapeTimeout": "1s",
    })
}

/// What Prometheus answers when only active ones are asked for.
fn scraped() -> Value {
    let mut targets = all();
    targets["droppedTargets"] = json!([]);
    targets
}

fn all() -> Value {
    json!({
        "activeTargets": [target("node", "b:1", "up"), target("api", "c:1", "unknown"), target("node", "a:1", "down"), target("api", "d:1", "up")],
        "droppedTargets": [{ "discoveredLabels": { "__address__": "e:1", "job": "old" } }],
    })
}

#[test]
fn trouble_comes_first() {
    let answer = answer("targets?state=any", &all(), "targets", json!({}));
    assert_eq!([&answer["total"], &answer["shown"]], [5, 5]);
    assert_eq!(answer["by_health"], json!({ "down": 1, "dropped": 1, "unknown": 1, "up": 2 }));
    let line = |target: &Value| {
        ["job", "instance", "health"].map(|field| target[field].as_str().unwrap().to_owned()).join(" ")
    };
    let lines: Vec<String> = answer["targets"].as_array().unwrap().iter().map(line).collect();
    assert_eq!(lines, ["node a:1 down", "api c:1 unknown", "api d:1 up", "node b:1 up", "old e:1 dropped"]);
}

#[test]
fn a_target_says_why_it_is_down() {
    assert_eq!(
        answer("targets?state=active", &scraped(), "targets", json!({ "state": "down" })),
        json!({
            "total": 1, "shown": 1, "by_health": { "down": 1 },
            "targets": [{
                "job": "node", "instance": "a:1", "health": "down", "last_error": "connection refused",
                "last_scrape": "2026-01-31T11:59:59Z", "url": "http://a:1/metrics", "last_scrape_seconds": 0.01,
                "labels": { "zone": "z1" },
            }],
        })
    );
}

#[test]
fn state_and_pool_are_applied_even_if_the_server_ignores_them() {
    for (arguments, rest, instances) in [
        (json!({ "state": "active" }), "targets?state=active", vec!["a:1", "c:1", "d:1", "b:1"]),
        (json!({ "state": "dropped" }), "targets?state=dropped", vec!["e:1"]),
        (json!({ "scrape_pool": "api" }), "targets?state=any&scrapePool=api", vec!["c:1", "d:1"]),
        (json!({ "scrape_pool": "old" }), "targets?state=any&scrapePool=old", vec!["e:1"]),
        (json!({ "scrape_pool": "api", "state": "up" }), "targets?state=active&scrapePool=api", vec!["d:1"]),
        (json!({ "state": "unknown" }), "targets?state=active", vec!["c:1"]),
    ] {
        let answer = answer(rest, &all(), "targets", arguments);
        let shown: Vec<&str> = answer["targets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|target| target["instance"].as_str().unwrap())
            .collect();
        assert_eq!(shown, instances, "{rest}");
        assert_eq!(answer["total"], instances.len());
    }
}

#[test]
fn a_full_target_is_prometheuss_own() {
    let answer = answer("targets?state=any", &all(), "targets", json!({ "view": "full" }));
    assert_eq!(answer["targets"][0], target("node", "a:1", "down"));
    assert_eq!(
        answer["targets"][4],
        json!({ "discoveredLabels": { "__address__": "e:1", "job": "old" }, "health": "dropped" })
    );
}

#[test]
fn fields_are_those_of_a_full_target() {
    let fields = json!({ "fields": ["labels.zone", "lastError", "health", "zone"], "limit": 2 });
    let answer = answer("targets?state=any", &all(), "targets", fields);
    assert_eq!(
        answer["targets"],
        json!([
            { "labels": { "zone": "z1" }, "lastError": "connection refused", "health": "down" },
            { "labels": { "zone": "z1" }, "lastError": "", "health": "unknown" },
        ])
    );
    assert_eq!([&answer["total"], &answer["unknown_fields"]], [&json!(5), &json!(["zone"])]);
}

#[test]
fn targets_page() {
    let first = answer("targets?state=any", &all(), "targets", json!({ "limit": 3 }));
    assert_eq!([&first["total"], &first["shown"]], [5, 3]);
    let last =
        answer("targets?state=any", &all(), "targets", json!({ "limit": 3, "cursor": first["next_cursor"] }));
    assert_eq!([&last["total"], &last["shown"]], [5, 2]);
    assert_eq!(last.get("next_cursor"), None);
    let mock = answering("targets?state=active", &all());
    let error =
        call(&mock, "targets", json!({ "state": "active", "cursor": first["next_cursor"] })).unwrap_err();
    assert!(
        error.message().starts_with("arguments.cursor: belongs to a call with other arguments"),
        "{error}"
    );
}

#[test]
fn an_unknown_state_is_refused_before_anything_is_sent() {
    let mock = mock();
    let error = call(&mock, "targets", json!({ "state": "any" })).unwrap_err();
    assert!(error.message().starts_with("arguments.state: unknown variant `any`"), "{error}");
    assert!(mock.requests().is_empty());
}

#[test]
fn targets_that_share_job_and_instance_have_an_order_of_their_own() {
    let probe = |path: &str| {
        let mut target = target("probe", "a:1", "up");
        target["scrapeUrl"] = json!(format!("http://a:1/{path}"));
        target
    };
    let some = json!(["x", "z", "y"].map(probe));
    let got = |targets: Value| {
        answer("targets?state=any", &json!({ "activeTargets": targets }), "targets", json!({}))
    };
    assert_eq!(got(some.clone()), got(reversed(&some)));
}
