//! The Alertmanager component against Debian's real Alertmanager, which a real Prometheus tells its alerts: they fire, are
//! silenced, are heard again when a silence ends, and what our tools say is what Alertmanager itself says.

use std::{
    fs,
    time::{Duration, Instant},
};

use hyper::Request;
use serde_json::{Value, json};

use crate::{
    prometheus::process::Process,
    support::{Client, Server, one_service},
};

/// How long an alert may take: it is evaluated once a second and sent on at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// `Hot` hits two hosts; `Noisy` holds `Quiet` back.
const RULES: &str = r#"
groups:
  - name: bulkhead
    interval: 1s
    rules:
      - { alert: Hot, expr: vector(1), labels: { severity: critical, host: a }, annotations: { summary: it is hot } }
      - { alert: Hot, expr: vector(1), labels: { severity: critical, host: b } }
      - { alert: Noisy, expr: vector(1), labels: { severity: warning } }
      - { alert: Quiet, expr: vector(1), labels: { severity: info } }
"#;

const ALERTMANAGER: &str = r#"
route: { receiver: team, group_by: [alertname] }
receivers: [{ name: team }, { name: nobody }]
inhibit_rules: [{ source_matchers: [alertname="Noisy"], target_matchers: [alertname="Quiet"] }]
"#;

/// Both programs, and a Bulkhead in front of one.
struct Live {
    url: String,
    client: Client,
    _server: Server,
    _programs: [Process; 2],
    _dir: tempfile::TempDir,
}

impl Live {
    /// Waits until everything that fires has arrived.
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("alertmanager.yml", ALERTMANAGER);
        let args = ["--config.file=alertmanager.yml", "--storage.path=silences", "--cluster.listen-address="];
        let alertmanager = Process::start("prometheus-alertmanager", &args, dir.path());
        write("rules.yml", RULES);
        let target = format!(
            "alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['{}'] }}] }}] }}",
            alertmanager.address
        );
        write("prometheus.yml", &format!("rule_files: [rules.yml]\n{target}\n"));
        // What is told before the Alertmanager is discovered is lost, and told again after that delay: a minute by default.
        let args =
            ["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--rules.alert.resend-delay=1s"];
        let prometheus = Process::start("prometheus", &args, dir.path());
        let url = format!("http://{}", alertmanager.address);
        let server = Server::start(&one_service("alertmanager", &format!("config: {{ url: '{url}' }}")));
        let (client, _programs) = (server.client(), [alertmanager, prometheus]);
        let live = Self { url, client, _server: server, _programs, _dir: dir };
        live.until("four alerts are there", async || live.own("alerts").await.as_array().unwrap().len() == 4)
            .await;
        let held =
            async || live.own("alerts?inhibited=true&active=false").await.as_array().unwrap().len() == 1;
        live.until("one of them is inhibited", held).await;
        live
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < end, "never: {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What Alertmanager itself says.
    async fn own(&self, path: &str) -> Value {
        let request = Request::get(format!("{}/api/v2/{path}", self.url)).body(String::new()).unwrap();
        let response = Client::new(&self.url).send(request).await;
        serde_json::from_slice(response.body()).unwrap_or_else(|e| panic!("{path}: {e}: {response:?}"))
    }

    async fn ok(&self, tool: &str, arguments: Value) -> Value {
        self.client.ok(&format!("alertmanager_{tool}"), arguments).await
    }

    /// The names of alerts that are heard, by our tool and by Alertmanager.
    async fn heard(&self) -> (Vec<String>, Vec<String>) {
        let names = |alerts: &Value, pointer: &str| {
            let name = |alert: &Value| alert.pointer(pointer).unwrap().as_str().unwrap().to_owned();
            let mut names: Vec<String> = alerts.as_array().unwrap().iter().map(name).collect();
            names.sort();
            names
        };
        let ours = self.ok("alerts", json!({ "states": ["active"], "view": "full" })).await;
        let own = self.own("alerts?silenced=false&inhibited=false&unprocessed=false").await;
        (names(&ours["alerts"], "/labels/alertname"), names(&own, "/labels/alertname"))
    }
}

