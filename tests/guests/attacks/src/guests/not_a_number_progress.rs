//! Reports progress that is no number.

use crate::guest::{Answer, Guest, Input, call, text};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            call::progress(odd, Some(odd), None);
        }
        call::progress(1.0, Some(f64::NAN), None);
        call::progress(2.0, Some(4.0), None);
        text("reported")
    }
}
