//! Equal calls at one moment. They stand in line at one lock: the first runs, and those behind it find its
//! result. A call that fails or is dropped leaves nothing, and the next in line runs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as Lock, MutexGuard as LockGuard, PoisonError},
};

use tokio::sync::{Mutex, MutexGuard};

use super::Key;
use crate::request::ToolOutput;

/// A result, once there is one.
type Landed = Option<Arc<ToolOutput>>;

/// The calls under way.
#[derive(Debug, Default)]
pub(super) struct Flights(Lock<HashMap<Key, Line>>);

#[derive(Debug, Default)]
struct Line {
    members: usize,
    landed: Arc<Mutex<Landed>>,
}

/// A place in the line of equal calls, until it is dropped.
#[derive(Debug)]
pub(super) struct Flight<'a> {
    flights: &'a Flights,
    key: &'a Key,
    landed: Arc<Mutex<Landed>>,
}

impl Flights {
    /// Joins the line of a key.
    pub(super) fn join<'a>(&'a self, key: &'a Key) -> Flight<'a> {
        let mut lines = self.lines();
        let line = lines.entry(key.clone()).or_default();
        line.members += 1;
        Flight { flights: self, key, landed: line.landed.clone() }
    }

    fn lines(&self) -> LockGuard<'_, HashMap<Key, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight<'_> {
    /// Waits for its turn.
    pub(super) async fn turn(&self) -> MutexGuard<'_, Landed> {
        self.landed.lock().await
    }

    /// There is a result: who comes now starts a new line, so that a result is not handed on for ever.
    pub(super) fn land(&self) {
        let mut lines = self.flights.lines();
        if lines.get(self.key).is_some_and(|line| self.is_in(line)) {
            lines.remove(self.key);
        }
    }

    fn is_in(&self, line: &Line) -> bool {
        Arc::ptr_eq(&line.landed, &self.landed)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut lines = self.flights.lines();
        let Some(line) = lines.get_mut(self.key).filter(|line| self.is_in(line)) else { return };
        line.members -= 1;
        if line.members == 0 {
            lines.remove(self.key);
        }
    }
}

#[cfg(test)]
impl Flights {
    /// How many stand in line for a key.
    pub(super) fn members(&self, key: &Key) -> usize {
        self.lines().get(key).map_or(0, |line| line.members)
    }
}
