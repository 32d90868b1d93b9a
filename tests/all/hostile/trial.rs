//! How a guest is tried: in a server beside an honest neighbour, which must not notice.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Client, Server, component, run};

/// A server with the services `attack`, of one hostile guest, and `neighbour`, of an honest one.
pub(super) struct Trial {
    pub(super) server: Server,
    pub(super) client: Client,
}

impl Trial {
    /// Tries `guest`; `rest` are further lines of its service, as flow YAML: `limits: { deadline: 300ms }`.
    pub(super) fn of(guest: &str, rest: &str) -> Self {
        Self::with(&format!("guest: {guest}"), rest)
    }

    /// The same with more config than the guest's name: `guest: x, url: 'http://…'`.
    pub(super) fn with(config: &str, rest: &str) -> Self {
        Self::start(&format!("{}{}", attack(&component("attacks"), config, rest), neighbour()))
    }

    /// Serves these services.
    pub(super) fn start(services: &str) -> Self {
        let server = Server::start(&host(services));
        let client = server.client();
        Self { server, client }
    }

    /// Calls `run`, which must fail, while the neighbour works. Reason and text.
    pub(super) async fn stopped(&self, arguments: Value) -> (String, String) {
        self.beside(self.client.refused("attack_run", arguments)).await
    }

    /// Calls `run`, which must succeed, while the neighbour works. The whole result.
    pub(super) async fn answered(&self, arguments: Value) -> Value {
        let result = self.beside(self.client.call("attack_run", arguments)).await;
        assert!(result["content"].is_array() && result["isError"] != json!(true), "{result}");
        result
    }

    /// The structured part of what `run` answers.
    pub(super) async fn structured(&self, arguments: Value) -> Value {
        self.answered(arguments).await["structuredContent"].take()
    }

    /// Awaits a misdeed while the neighbour is called, and calls it again afterwards.
    pub(super) async fn beside<T>(&self, misdeed: impl Future<Output = T>) -> T {
        let honest = async {
            for n in 0..5 {
                self.honest("neighbour", n).await;
            }
        };
        let (ended, ()) = tokio::join!(misdeed, honest);
        self.honest("neighbour", 5).await;
        ended
    }

    /// An honest call of a service of this trial.
    pub(super) async fn honest(&self, service: &str, n: u64) {
        let sum = self.client.ok(&format!("{service}_add"), json!({ "a": n, "b": 1 })).await;
        assert_eq!(sum, json!({ "sum": n + 1 }));
    }

    /// The record of a failed call of `run`.
    pub(super) fn record(&self) -> Value {
        self.server.logged(|entry| entry["target"] == "call" && entry["tool"] == "attack_run")
    }
}

/// Tries a guest whose one call must end like this, and whose service must still work.
pub(super) async fn stopped(guest: &str, rest: &str, reason: &str, text: &str) {
    let trial = Trial::of(guest, rest);
    is(&trial.stopped(json!({})).await, reason, text);
    assert_eq!(trial.record()["outcome"], json!(reason));
    trial.honest("attack", 1).await;
}

/// Tries a guest that asks a host function for what no guest can have: that is its fault, not the host's.
pub(super) async fn crashed(guest: &str) {
    let trial = Trial::of(guest, "");
    let (reason, text) = trial.stopped(json!({})).await;
    assert_eq!(reason, "trapped");
    assert!(text.starts_with("the integration crashed: "), "{text}");
    trial.honest("attack", 1).await;
}

#[track_caller]
pub(super) fn is(ended: &(String, String), reason: &str, text: &str) {
    assert_eq!((ended.0.as_str(), ended.1.as_str()), (reason, text));
}

/// A service that cannot be loaded is left out, with these words, and does not keep its neighbour from
/// working. Where it is the only one, the host does not start.
pub(super) async fn left_out(guest: &str, rest: &str, why: &str) {
    file_left_out(&component("attacks"), &format!("guest: {guest}"), rest, why).await;
}

/// The same for any component.
pub(super) async fn file_left_out(file: &Path, config: &str, rest: &str, why: &str) {
    service_left_out(&attack(file, config, rest), "", why).await;
}

/// The same for any service; `end` is what follows the services in the file.
pub(super) async fn service_left_out(attack: &str, end: &str, why: &str) {
    for command in [&["check", "--offline"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let output = run(command, &format!("{}{end}", host(attack)));
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(why), "`{why}` is not in: {text}");
    }
    let trial = Trial::start(&format!("{attack}{}{end}", neighbour()));
    let entry = trial.server.logged(|entry| entry["message"] == "a service is left out");
    assert_eq!((&entry["level"], &entry["service"]), (&json!("ERROR"), &json!("attack")));
    assert!(entry["error"].as_str().unwrap().contains(why), "{entry}");
    trial.honest("neighbour", 1).await;
}

/// The service `attack`, as a line of `services`.
pub(super) fn attack(file: &Path, config: &str, rest: &str) -> String {
    format!("      attack: {{ component: '{}', config: {{ {config} }}, {rest} }}\n", file.display())
}

/// The service `neighbour`, as a line of `services`.
pub(super) fn neighbour() -> String {
    format!("      neighbour: {{ component: '{}' }}\n", component("attacks").display())
}

/// A config of these services.
pub(super) fn host(services: &str) -> String {
    format!("tenants:\n  test:\n    services:\n{services}")
}
