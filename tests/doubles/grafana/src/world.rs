//! What there is to begin with.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Everything, and the time it is.
pub(crate) struct World {
    pub(crate) now: f64,
    pub(crate) boards: BTreeMap<String, Board>,
    pub(crate) folders: Vec<Value>,
    pub(crate) sources: Vec<Value>,
    pub(crate) rules: Vec<Value>,
    pub(crate) intervals: BTreeMap<String, u64>,
    pub(crate) annotations: Vec<Value>,
    pub(crate) receivers: Value,
    pub(crate) next: u64,
}

/// A dashboard: where it is, and every version of it, the newest last.
pub(crate) struct Board {
    pub(crate) folder: String,
    pub(crate) versions: Vec<Version>,
}

/// One version.
pub(crate) struct Version {
    pub(crate) at: f64,
    pub(crate) by: &'static str,
    pub(crate) message: String,
    pub(crate) data: Value,
}

const HOUR: f64 = 3600.0;

/// Unix seconds as RFC 3339.
pub fn moment(at: f64) -> String {
    // Howard Hinnant's days-to-civil would do; the SDK has it already, but a double should not depend on what it tests.
    let seconds = at.round() as i64;
    let (mut days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days >= if leap(year) { 366 } else { 365 } {
        days -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let months = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= months[month] {
        days -= months[month];
        month += 1;
    }
    format!(
        "{year:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        month + 1,
        days + 1,
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// The smallest picture there is: one pixel.
pub fn png() -> Vec<u8> {
    let head = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R'];
    let rest = [
        0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T',
        0x78, 0x9c, 0x62, 0, 1, 0, 0, 5, 0, 1, 0x0d, 0x0a, 0x2d, 0xb4, 0, 0, 0, 0, b'I', b'E', b'N', b'D',
        0xae, 0x42, 0x60, 0x82,
    ];
    [&head[..], &rest[..]].concat()
}

impl World {
    pub(crate) fn new(now: f64) -> Self {
        let mut boards = BTreeMap::new();
        boards.insert("checkout".to_owned(), checkout(now));
        boards.insert("nodes".to_owned(), simple(now, "nodes", "Node health", "infra", &["linux"]));
        boards.insert("home".to_owned(), simple(now, "home", "Start here", "", &[]));
        Self {
            now,
            boards,
            folders: vec![
                folder(now, 11, "shop", "Shop", ""),
                folder(now, 12, "infra", "Infrastructure", ""),
                folder(now, 13, "disks", "Disks", "infra"),
            ],
            sources: vec![
                source(1, "prom", "Prometheus", "prometheus", "http://prometheus:9090", true),
                source(2, "loki", "Loki", "loki", "http://loki:3100", false),
                source(3, "pg", "Orders", "postgres", "postgres://orders:5432", false),
            ],
            rules: rules(now),
            intervals: BTreeMap::from([("shop/latency".to_owned(), 60), ("infra/disks".to_owned(), 60)]),
            annotations: annotations(now),
            receivers: receivers(now),
            next: 100,
        }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn folder_title(&self, uid: &str) -> String {
        let found = self.folders.iter().find(|folder| folder["uid"] == uid);
        found.map_or("General".to_owned(), |folder| folder["title"].as_str().unwrap().to_owned())
    }
}

fn folder(now: f64, id: u64, uid: &str, title: &str, parent: &str) -> Value {
    json!({ "id": id, "uid": uid, "orgId": 1, "title": title, "parentUid": parent,
        "url": format!("/prefix/dashboards/f/{uid}/{uid}"), "hasAcl": false, "canSave": true, "canEdit": true,
        "canAdmin": true, "canDelete": true, "createdBy": "ana", "created": moment(now - 900.0 * HOUR),
        "updatedBy": "ana", "updated": moment(now - 800.0 * HOUR), "version": 1 })
}

fn source(id: u64, uid: &str, name: &str, kind: &str, url: &str, default: bool) -> Value {
    json!({ "id": id, "uid": uid, "orgId": 1, "name": name, "type": kind, "typeLogoUrl": "", "access": "proxy",
        "url": url, "user": "", "database": "", "basicAuth": false, "basicAuthUser": "", "withCredentials": false,
        "isDefault": default, "jsonData": { "httpMethod": "POST", "apiToken": "left-in-the-open" },
        "secureJsonFields": { "password": true }, "version": 3, "readOnly": false })
}

fn simple(now: f64, uid: &str, title: &str, folder: &str, tags: &[&str]) -> Board {
    let data =
        json!({ "id": uid.len(), "uid": uid, "title": title, "tags": tags, "version": 1, "panels": [] });
    let by = "ana";
    let message = String::new();
    Board { folder: folder.to_owned(), versions: vec![Version { at: now - 700.0 * HOUR, by, message, data }] }
}

fn checkout(now: f64) -> Board {
    let data = |version: u64, title: &str, expr: &str| {
        json!({
            "id": 7, "uid": "checkout", "title": "Checkout", "tags": ["shop", "slo"], "version": version,
            "description": "How checkout does.", "refresh": "30s", "time": { "from": "now-6h", "to": "now" },
            "templating": { "list": [
                { "name": "job", "type": "query", "multi": true, "query": { "query": "label_values(up, job)" },
                  "current": { "text": "api", "value": "api" } },
                { "name": "ds", "type": "datasource", "query": "prometheus", "current": { "value": "prom" } },
            ]},
            "panels": [
                { "id": 1, "title": title, "type": "timeseries", "datasource": { "type": "prometheus", "uid": "$ds" },
                  "targets": [
                    { "refId": "A", "expr": expr, "datasource": { "type": "prometheus", "uid": "$ds" } },
                    { "refId": "B", "expr": "vector(1)", "hide": true },
                  ] },
                { "id": 9, "title": "More", "type": "row", "collapsed": true, "panels": [
                    { "id": 2, "title": "Errors", "type": "logs", "datasource": { "type": "loki", "uid": "loki" },
                      "targets": [{ "refId": "A", "expr": "{job=\"$job\"} |= \"error\"" }] },
                ] },
                { "id": 3, "title": "Orders", "type": "table", "datasource": "Orders",
                  "targets": [{ "refId": "A", "rawSql": "SELECT * FROM orders WHERE job IN ($job)", "format": "table" }] },
                { "id": 4, "title": "Notes", "type": "text" },
            ],
        })
    };
    let version = |at: f64, by, message: &str, data| Version { at, by, message: message.to_owned(), data };
    let rate = |range: &str| format!("rate(http_requests_total{{job=~\"$job\"}}[{range}])");
    Board {
        folder: "shop".to_owned(),
        versions: vec![
            version(now - 200.0 * HOUR, "ana", "first", data(1, "Requests", &rate("1m"))),
            version(now - 50.0 * HOUR, "ben", "", data(2, "Requests", &rate("5m"))),
            version(now - 2.0 * HOUR, "cleo", "per second", data(3, "Requests/s", &rate("$__rate_interval"))),
        ],
    }
}

fn rules(now: f64) -> Vec<Value> {
    let rule = |id: u64, uid: &str, title: &str, folder: &str, group: &str, source: &str, updated: f64| {
        json!({
            "id": id, "uid": uid, "orgID": 1, "folderUID": folder, "ruleGroup": group, "title": title, "condition": "C",
            "data": [
                { "refId": "A", "queryType": "", "relativeTimeRange": { "from": 600, "to": 0 }, "datasourceUid": source,
                  "model": { "expr": "up", "refId": "A" } },
                { "refId": "C", "queryType": "", "relativeTimeRange": { "from": 0, "to": 0 }, "datasourceUid": "__expr__",
                  "model": { "type": "threshold", "expression": "A", "refId": "C" } },
            ],
            "updated": moment(updated), "noDataState": "NoData", "execErrState": "Error", "for": "5m",
            "annotations": { "summary": format!("{title}!") }, "labels": { "team": folder }, "isPaused": false,
        })
    };
    vec![
        rule(1, "slow", "Checkout is slow", "shop", "latency", "prom", now - 3.0 * HOUR),
        rule(2, "lost", "Orders are lost", "shop", "latency", "pg", now - 300.0 * HOUR),
        rule(3, "quiet", "Checkout is quiet", "shop", "latency", "loki", now - 300.0 * HOUR),
        rule(4, "disk", "Disk is full", "infra", "disks", "prom", now - 300.0 * HOUR),
        rule(5, "wear", "Disk is worn", "infra", "disks", "prom", now - 300.0 * HOUR),
    ]
}

fn annotations(now: f64) -> Vec<Value> {
    let ms = |hours: f64| ((now - hours * HOUR) * 1000.0) as i64;
    let mark = |id: u64, hours: f64, text: &str, tags: &[&str], login: &str, board: &str, panel: u64| {
        json!({ "id": id, "alertId": 0, "alertName": "", "dashboardId": 0, "dashboardUID": board, "panelId": panel,
            "userId": 1, "newState": "", "prevState": "", "created": ms(hours), "updated": ms(hours), "time": ms(hours),
            "timeEnd": ms(hours), "text": text, "tags": tags, "login": login, "email": "", "avatarUrl": "", "data": {} })
    };
    let mut alert = mark(4, 1.0, "", &[], "", "checkout", 1);
    alert["alertId"] = json!(1);
    alert["alertName"] = json!("Checkout is slow");
    alert["prevState"] = json!("Normal");
    alert["newState"] = json!("Alerting");
    vec![
        mark(1, 30.0, "api 1.0", &["deploy", "api"], "ci", "", 0),
        mark(2, 1.5, "api 1.1", &["deploy", "api"], "ci", "", 0),
        mark(3, 1.5, "cache off", &["ops"], "ben", "checkout", 1),
        alert,
    ]
}

fn receivers(now: f64) -> Value {
    let integration = |name: &str, error: &str| {
        json!({ "name": name, "sendResolved": true, "lastNotifyAttempt": moment(now - 0.5 * HOUR),
            "lastNotifyAttemptDuration": "120ms", "lastNotifyAttemptError": error })
    };
    json!([
        { "name": "shop-team", "active": true, "integrations": [integration("slack[0]", "channel_not_found")] },
        { "name": "infra-team", "active": true, "integrations": [integration("email[0]", "")] },
    ])
}
