//! Owns starting a sync or a rollback, and waiting for what came of it.
//!
//! Even a dry run is an operation: the server only notes it, the controller does it, and its result is a part of the
//! application's state. So whoever asks to try has to wait for it, and tell its result from that of the one before.

use std::time::Duration;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::sleep;
use bulkhead_sdk::value::text;

use crate::api::{Api, Named};
use crate::app;

/// Looks at the application after so many seconds each: operations take from a second to minutes, and a model is better
/// told that one runs than kept waiting.
const LOOKS: [u64; 6] = [1, 1, 2, 3, 5, 8];
/// Kept of the call's time to answer in.
const MARGIN: Duration = Duration::from_secs(3);

/// What a reader of a dry run has to know.
const TRIED: &str = "Nothing was changed. If this is what is meant, call again with dry_run=false.";
const RUNS: &str = "It still runs: application tells how it ends.";

/// Starts an operation on an application that was read before, and tells its result, or that it still runs.
pub(crate) async fn run(
    api: &Api,
    name: &Named<'_>,
    before: &Value,
    what: &str,
    body: Value,
    dry_run: bool,
    call: &Call,
) -> Result<Value> {
    api.start(name, what, body).await?;
    let ended = wait(api, name, before, call).await?;
    let mut out = json!({ "dry_run": dry_run, "ended": ended.is_some() });
    if let Some(out) = out.as_object_mut() {
        let note = match &ended {
            None => RUNS,
            Some(_) if dry_run => TRIED,
            Some(_) => "",
        };
        if !note.is_empty() {
            out.insert("note".into(), note.into());
        }
        if let Some(after) = &ended {
            out.insert("operation".into(), app::operation(after));
            out.insert("health".into(), app::health(after).into());
            out.insert("sync".into(), app::sync(after).into());
        }
    }
    Ok(out)
}

/// The application once the operation has ended; none if that takes longer than there is time.
async fn wait(api: &Api, name: &Named<'_>, before: &Value, call: &Call) -> Result<Option<Value>> {
    for seconds in LOOKS {
        let time = Duration::from_secs(seconds);
        if call.remaining() < time + MARGIN {
            break;
        }
        sleep(time).await;
        // It was started, whatever becomes of looking at it: an error here must not read as if it was not.
        match api.app(name).await {
            Ok(now) if has_ended(before, &now) => return Ok(Some(now)),
            Ok(_) | Err(Error::Unavailable { .. } | Error::RateLimited { .. }) => {}
            Err(error) => return Err(error.context("it was started, but how it goes cannot be read")),
        }
    }
    Ok(None)
}

/// Whether the last operation is another one than before, and done.
fn has_ended(before: &Value, now: &Value) -> bool {
    let of = |app: &Value| {
        let time = |key: &str| text(app, &format!("/status/operationState/{key}")).to_owned();
        (time("startedAt"), time("finishedAt"))
    };
    let waits = now.get("operation").is_some_and(|operation| !operation.is_null());
    !waits && !of(now).1.is_empty() && of(now) != of(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_has_ended_when_it_is_another_than_before() {
        let app = |started: &str, finished: &str, waits: bool| {
            let operation = if waits { json!({ "sync": {} }) } else { Value::Null };
            json!({
                "operation": operation,
                "status": { "operationState": { "startedAt": started, "finishedAt": finished } }
            })
        };
        let before = app("1", "2", false);
        assert!(!has_ended(&before, &before));
        assert!(!has_ended(&before, &app("1", "2", true)), "it was not begun");
        assert!(!has_ended(&before, &app("3", "", true)), "it runs");
        assert!(has_ended(&before, &app("3", "4", false)));
        assert!(has_ended(&json!({}), &app("3", "4", false)), "the first there is");
    }
}
