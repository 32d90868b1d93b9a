//! Reports progress a hundred thousand times.

use crate::guest::{Answer, Guest, Input, call, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        for done in 0..100_000 {
            call::progress(f64::from(done), None, None);
        }
        text("flooded")
    }
}
