//! What a run has measured: one flat object with stable keys. A figure of several rounds is its median, with the
//! smallest and the largest beside it as `…_min` and `…_max`.

use std::{collections::BTreeMap, ops::Index};

use serde_json::{Value, json};

/// The figures of a run, by key.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<String, Value>);

impl Figures {
    pub(crate) fn insert(&mut self, key: impl Into<String>, value: Value) {
        self.0.insert(key.into(), value);
    }

    /// A figure of several rounds, rounded by `round`.
    pub(crate) fn spread(&mut self, key: &str, rounds: &[f64], round: impl Fn(f64) -> f64) {
        let Spread { min, median, max } = Spread::of(rounds);
        self.insert(key, json!(round(median)));
        self.insert(format!("{key}_min"), json!(round(min)));
        self.insert(format!("{key}_max"), json!(round(max)));
    }

    /// A figure, if it was measured.
    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.0.get(key)?.as_f64()
    }

    /// A figure as people read it.
    pub(crate) fn text(&self, key: &str) -> String {
        match &self[key] {
            Value::Number(number) => number.as_f64().map(|x| x.to_string()).unwrap_or_default(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// `median (min–max)`, of a figure of several rounds.
    pub(crate) fn told(&self, key: &str) -> String {
        let [least, most] = ["min", "max"].map(|end| self.text(&format!("{key}_{end}")));
        format!("{} ({least}–{most})", self.text(key))
    }

    /// As it is kept.
    pub(crate) fn as_json(&self) -> Value {
        json!(self.0)
    }

    pub(crate) fn print(&self) {
        for (key, value) in &self.0 {
            println!("{key:36} {value}");
        }
    }
}

impl Index<&str> for Figures {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        self.0.get(key).unwrap_or_else(|| panic!("`{key}` was not measured"))
    }
}

/// The smallest, the middle and the largest of several rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(rounds: &[f64]) -> Self {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self { min: sorted[0], median: sorted[sorted.len() / 2], max: sorted[sorted.len() - 1] }
    }

    pub(crate) fn as_json(self, round: impl Fn(f64) -> f64) -> Value {
        json!({ "min": round(self.min), "median": round(self.median), "max": round(self.max) })
    }
}

/// What rounds that followed each other make of each other: a slow moment of the machine met both.
pub(crate) fn pairs(a: &[f64], b: &[f64], of: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| of(*a, *b)).collect()
}

pub(crate) fn whole(x: f64) -> f64 {
    x.round()
}

pub(crate) fn tenths(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

pub(crate) fn hundredths(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}
