//! Owns sending in tests: every request is answered by the [`Mock`](crate::testing::Mock) of the
//! running call, and no other way out exists.

use super::{Failure, Request, Response};
use crate::error::Result;
use crate::testing::mock;

pub(crate) async fn send(request: Request) -> Result<Response> {
    let target = request.target();
    let time = request.time();
    let Request { method, url, headers, body, limit, cut, .. } = request;
    let url = url?;
    // Pending once, so that requests sent together are seen to be in flight together.
    let _in_flight = mock::InFlight::new();
    crate::sleep(std::time::Duration::ZERO).await;
    let headers =
        headers.into_iter().map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()));
    let sent = crate::testing::Sent { method, url: url.to_string(), headers: headers.collect(), body };
    let failed = |failure: Failure| Err(failure.into_error(&target, &url.authority));
    match mock::answer(&sent, time) {
        Ok(mut response) if response.body.len() > limit => {
            if !cut {
                return failed(Failure::TooLarge(limit));
            }
            response.body.truncate(limit);
            response.truncated = true;
            Ok(response)
        }
        Ok(response) => Ok(response),
        Err(failure) => failed(failure),
    }
}
