//! Whether a drain may evict a pod.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::value::{list, text};

use super::is_finished;
use crate::object::controller;

/// What keeps a drain from evicting a pod, or makes it pass it over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Eviction {
    Evict,
    Skip(&'static str),
    Blocked(&'static str),
}

/// Whether a drain may evict a pod, by the rules of `kubectl drain`.
pub(crate) fn eviction(pod: &Value, force: bool, delete_emptydir_data: bool) -> Eviction {
    let annotations = pod.pointer("/metadata/annotations");
    if annotations.is_some_and(|all| all.get("kubernetes.io/config.mirror").is_some()) {
        return Eviction::Skip("is a mirror of a file on the node");
    }
    if is_finished(pod) || text(pod, "/status/phase") == "Failed" {
        return Eviction::Evict;
    }
    if controller(pod).is_some_and(|(kind, _)| kind == "DaemonSet") {
        return Eviction::Skip("belongs to a DaemonSet, which would put it back");
    }
    if controller(pod).is_none() && !force {
        return Eviction::Blocked("nothing would make it again: `force` deletes it for good");
    }
    let scratch = list(pod, "/spec/volumes").iter().any(|volume| volume.get("emptyDir").is_some());
    if scratch && !delete_emptydir_data {
        return Eviction::Blocked(
            "has data in an emptyDir, which would be lost: `delete_emptydir_data` allows that",
        );
    }
    Eviction::Evict
}
