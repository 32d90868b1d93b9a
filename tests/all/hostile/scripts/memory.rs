//! Guests that take memory, and what the host keeps for them.

use serde_json::json;

use super::{super::trial::is, Language, args};

const TIGHT: &str = "limits: { memory: 64MiB }";
const OUT: &str = "the integration was stopped: it needed more than its memory limit of 64.0 MiB";

pub(super) async fn allocate(language: Language) {
    language.stopped("allocate", TIGHT, "out_of_memory", OUT).await;
}

pub(super) async fn grow_text(language: Language) {
    language.stopped("grow_text", TIGHT, "out_of_memory", OUT).await;
}

pub(super) async fn many_objects(language: Language) {
    language.stopped("many_objects", TIGHT, "out_of_memory", OUT).await;
}

/// A refusal is a value: the guest may go on, with what it has.
pub(super) async fn go_on_without_memory(language: Language) {
    let trial = language.trial("go_on_without_memory", TIGHT).await;
    let went = trial.structured(json!({})).await;
    assert_eq!(went["refused"], json!(language.or("out of memory", "MemoryError")));
    let kept = went["kept"].as_u64().unwrap();
    assert!((16..64).contains(&kept), "{kept}");
    trial.honest("attack", 1).await;
}

pub(super) async fn hoard_handles(language: Language) {
    let trial = language.trial("hoard_handles", "limits: { handles: 100 }").await;
    let kept = trial.answered(args(json!({ "count": 50 }))).await;
    assert_eq!(kept["content"][0]["text"], json!("50 are kept"));
    let text = "the integration was stopped: it kept more than 100 handles open";
    is(&trial.stopped(args(json!({ "count": 200 }))).await, "too_many_handles", text);
    trial.honest("attack", 1).await;
}