fn same(ours_and_own: &(Vec<String>, Vec<String>), expected: &[&str]) -> bool {
    assert_eq!(ours_and_own.0, ours_and_own.1, "ours and Alertmanager's own");
    ours_and_own.0 == expected
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_fire_are_silenced_and_are_heard_again() {
    let live = Live::start().await;
    assert!(same(&live.heard().await, &["Hot", "Hot", "Noisy"]));
    let full = live.ok("alerts", json!({ "view": "full" })).await;
    let mut fingerprints: Vec<&str> = full["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| alert["fingerprint"].as_str().unwrap())
        .collect();
    fingerprints.sort_unstable();
    let own = live.own("alerts").await;
    let mut theirs: Vec<&str> =
        own.as_array().unwrap().iter().map(|alert| alert["fingerprint"].as_str().unwrap()).collect();
    theirs.sort_unstable();
    assert_eq!(fingerprints, theirs);

    // A dry run says what it would do, and does nothing.
    let silence = json!({ "matchers": "alertname=\"Hot\", host=\"a\"", "ends": "+1h", "comment": "known", "created_by": "ana" });
    let planned = live.ok("silence", silence.clone()).await;
    assert_eq!((&planned["dry_run"], &planned["alerts"]["total"]), (&json!(true), &json!(1)), "{planned}");
    assert_eq!(live.own("silences").await, json!([]));

    let mut real = silence;
    real["dry_run"] = json!(false);
    let made = live.ok("silence", real).await;
    let id = made["silences"][0]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let own = live.own(&format!("silence/{id}")).await;
    assert_eq!((&own["status"]["state"], &own["createdBy"]), (&json!("active"), &json!("ana")), "{own}");
    live.until("one Hot is silenced", async || same(&live.heard().await, &["Hot", "Noisy"])).await;

    let triage = live.ok("triage", json!({})).await;
    assert_eq!(triage["firing"].as_array().unwrap().len(), 2, "{triage}");
    assert_eq!(triage["inhibited"].as_array().unwrap().len(), 1, "{triage}");
    assert!(triage["silenced"].to_string().contains("ana"), "who silences: {triage}");

    let listed = live.ok("silences", json!({ "view": "full" })).await;
    assert_eq!(listed["silences"][0]["id"], json!(id), "{listed}");
    live.ok("silence", json!({ "id": id, "ends": "now", "dry_run": false })).await;
    assert_eq!(live.own(&format!("silence/{id}")).await["status"]["state"], "expired");
    live.until("both Hot are heard again", async || same(&live.heard().await, &["Hot", "Hot", "Noisy"]))
        .await;

    // One that ends by itself.
    let short = json!({ "matchers": "alertname=\"Noisy\"", "ends": "+3s", "comment": "a moment", "created_by": "ana", "dry_run": false });
    let short = live.ok("silence", short).await["silences"][0]["id"].as_str().unwrap().to_owned();
    let state = async || live.own(&format!("silence/{short}")).await["status"]["state"].clone();
    live.until("it ends by itself", async || state().await == "expired").await;
    live.until("all are heard again", async || same(&live.heard().await, &["Hot", "Hot", "Noisy"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_alertmanager_refuses_is_told_with_the_argument_to_change() {
    let live = Live::start().await;
    let (reason, text) =
        live.client.refused("alertmanager_alerts", json!({ "matchers": "host=~\"(\"" })).await;
    assert!(reason == "invalid_arguments" && text.contains("matchers"), "{reason}: {text}");
    let (reason, text) = live
        .client
        .refused(
            "alertmanager_silence",
            json!({ "id": "6b4d2e6e-0000-4000-8000-000000000000", "ends": "now", "dry_run": false }),
        )
        .await;
    assert_eq!(reason, "not_found", "{text}");
    let status = live.ok("status", json!({})).await;
    assert!(status.to_string().contains("0.2"), "{status}");
    let sent = json!({ "labels": { "alertname": "Drill", "severity": "info" }, "annotations": { "summary": "a drill" } });
    live.ok("send_alert", sent).await;
    live.until("what was sent is there", async || live.own("alerts").await.to_string().contains("Drill"))
        .await;
}
