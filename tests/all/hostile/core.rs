//! Guests written by hand: what a compiler would not make, and what goes wrong before there is a config.

use serde_json::json;

use super::trial::{Trial, attack, file_left_out, host, is, neighbour};
use crate::support::{core_component, run};

const DEADLINE: &str = "limits: { deadline: 300ms }";
const STOPPED: &str = "asking what it is: the call was stopped at its deadline of 300ms";
const CRASHED: &str =
    "asking what it is: the integration crashed: it panicked or aborted; the log has its last words";

/// The guest is left out, with these words, and its neighbour works.
async fn left_out(name: &str, rest: &str, why: &str) {
    file_left_out(&core_component(name), "", rest, why).await;
}

/// The guest is served beside a neighbour.
fn served(name: &str) -> Trial {
    Trial::start(&format!("{}{}", attack(&core_component(name), "", ""), neighbour()))
}

pub(super) async fn trap_in_describe() {
    left_out("trap_in_describe", "", CRASHED).await;
}

pub(super) async fn spin_in_describe() {
    left_out("spin_in_describe", DEADLINE, STOPPED).await;
}

pub(super) async fn recurse_in_describe() {
    left_out("recurse_in_describe", "", "the integration crashed: its stack overflowed").await;
}

pub(super) async fn trap_in_start() {
    left_out("trap_in_start", "", CRASHED).await;
}

pub(super) async fn spin_in_start() {
    left_out("spin_in_start", DEADLINE, STOPPED).await;
}

pub(super) async fn huge_initial_memory() {
    // wasmtime's own words follow: the pool has no slot of that size.
    left_out("huge_initial_memory", "", "huge_initial_memory.wasm: it cannot be compiled: ").await;
}

pub(super) async fn too_many_memories() {
    left_out("too_many_memories", "", "too_many_memories.wasm: it cannot be compiled: ").await;
}

pub(super) async fn huge_manifest() {
    left_out(
        "huge_manifest",
        "",
        "asking what it is: the result was dropped: it is more than four times the limit of ",
    )
    .await;
}

pub(super) async fn table_growth() {
    // The guest itself crashes unless it gets exactly what there is.
    served("table_growth").answered(json!({})).await;
}

pub(super) async fn trap_after_answering() {
    // The answer was there, but a guest that crashes is not believed.
    let text = "the integration crashed: it panicked or aborted; the log has its last words";
    is(&served("trap_after_answering").stopped(json!({})).await, "trapped", text);
}

pub(super) async fn asks_for_everything() {
    let asked = ["https://*/**", "http://169.254.169.254/**", "https://example.com/**"];
    let output = run(&["check"], &host(&attack(&core_component("asks_for_everything"), "", "")));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !shown.contains("may send"), "{shown}");
    let trial = served("asks_for_everything");
    for url in asked {
        assert!(shown.contains(&format!("  may not     {url} (asked for;")), "{shown}");
        trial.server.logged(|entry| entry["level"] == "WARN" && entry["url"] == url);
    }
    trial.answered(json!({})).await;
}
