//! Owns the clock and the calendar: what time it is, where, and arithmetic on it.

mod arithmetic;
mod convert;
mod cron;
mod format;
mod now;
mod parse;
pub(crate) mod zone;

use bulkhead_sdk::{Call, Error, Result, Tool};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::{Value, json};

use crate::Utilities;

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    [now::tools(), convert::tools(), arithmetic::tools(), cron::tools()].into_iter().flatten().collect()
}

/// The zone a call names, or the service's.
fn zone_or(service: &Utilities, field: &str, name: Option<&str>) -> Result<TimeZone> {
    match name {
        None => Ok(service.zone.clone()),
        Some(name) => zone::argument(field, name),
    }
}

/// The present instant.
fn instant(call: &Call) -> Result<Timestamp> {
    Timestamp::try_from(call.now())
        .map_err(|error| Error::failed(format!("the clock is out of range: {error}")))
}

/// The present time in a zone, to the millisecond: more digits are noise to a reader.
fn present(call: &Call, zone: &TimeZone) -> Result<Zoned> {
    let now = instant(call)?;
    Ok(Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now).to_zoned(zone.clone()))
}

/// What every tool here says of an instant.
fn facts(time: &Zoned) -> Value {
    let info = time.time_zone().to_offset_info(time.timestamp());
    json!({
        "time": format::rfc3339(time),
        "timezone": zone::name(time.time_zone()),
        "abbreviation": info.abbreviation(),
        "dst": info.dst().is_dst(),
        "weekday": weekday(time.weekday()),
        "unix": time.timestamp().as_second(),
    })
}

fn weekday(day: jiff::civil::Weekday) -> &'static str {
    use jiff::civil::Weekday as Day;
    match day {
        Day::Monday => "Monday",
        Day::Tuesday => "Tuesday",
        Day::Wednesday => "Wednesday",
        Day::Thursday => "Thursday",
        Day::Friday => "Friday",
        Day::Saturday => "Saturday",
        Day::Sunday => "Sunday",
    }
}
