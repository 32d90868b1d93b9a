//! `silence`: keeps alerts quiet for a while, changes or extends a silence there is, or ends it. First it says what that
//! would do; nothing changes before it is called with `dry_run` false.

mod end;
mod make;

use bulkhead_sdk::duration;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, Seconds, When};
use serde_json::Map;

use crate::Alertmanager;
use crate::alert::{Alert, counted};

/// Alerts and silences named in an answer, and silences ended by one call.
const MOST: usize = 20;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Arguments {
    /// Of one to change, extend or end.
    id: Option<String>,
    /// `alertname="DiskFull", host=~"db.*"`.
    matchers: Option<String>,
    /// `2h`, a time, or `now` to end it.
    ends: Option<String>,
    /// Default: now.
    starts: Option<When>,
    /// Why; needed if new.
    comment: Option<String>,
    /// Default: the caller.
    created_by: Option<String>,
    /// Permits to silence all.
    match_all: Option<bool>,
    /// Default true.
    dry_run: Option<bool>,
}

returns!(Answer { dry_run: "boolean", silences: "array", alerts: "object", overlaps: "array" });

pub(super) fn tool() -> Tool<Alertmanager> {
    Tool::writes(
        "silence",
        "Silence",
        "Creates, changes or ends a silence; a dry run shows which alerts that affects.",
        silence,
    )
    .destructive()
    .output::<Answer>()
}

async fn silence(service: &Alertmanager, args: Arguments, call: &Call) -> Result<Output> {
    let now = time::unix(call.now());
    let ends = args.ends.as_deref().map(|text| moment(text, now)).transpose()?;
    let mut out = match ends {
        Some(ends) if ends <= now => end::end(service, &args, now).await?,
        _ => make::make(service, &args, ends, call.caller(), now).await?,
    };
    out.insert("dry_run".into(), args.is_dry().into());
    if args.is_dry() {
        let next = "nothing is changed yet: if this is what is meant, call again with dry_run false";
        out.insert("next".into(), next.into());
    }
    Ok(Output::json(&out))
}

impl Arguments {
    fn is_dry(&self) -> bool {
        self.dry_run.unwrap_or(true)
    }
}

/// A moment, or a length of time from now.
fn moment(text: &str, now: Seconds) -> Result<Seconds> {
    if let Ok(length) = duration::parse(text.trim())
        && text.trim().parse::<f64>().is_err()
    {
        return Ok(now + length);
    }
    let when =
        When::parse(text).map_err(|why| Error::invalid("ends", format!("{why}, or how long (`2h`)")))?;
    Ok(when.resolve(now))
}

/// How many alerts, in which states and how severe, and the worst of them.
fn affected(alerts: &[Alert], now: Seconds) -> Map<String, Value> {
    let severities = alerts.iter().map(|alert| alert.label("severity")).filter(|word| !word.is_empty());
    let mut out = Map::new();
    out.insert("total".into(), alerts.len().into());
    out.insert("by_state".into(), counted(alerts.iter().map(Alert::state)));
    out.insert("by_severity".into(), counted(severities));
    out.insert(
        "alerts".into(),
        alerts.iter().take(MOST).map(|alert| Value::Object(alert.line(now))).collect(),
    );
    if alerts.len() > MOST {
        out.insert("left_out".into(), (alerts.len() - MOST).into());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_moment_or_a_length() {
        let end = |text: &str| moment(text, 1000.0);
        assert_eq!(
            [end("2h"), end("+2h"), end("now"), end("-1m"), end("5000")],
            [Ok(8200.0), Ok(8200.0), Ok(1000.0), Ok(940.0), Ok(5000.0)]
        );
        let error = end("tomorrow").unwrap_err().to_string();
        assert!(
            error.starts_with("arguments.ends: `tomorrow` is not a time")
                && error.ends_with("or how long (`2h`)")
        );
    }
}
