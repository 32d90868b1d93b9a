//! Counts its calls in memory.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use crate::guest::{Answer, Guest, Input, structured};

pub struct Attack;

static CALLS: AtomicU32 = AtomicU32::new(0);

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        structured(&json!({ "calls": CALLS.fetch_add(1, Ordering::Relaxed) + 1 }))
    }
}
