//! Says that it may be tried again in half a billion years.

use crate::bindings::bulkhead::service::types::Retry;
use crate::guest::{Answer, Guest, Input, ServiceError};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let message = "later".to_owned();
        Err(ServiceError::RateLimited(Retry { message, retry_after_ms: Some(u64::MAX) }))
    }
}
