//! Guests that take memory.

use super::trial::stopped;

const TIGHT: &str = "limits: { memory: 16MiB }";

pub(super) async fn allocate() {
    let text = "the integration was stopped: it needed more than its memory limit of 16.0 MiB";
    stopped("allocate", TIGHT, "out_of_memory", text).await;
}
