//! Whether there is room for a call: a full host says so at once, and never queues without bound.
//!
//! A [`gate`] has the limits of one holder, and [`gate::enter_all`] takes a call through those of all it
//! concerns; [`peers`] bounds connections and streams.

pub mod gate;
pub mod peers;
mod quota;

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{auth::Caller, error::CallError};

/// Proof that the host has room for a call of this caller. Holds the room until it is dropped.
#[derive(Debug)]
pub struct Admitted {
    caller: Caller,
    _room: OwnedSemaphorePermit,
}

impl Admitted {
    /// Who was admitted.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// Limits over all services.
#[derive(Debug)]
pub struct Admission {
    room: Arc<Semaphore>,
}

impl Admission {
    /// Room for this many calls at once.
    #[must_use]
    pub fn new(concurrent_calls: u32) -> Self {
        Self { room: Arc::new(Semaphore::new(usize::try_from(concurrent_calls).unwrap_or(usize::MAX))) }
    }

    /// Takes room for one call.
    ///
    /// # Errors
    /// When there is none left.
    pub fn admit(&self, caller: Caller) -> Result<Admitted, CallError> {
        let room = self.room.clone().try_acquire_owned().map_err(|_| CallError::Throttled {
            message: "the host is running as many calls as it may; try again shortly".to_owned(),
            retry_after: Some(Duration::from_secs(1)),
        })?;
        Ok(Admitted { caller, _room: room })
    }
}
