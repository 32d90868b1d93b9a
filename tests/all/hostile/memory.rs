//! Guests that take memory, and what the host keeps for them.

use serde_json::json;

use super::trial::{Trial, crashed, is, stopped};

const TIGHT: &str = "limits: { memory: 16MiB }";
const OUT: &str = "the integration was stopped: it needed more than its memory limit of 16.0 MiB";

pub(super) async fn allocate() {
    stopped("allocate", TIGHT, "out_of_memory", OUT).await;
}

pub(super) async fn grow_in_small_steps() {
    for (mib, pages) in [(16, 255), (64, 1023)] {
        let trial = Trial::of("grow_in_small_steps", &format!("limits: {{ memory: {mib}MiB }}"));
        // A refusal is a value: the guest may go on. Its tables count as well, so the last page does not fit.
        assert_eq!(trial.structured(json!({})).await, json!({ "pages": pages }));
    }
}

/// Keeping half of what may be kept is allowed, twice as much is not.
async fn hoard(guest: &str) {
    let trial = Trial::of(guest, "limits: { handles: 100 }");
    let kept = trial.answered(json!({ "count": 50 })).await;
    assert_eq!(kept["content"][0]["text"], json!("50 are kept"));
    let text = "the integration was stopped: it kept more than 100 handles open";
    is(&trial.stopped(json!({ "count": 200 })).await, "too_many_handles", text);
    trial.honest("attack", 1).await;
}

pub(super) async fn hoard_handles() {
    hoard("hoard_handles").await;
}

pub(super) async fn hoard_requests() {
    hoard("hoard_requests").await;
}

pub(super) async fn hoard_streams() {
    hoard("hoard_streams").await;
}

pub(super) async fn hoard_pollables() {
    hoard("hoard_pollables").await;
}

pub(super) async fn huge_random() {
    crashed("huge_random").await;
}

pub(super) async fn huge_insecure_random() {
    crashed("huge_insecure_random").await;
}
