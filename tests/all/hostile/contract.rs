//! Guests that break the contract.

use super::trial::left_out;

const CRASHED: &str = "the integration crashed: it panicked or aborted; the log has its last words";

pub(super) async fn trap_in_initialize() {
    left_out("trap_in_initialize", "", CRASHED).await;
}
