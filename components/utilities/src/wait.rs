//! Owns waiting: `pause` and `sleep`. Both end with the call's deadline or its cancellation, and
//! say each second how far they are.

use std::time::Duration;

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::sleep as wait;

use crate::{Utilities, limits};

/// Longer waits belong to the client's own schedule; they would only hold a place here.
const LONGEST: Duration = Duration::from_secs(300);
/// Kept of the deadline to answer in.
const MARGIN: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_secs(1);

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "pause",
            "Waits a number of seconds, up to 300 and within the call's deadline; then poll again or go on.",
            pause,
        )
        .title("Pause")
        .read_only()
        .tag("wait"),
        Tool::new("sleep", "Waits a duration in the unit of your choice, up to 5 minutes.", sleep)
            .title("Sleep")
            .read_only()
            .tag("wait"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Pause {
    /// How long.
    #[schemars(range(min = 0, max = 300))]
    seconds: f64,
}

async fn pause(_: &Utilities, args: Pause, call: &Call) -> Result<Output> {
    let seconds = limits::within("seconds", args.seconds, 0.0, LONGEST.as_secs_f64())?;
    run("seconds", Duration::from_secs_f64(seconds), call).await
}

#[derive(Deserialize, JsonSchema)]
struct Sleep {
    /// How long, in `unit`.
    #[schemars(range(min = 0, max = 300_000))]
    duration: f64,
    /// Seconds if left out.
    unit: Option<Unit>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Unit {
    #[serde(alias = "ms")]
    Milliseconds,
    #[serde(alias = "s")]
    Seconds,
    #[serde(alias = "m")]
    Minutes,
}

async fn sleep(_: &Utilities, args: Sleep, call: &Call) -> Result<Output> {
    let (per_second, name) = match args.unit.unwrap_or(Unit::Seconds) {
        Unit::Milliseconds => (1000.0, "milliseconds"),
        Unit::Seconds => (1.0, "seconds"),
        Unit::Minutes => (1.0 / 60.0, "minutes"),
    };
    let most = LONGEST.as_secs_f64() * per_second;
    if !(0.0..=most).contains(&args.duration) {
        return Err(Error::invalid("duration", format!("is {}; expected 0 to {most} {name}", args.duration)));
    }
    run("duration", Duration::from_secs_f64(args.duration / per_second), call).await
}

async fn run(field: &str, time: Duration, call: &Call) -> Result<Output> {
    let left = call.remaining().saturating_sub(MARGIN);
    if time > left {
        return Err(Error::invalid(
            field,
            format!(
                "{} s do not fit: the call has {:.1} s left; wait less and call again",
                time.as_secs_f64(),
                left.as_secs_f64()
            ),
        ));
    }
    let mut waited = Duration::ZERO;
    while waited < time && !call.cancelled() {
        let step = STEP.min(time.saturating_sub(waited));
        wait(step).await;
        waited += step;
        call.progress(waited.as_secs_f64(), Some(time.as_secs_f64()), None);
    }
    let whole = waited >= time;
    let text = format!(
        "Waited {} s{}.",
        waited.as_secs_f64(),
        if whole { "" } else { ", then the call was cancelled" }
    );
    Ok(Output::structured_with_text(json!({"waited_seconds": waited.as_secs_f64(), "complete": whole}), text))
}
