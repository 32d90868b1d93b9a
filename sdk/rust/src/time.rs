//! Owns moments as a model writes them: RFC 3339, unix seconds, or relative to now; and back to RFC 3339.
//!
//! Use [`When`] as the type of an argument. Pure: the time of the call is handed in. No calendar crate; the two
//! day-number conversions below are all that is needed of one.

mod window;

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::duration;
use crate::text_or_number::{self, TextOrNumber};

pub use window::{Nanos, Window, nanos, nanos_rfc3339};

/// Unix seconds.
pub type Seconds = f64;

/// Beyond this (the year 5138) a number was surely milliseconds.
const LATEST: Seconds = 1e11;

/// A moment, absolute or relative to the time of the call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// Unix seconds.
    At(Seconds),
    /// Seconds after the call; negative is before.
    FromNow(Seconds),
}

impl When {
    /// The moment as unix seconds.
    pub fn resolve(self, now: Seconds) -> Seconds {
        match self {
            Self::At(at) => at,
            Self::FromNow(offset) => now + offset,
        }
    }

    /// Reads one of the accepted forms; the error says which those are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(number) = text.parse::<f64>() {
            return Self::from_number(number);
        }
        if let Some(offset) = relative(text) {
            return offset.map(Self::FromNow);
        }
        instant(text).map(Self::At).ok_or_else(|| format!("`{text}` is not a time: expected {FORMS}"))
    }
}

const FORMS: &str = "RFC 3339 (`2026-01-31T12:00:00Z`), unix seconds, or relative (`now`, `-1h`, `now-15m`)";

/// The time of a call.
pub fn unix(now: SystemTime) -> Seconds {
    now.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A moment for an upstream parameter: unix seconds, to the millisecond.
pub fn param(at: Seconds) -> String {
    duration::param((at * 1000.0).round() / 1000.0)
}

/// A moment for a reader: RFC 3339 in UTC, with milliseconds only where there are any.
pub fn rfc3339(at: Seconds) -> String {
    let millis = (at * 1000.0).round() as i64;
    let (seconds, fraction) = (millis.div_euclid(1000), millis.rem_euclid(1000));
    let (year, month, day) = date_of(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:03}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// `now`, `-1h`, `+1h`, `now-15m`; none if the text is not of that form at all.
fn relative(text: &str) -> Option<Result<Seconds, String>> {
    let rest = match text.strip_prefix("now") {
        Some(rest) => rest.trim(),
        None if text.starts_with(['-', '+']) => text,
        None => return None,
    };
    if rest.is_empty() {
        return Some(Ok(0.0));
    }
    let (sign, span) = match (rest.strip_prefix('-'), rest.strip_prefix('+')) {
        (Some(span), _) => (-1.0, span),
        (_, Some(span)) => (1.0, span),
        _ => return None,
    };
    Some(duration::parse(span.trim()).map(|seconds| sign * seconds))
}

/// RFC 3339; none if it is not.
fn instant(text: &str) -> Option<Seconds> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    let (clock, offset) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => rest.split_at_checked(at)?,
        None => return None,
    };
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, rest)| (clock, Some(rest)));
    let mut clock = clock.splitn(3, ':');
    let (hour, minute, second) =
        (digits(clock.next()?, 2)?, digits(clock.next()?, 2)?, digits(clock.next()?, 2)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let fraction = match fraction {
        None => 0.0,
        Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("0.{text}").parse().ok()?
        }
        Some(_) => return None,
    };
    let seconds =
        day_number(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset_of(offset)?;
    Some(seconds as f64 + fraction)
}

/// The seconds east of UTC in `Z` or `+02:00`.
fn offset_of(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

/// A number of exactly that many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar (years count from March, so that the leap day is last).
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`day_number`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

impl TextOrNumber for When {
    const FORMS: &'static str = FORMS;

    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
    fn from_number(number: f64) -> Result<Self, String> {
        if !number.is_finite() || number.abs() >= LATEST {
            return Err(format!("{number} is out of range for unix seconds (milliseconds? divide by 1000)"));
        }
        Ok(Self::At(number))
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text_or_number::read(from)
    }
}

/// For the digest in cursors: a relative time stays relative, so the next page is still the same list.
impl Serialize for When {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(at) => to.serialize_f64(*at),
            Self::FromNow(offset) => to.serialize_str(&format!("now{offset:+}")),
        }
    }
}

crate::schema!(When { "type": ["string", "number"] });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_form_is_read() {
        for (text, expected) in [
            ("2026-01-31T12:00:00Z", When::At(1_769_860_800.0)),
            ("2026-01-31t12:00:00z", When::At(1_769_860_800.0)),
            ("2026-01-31 13:30:00+01:30", When::At(1_769_860_800.0)),
            ("2026-01-31T07:00:00.25-05:00", When::At(1_769_860_800.25)),
            ("1970-01-01T00:00:00Z", When::At(0.0)),
            ("1969-12-31T23:59:59Z", When::At(-1.0)),
            ("2000-02-29T00:00:00Z", When::At(951_782_400.0)),
            ("1700000000", When::At(1_700_000_000.0)),
            ("1700000000.5", When::At(1_700_000_000.5)),
            ("now", When::FromNow(0.0)),
            ("-1h", When::FromNow(-3600.0)),
            ("-7d", When::FromNow(-604_800.0)),
            ("+5m", When::FromNow(300.0)),
            ("now-15m", When::FromNow(-900.0)),
            ("now - 1h30m", When::FromNow(-5400.0)),
            ("now+1s", When::FromNow(1.0)),
        ] {
            assert_eq!(When::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_the_accepted_forms() {
        for text in [
            "",
            "yesterday",
            "2026-01-31",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-1-31T00:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00+1:00",
            "nowish",
            "é",
        ] {
            let error = When::parse(text).unwrap_err();
            assert_eq!(error, format!("`{text}` is not a time: expected {FORMS}"));
        }
        assert_eq!(
            When::parse("1700000000000").unwrap_err(),
            "1700000000000 is out of range for unix seconds (milliseconds? divide by 1000)"
        );
        assert!(When::parse("now-1x").unwrap_err().contains("`1x` is not a duration"));
        assert!(When::parse("NaN").is_err());
    }

    #[test]
    fn json_numbers_and_strings_are_both_read() {
        assert_eq!(serde_json::from_str::<When>("1700000000").unwrap(), When::At(1_700_000_000.0));
        assert_eq!(serde_json::from_str::<When>("1700000000.25").unwrap(), When::At(1_700_000_000.25));
        assert_eq!(serde_json::from_str::<When>("\"-5m\"").unwrap(), When::FromNow(-300.0));
        assert!(serde_json::from_str::<When>("true").is_err());
    }

    #[test]
    fn a_moment_is_written_as_it_was_read() {
        for text in [
            "2026-01-31T12:00:00Z",
            "1969-12-31T23:59:59.500Z",
            "2024-02-29T23:59:59.001Z",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(rfc3339(When::parse(text).unwrap().resolve(0.0)), text);
        }
    }

    #[test]
    fn parameters_are_unix_seconds_to_the_millisecond() {
        assert_eq!(param(1_700_000_000.0), "1700000000");
        assert_eq!(param(1_700_000_000.123_456), "1700000000.123");
        assert_eq!(When::FromNow(-60.0).resolve(100.0), 40.0);
    }
}
