//! Owns reading a time as people and programs write it.

use bulkhead_sdk::{Error, Result};
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::zone;

/// A time, and what is to be said about how it was read.
pub(super) struct Read {
    pub(super) time: Zoned,
    pub(super) note: Option<String>,
}

/// Reads RFC 3339, RFC 9557, RFC 2822, a date, a date and time, or Unix time. What says no zone
/// is in `zone`; what says one is moved to `zone`.
pub(super) fn time(field: &str, text: &str, zone: &TimeZone, now: &Zoned) -> Result<Read> {
    let text = text.trim();
    let plain = |time: Zoned| Read { time: time.with_time_zone(zone.clone()), note: None };
    if text.eq_ignore_ascii_case("now") {
        return Ok(plain(now.clone()));
    }
    if let Some(stamp) = unix(text) {
        return Ok(plain(stamp.to_zoned(zone.clone())));
    }
    if text.contains('[')
        && let Ok(time) = text.parse::<Zoned>()
    {
        return Ok(plain(time));
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Ok(plain(stamp.to_zoned(zone.clone())));
    }
    if let Ok(local) = text.parse::<DateTime>() {
        return in_zone(field, local, zone);
    }
    if let Ok(date) = text.parse::<Date>() {
        return in_zone(field, date.to_datetime(jiff::civil::Time::midnight()), zone);
    }
    if let Ok(time) = jiff::fmt::rfc2822::parse(text) {
        return Ok(plain(time));
    }
    Err(Error::invalid(
        field,
        format!(
            "`{text}` is no time; expected `2026-03-29T02:30:00+01:00`, `2026-03-29 02:30`, `2026-03-29`, \
             Unix seconds such as `1774747800`, or `now`"
        ),
    ))
}

/// A time on a wall clock. Where clocks change it may not exist, or exist twice; then it says so.
fn in_zone(field: &str, local: DateTime, zone: &TimeZone) -> Result<Read> {
    let ambiguous = zone.to_ambiguous_zoned(local);
    let offset = ambiguous.offset();
    let time = ambiguous.compatible().map_err(|error| Error::invalid(field, error))?;
    let place = zone::name(zone);
    let note = match offset {
        AmbiguousOffset::Unambiguous { .. } => None,
        AmbiguousOffset::Gap { .. } => Some(format!(
            "{local} does not exist in {place}: clocks are put forward over it; {} is used",
            time.datetime()
        )),
        AmbiguousOffset::Fold { before, after } => Some(format!(
            "{local} happens twice in {place}, at {before} and at {after}: the first is used; write the offset for \
             the other"
        )),
    };
    Ok(Read { time, note })
}

/// Seconds, or by their size milli-, micro- or nanoseconds, since 1970. Eight digits are a date.
fn unix(text: &str) -> Option<Timestamp> {
    let digits = text.strip_prefix('@').unwrap_or(text);
    if digits.len() == 8 && digits == text && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if let Ok(number) = digits.parse::<i64>() {
        return match number.unsigned_abs() {
            0..100_000_000_000 => Timestamp::from_second(number),
            100_000_000_000..100_000_000_000_000 => Timestamp::from_millisecond(number),
            100_000_000_000_000..100_000_000_000_000_000 => Timestamp::from_microsecond(number),
            _ => Timestamp::from_nanosecond(number.into()),
        }
        .ok();
    }
    let seconds: f64 = digits.parse().ok().filter(|seconds: &f64| seconds.abs() < 1e11)?;
    let span = jiff::SignedDuration::try_from_secs_f64((seconds * 1e6).round() / 1e6).ok()?;
    Timestamp::from_duration(span).ok()
}
