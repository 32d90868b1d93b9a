//! Owns `convert_time`: one instant in several zones and formats.

use bulkhead_sdk::prelude::*;

use super::{facts, format, parse, present, zone, zone_or};
use crate::{Utilities, set};

pub(super) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "convert_time",
            "Reads a time in nearly any notation (ISO 8601, RFC 2822, Unix seconds or milliseconds, a local date and \
             time) and gives it in one or more time zones. Says so where daylight saving skips or repeats it.",
            convert_time,
        )
        .title("Convert a time")
        .read_only()
        .idempotent()
        .tag("time"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct ConvertTime {
    /// `2026-03-29T02:30:00+01:00`, `2026-03-29 02:30`, `2026-03-29`, `1774747800`, or `now`.
    time: String,
    /// Time zone of a time that says none.
    from: Option<String>,
    /// Time zones to give it in, such as `["Asia/Tokyo", "America/New_York"]`.
    #[serde(default)]
    #[schemars(length(max = 50))]
    to: Vec<String>,
    /// rfc3339 (default), rfc2822, http, date, time, datetime, unix, unix_ms, or strftime such as `%H:%M`.
    format: Option<String>,
}

async fn convert_time(service: &Utilities, args: ConvertTime, call: &Call) -> Result<Output> {
    crate::limits::within("to", args.to.len(), 0, 50)?;
    let from = zone_or(service, "from", args.from.as_deref())?;
    let read = parse::time("time", &args.time, &from, &present(call, &from)?)?;
    let format = args.format.as_deref().unwrap_or("rfc3339");
    let mut zones = Vec::new();
    for (index, name) in args.to.iter().enumerate() {
        zones.push(zone::argument(&format!("to[{index}]"), name)?);
    }
    if zones.is_empty() {
        zones.push(from);
    }
    let mut lines = Vec::new();
    let mut results = Vec::new();
    for zone in zones {
        let time = read.time.with_time_zone(zone);
        let text = format::write("format", format, &time)?;
        let mut value = facts(&time);
        lines.push(format!("{}: {text}", zone::name(time.time_zone())));
        set(&mut value, "formatted", text);
        results.push(value);
    }
    let mut value = json!({"unix": read.time.timestamp().as_second(), "results": results});
    if let Some(note) = read.note {
        lines.push(format!("Note: {note}."));
        set(&mut value, "note", note);
    }
    Ok(Output::structured_with_text(value, lines.join("\n")))
}
