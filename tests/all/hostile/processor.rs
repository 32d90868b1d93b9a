//! Guests that take time.

use serde_json::json;

use super::trial::{Trial, attack, crashed, host, is, left_out, neighbour, stopped};
use crate::support::{component, run};

const DEADLINE: &str = "limits: { deadline: 500ms }";
const STOPPED: &str = "the call was stopped at its deadline of 500ms";
/// A service is listed within the deadline of its calls, unless listing has one of its own.
const LISTED: &str = "saying what it offers takes longer than 500ms; `limits.listing.deadline` gives it more";

/// A guest that is busy for ever meets its deadline, or the end of its processor time if that is sooner.
async fn busy(guest: &str) {
    stopped(guest, DEADLINE, "deadline_exceeded", STOPPED).await;
    let text = "the integration was stopped: it used up its processor time of 200ms";
    stopped(guest, "limits: { cpu: 200ms }", "cpu_exceeded", text).await;
}

pub(super) async fn spin() {
    busy("spin").await;
    // Other calls of the same service are answered beside it.
    let trial = Trial::of("spin", "limits: { deadline: 3s }");
    let honest = async {
        for n in 0..5 {
            trial.honest("attack", n).await;
        }
    };
    tokio::join!(trial.stopped(json!({})), honest);
}

pub(super) async fn clock_abuse() {
    busy("clock_abuse").await;
}

pub(super) async fn busy_poll() {
    busy("busy_poll").await;
}

pub(super) async fn random_flood() {
    busy("random_flood").await;
}

pub(super) async fn spin_in_initialize() {
    left_out("spin_in_initialize", DEADLINE, LISTED).await;
}

pub(super) async fn spin_in_list_tools() {
    left_out("spin_in_list_tools", DEADLINE, LISTED).await;
}

pub(super) async fn spin_in_health_check() {
    ill("spin_in_health_check", STOPPED).await;
}

/// `check` names the ill service and what is wrong with it, and the healthy one; calls are served all the same.
pub(super) async fn ill(guest: &str, why: &str) {
    ill_service(&attack(&component("attacks"), &format!("guest: {guest}"), DEADLINE), "", why).await;
}

/// The same for any service; `end` is what follows the services in the file.
pub(super) async fn ill_service(attack: &str, end: &str, why: &str) {
    let services = format!("{attack}{}{end}", neighbour());
    let output = run(&["check"], &host(&services));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains(&format!("  UNHEALTHY   {why}\n")), "{shown}");
    assert!(shown.contains("  healthy     well\n"), "{shown}");
    let trial = Trial::start(&services);
    trial.honest("attack", 1).await;
    trial.honest("neighbour", 1).await;
}

pub(super) async fn block_for_ever_on_a_pollable() {
    stopped("block_for_ever_on_a_pollable", DEADLINE, "deadline_exceeded", STOPPED).await;
}

pub(super) async fn sleep_past_deadline() {
    stopped("sleep_past_deadline", DEADLINE, "deadline_exceeded", STOPPED).await;
}

pub(super) async fn many_timers() {
    let text = "the integration was stopped: it kept more than 512 handles open";
    stopped("many_timers", "", "too_many_handles", text).await;
}

pub(super) async fn poll_huge_list() {
    // What crosses in one piece is bounded by what a result may be, whichever way it goes.
    let text = "the result was dropped: it is more than four times the limit of 256.0 KiB; ask for less";
    stopped("poll_huge_list", "", "result_too_large", text).await;
}

pub(super) async fn poll_nothing() {
    crashed("poll_nothing").await;
}

pub(super) async fn burn_fuel() {
    let trial = Trial::of("burn_fuel", "limits: { fuel: 3000000 }");
    let text = "the integration was stopped: it used up its 3000000 units of fuel";
    // Fuel counts instructions, not time: it ends at the same step whatever else the machine does.
    for _ in 0..3 {
        assert_eq!(trial.answered(json!({ "steps": 10_000 })).await["content"][0]["text"], json!("49995000"));
        is(&trial.stopped(json!({ "steps": 3_000_000 })).await, "fuel_exceeded", text);
    }
    trial.honest("attack", 1).await;
}

pub(super) async fn ignore_cancellation() {
    let trial = Trial::of("ignore_cancellation", "limits: { concurrent_calls: 1 }");
    let client = trial.client.clone();
    let gone = tokio::spawn(async move { client.call("attack_run", json!({})).await });
    trial.beside(async { trial.server.logged(|entry| entry["message"] == "at it") }).await;
    gone.abort();
    assert_eq!(trial.record()["outcome"], json!("cancelled"));
    // Its one place is free as soon as the guest is gone, long before its deadline.
    let added = async || trial.client.call("attack_add", json!({ "a": 1, "b": 1 })).await;
    while added().await["structuredContent"] != json!({ "sum": 2 }) {}
    trial.honest("attack", 1).await;
}

pub(super) async fn endless_recursion() {
    let text = "the integration crashed: its stack overflowed";
    stopped("endless_recursion", "", "trapped", text).await;
}
