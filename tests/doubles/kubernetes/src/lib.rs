//! Kubernetes, played for tests: an API server with its objects, and a cluster's worth of them that are well or broken.
//!
//! [`double`] is what a component is walked against. A test that plants, looks or breaks holds a [`Cluster`].
//!
//! - `kinds`, `route`, `versions`: what there is, and where.
//! - `store`, `labels`, `fields`, `list`, `view`, `table`, `columns`, `pods`: what is kept, selected and shown.
//! - `write`, `options`, `known`, `validate`, `patch`, `strategic`, `lists`, `apply`, `owned`, `delete`, `scale`, `eviction`: what changes.
//! - `rollout`, `followers`: what the controllers then do.
//! - `access`, `discovery`, `logs`, `metrics`, `status`, `server`, `clock`: the rest of the server.
//! - `seed`: what the cluster has to begin with.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test's tools fail by panicking, and its modules are not the crate's face"
)]

mod access;
mod apply;
mod clock;
mod cluster;
mod columns;
mod delete;
mod discovery;
mod eviction;
mod examples;
mod fields;
mod followers;
mod kinds;
mod known;
mod labels;
mod list;
mod lists;
mod logs;
mod metrics;
mod options;
mod owned;
mod patch;
mod pods;
mod rollout;
mod route;
mod scale;
mod seed;
mod server;
mod status;
mod store;
mod strategic;
mod table;
mod validate;
mod versions;
mod view;
mod write;

use std::sync::Arc;

pub use access::USER;
pub use cluster::{Cluster, Metrics};
pub use examples::examples;

/// A cluster with the seed, all of whose times are before `now` (unix seconds).
pub fn double(now: f64) -> Arc<dyn double_kit::Double> {
    Arc::new(Cluster::new(now))
}
