//! Grafana, played for tests: dashboards with their versions, folders, datasources, alert rules with their state,
//! annotations, and who may do what. Written from the vendor's document; it keeps what it is given.
//!
//! `world` is what there is to begin with, `answers` what is asked of it, `examples` how the component is called.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's tools fail by panicking"
)]

mod alerting;
mod boards;
mod examples;
mod marks;
mod sources;
mod world;

use std::sync::{Arc, Mutex};

use double_kit::{Contract, Double, Reply, Request};
use serde_json::{Value, json};

pub use examples::examples;
pub use world::{moment, png};

use crate::world::World;

/// The operations it knows.
const TABLE: &str = include_str!("../../../../components/grafana/api.txt");

/// A Grafana whose data is of the hours before `now` (unix seconds).
pub fn double(now: f64) -> Arc<dyn Double> {
    Arc::new(Grafana { contract: Contract::parse(TABLE), world: Mutex::new(World::new(now)) })
}

struct Grafana {
    contract: Contract,
    world: Mutex<World>,
}

impl Double for Grafana {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn answer(&self, request: &Request) -> Reply {
        let mut world = self.world.lock().unwrap();
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        match &path[..] {
            ["render", "d-solo", uid] => boards::render(&world, request, uid),
            ["api", "health"] => {
                Reply::json(200, &json!({ "commit": "abc", "database": "ok", "version": "11.0.0" }))
            }
            ["api", "frontend", "settings"] => Reply::json(
                200,
                &json!({ "rendererAvailable": true, "buildInfo": { "edition": "Open Source" } }),
            ),
            ["api", "search"] => boards::search(&world, request),
            ["api", "dashboards", rest @ ..] => boards::dashboards(&mut world, method, rest, request),
            ["api", "folders", rest @ ..] => boards::folders(&mut world, method, rest, request),
            ["api", "datasources", rest @ ..] => sources::datasources(&mut world, method, rest, request),
            ["api", "ds", "query"] => sources::query(&world, request),
            ["api", "plugins", rest @ ..] => sources::plugins(rest),
            ["api", "annotations", rest @ ..] => marks::annotations(&mut world, method, rest, request),
            ["api", "prometheus", ..] => alerting::state(&world),
            ["api", "alertmanager", ..] => Reply::json(200, &world.receivers),
            ["api", "v1", "provisioning", rest @ ..] => {
                alerting::provisioning(&mut world, method, rest, request)
            }
            ["api", rest @ ..] => marks::access(rest, request),
            _ => missing("Not found"),
        }
    }
}

/// What Grafana says when something is not there.
fn missing(message: &str) -> Reply {
    Reply::json(404, &json!({ "message": message, "traceID": "" }))
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "message": message }))
}

fn done(body: &Value) -> Reply {
    Reply::json(200, body)
}
