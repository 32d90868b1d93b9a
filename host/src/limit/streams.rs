//! The streams on which clients listen, in a session or by `subscriptions/listen`: how many of one caller, and in all.

use std::sync::Arc;

use super::peers::{Full, Seat, Table};
use crate::{
    auth::{Caller, Who},
    metrics::Metrics,
};

/// All of them.
#[derive(Debug)]
pub struct Streams {
    table: Arc<Table<Who>>,
    metrics: Arc<Metrics>,
}

/// One. Counts until it is dropped.
#[derive(Debug)]
pub struct Stream {
    streams: Arc<Streams>,
    seat: Option<Seat<Who>>,
}

impl Streams {
    /// Room for `most` in all, and for `most_each` of one caller.
    #[must_use]
    pub fn new(most: u32, most_each: u32, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { table: Table::new(most, most_each), metrics })
    }

    /// Opens one.
    ///
    /// # Errors
    /// When there are as many as may be.
    pub fn open(self: &Arc<Self>, caller: &Caller) -> Result<Stream, Full> {
        let seat = self.table.open(caller.who()).inspect_err(|full| {
            let (limit, scope) = match full {
                Full::All => ("streams", "host"),
                Full::One => ("streams_per_caller", "caller"),
            };
            self.metrics.limit_hit(limit, scope);
        })?;
        self.metrics.streams(self.table.len());
        Ok(Stream { streams: self.clone(), seat: Some(seat) })
    }
}

/// What a client is told that cannot listen.
#[must_use]
pub fn why(full: Full) -> &'static str {
    match full {
        Full::All => "there is no room for another stream",
        Full::One => "you have as many streams open as you may; close one",
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.seat = None;
        self.streams.metrics.streams(self.streams.table.len());
    }
}
