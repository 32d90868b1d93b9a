//! Owns the tools that read the clock: `get_time`, `get_timestamp`, `get_date`.

use bulkhead_sdk::prelude::*;

use super::{facts, format, instant, present, weekday, zone_or};
use crate::{Utilities, set};

pub(super) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "get_time",
            "The current date and time in a time zone. Use it whenever an answer depends on now; do not guess.",
            get_time,
        )
        .title("Current time")
        .read_only()
        .tag("time"),
        Tool::new("get_timestamp", "The current Unix timestamp.", get_timestamp)
            .title("Current timestamp")
            .read_only()
            .tag("time"),
        Tool::new(
            "get_date",
            "Today's date in a time zone, with weekday, ISO week, day of the year and quarter.",
            get_date,
        )
        .title("Current date")
        .read_only()
        .tag("time"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct GetTime {
    /// IANA time zone such as `America/New_York`, or an offset such as `+02:00`.
    timezone: Option<String>,
    /// rfc3339 (default), rfc2822, http, date, time, datetime, unix, unix_ms, or strftime such as `%d.%m.%Y %H:%M`.
    format: Option<String>,
}

async fn get_time(service: &Utilities, args: GetTime, call: &Call) -> Result<Output> {
    let zone = zone_or(service, "timezone", args.timezone.as_deref())?;
    let now = present(call, &zone)?;
    let text = format::write("format", args.format.as_deref().unwrap_or("rfc3339"), &now)?;
    let mut value = facts(&now);
    set(&mut value, "formatted", text.clone());
    Ok(Output::structured_with_text(value, text))
}

#[derive(Deserialize, JsonSchema)]
struct GetTimestamp {
    /// Of the number. Seconds if left out.
    unit: Option<Unit>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Unit {
    #[serde(alias = "s")]
    Seconds,
    #[serde(alias = "ms")]
    Milliseconds,
    #[serde(alias = "us")]
    Microseconds,
    #[serde(alias = "ns")]
    Nanoseconds,
}

async fn get_timestamp(_: &Utilities, args: GetTimestamp, call: &Call) -> Result<Output> {
    let now = instant(call)?;
    let (number, unit) = match args.unit.unwrap_or(Unit::Seconds) {
        Unit::Seconds => (now.as_second(), "seconds"),
        Unit::Milliseconds => (now.as_millisecond(), "milliseconds"),
        Unit::Microseconds => (now.as_microsecond(), "microseconds"),
        Unit::Nanoseconds => (i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX), "nanoseconds"),
    };
    Ok(Output::structured_with_text(json!({"timestamp": number, "unit": unit}), number.to_string()))
}

#[derive(Deserialize, JsonSchema)]
struct GetDate {
    /// IANA time zone such as `Asia/Tokyo`, or an offset such as `+09:00`.
    timezone: Option<String>,
    /// Of the date: date (default, `2026-11-21`), or strftime such as `%A, %d %B %Y`.
    format: Option<String>,
    /// Add the time of day.
    #[serde(default)]
    include_time: bool,
}

async fn get_date(service: &Utilities, args: GetDate, call: &Call) -> Result<Output> {
    let zone = zone_or(service, "timezone", args.timezone.as_deref())?;
    let now = present(call, &zone)?;
    let usual = if args.include_time { "datetime" } else { "date" };
    let text = format::write("format", args.format.as_deref().unwrap_or(usual), &now)?;
    let date = now.date();
    let week = date.iso_week_date();
    let value = json!({
        "date": date.to_string(),
        "formatted": text,
        "timezone": super::zone::name(&zone),
        "weekday": weekday(date.weekday()),
        "iso_week": format!("{:04}-W{:02}", week.year(), week.week()),
        "day_of_year": date.day_of_year(),
        "quarter": (date.month() + 2) / 3,
        "days_in_month": date.days_in_month(),
        "leap_year": date.in_leap_year(),
    });
    Ok(Output::structured_with_text(value, text))
}
