//! Brings a key of its own in the query, where the operator's belongs.

use crate::{
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let queries =
            ["api_key=mine", "x=1&api_key=mine", "api_key", "api%5Fkey=mine", "%61pi_key=mine", "q=1"];
        wire::gets(queries.map(|query| input.allowed(&format!("x?{query}"))))
    }
}
