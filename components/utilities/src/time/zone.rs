//! Owns time zone names: IANA names from the bundled database, and fixed offsets.

use bulkhead_sdk::{Error, Result};
use jiff::tz::{Offset, TimeZone};

/// The zone of that name, or what to write instead.
pub(crate) fn find(name: &str) -> Result<TimeZone, String> {
    let name = name.trim();
    if matches!(name, "Z" | "UTC" | "utc" | "GMT") {
        return Ok(TimeZone::UTC);
    }
    if let Some(offset) = offset(name) {
        return Ok(TimeZone::fixed(offset));
    }
    TimeZone::get(name).map_err(|_| {
        let near = suggestions(name);
        let near = if near.is_empty() { String::new() } else { format!("; did you mean {near}?") };
        format!("`{name}` is no IANA time zone such as `Europe/Berlin`, nor an offset such as `+02:00`{near}")
    })
}

/// The same for an argument.
pub(crate) fn argument(field: &str, name: &str) -> Result<TimeZone> {
    find(name).map_err(|why| Error::invalid(field, why))
}

/// What a zone is called.
pub(crate) fn name(zone: &TimeZone) -> String {
    match zone.iana_name() {
        Some(name) => name.to_owned(),
        None => zone.to_fixed_offset().map_or_else(|_| "unknown".to_owned(), |offset| offset.to_string()),
    }
}

/// `+02:00`, `-0530`, `UTC+2`.
fn offset(text: &str) -> Option<Offset> {
    let text = text.strip_prefix("UTC").or_else(|| text.strip_prefix("GMT")).unwrap_or(text);
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() == 4 => rest.split_at_checked(2)?,
        None => (rest, "0"),
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if !(0..=14).contains(&hours) || !(0..60).contains(&minutes) {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// Zones whose name contains what was written: `new york`, `tokyo`.
fn suggestions(name: &str) -> String {
    let wanted = name.to_lowercase().replace(' ', "_");
    let last = wanted.rsplit('/').next().unwrap_or_default();
    if last.len() < 3 {
        return String::new();
    }
    let matching = jiff::tz::db()
        .available()
        .map(|zone| zone.as_str().to_owned())
        .filter(|zone| zone.to_lowercase().contains(last) && zone.contains('/'))
        .take(3)
        .map(|zone| format!("`{zone}`"));
    matching.collect::<Vec<_>>().join(" or ")
}
