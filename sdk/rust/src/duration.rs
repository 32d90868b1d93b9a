//! Owns lengths of time as a model writes them: `1h30m` or a number of seconds, and back. Use [`Span`] as the type of
//! an argument.

use serde::{Deserialize, Deserializer, Serialize};

use crate::text_or_number::{self, TextOrNumber};

/// Prometheus's units, which most systems beside it know too, longest first, in seconds. A duration has each at most once
/// and in this order. A count may have decimals.
const UNITS: [(&str, f64); 7] = [
    ("y", 31_536_000.0),
    ("w", 604_800.0),
    ("d", 86_400.0),
    ("h", 3600.0),
    ("m", 60.0),
    ("s", 1.0),
    ("ms", 0.001),
];

const FORMS: &str = "a duration (`15s`, `1h30m`) or a number of seconds";

/// A length of time greater than zero, in seconds; written as a number of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Span(pub f64);

/// Seconds in a duration; the error says what a duration looks like.
pub fn parse(text: &str) -> Result<f64, String> {
    let seconds = match text.parse::<f64>() {
        Ok(number) => Some(number).filter(|number| number.is_finite() && *number >= 0.0),
        Err(_) => units(text),
    };
    seconds.ok_or_else(|| format!("`{text}` is not a duration: expected {FORMS}"))
}

fn units(mut text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut allowed = UNITS.iter();
    let numeric = |letter: char| letter.is_ascii_digit() || letter == '.';
    if text.is_empty() {
        return None;
    }
    while !text.is_empty() {
        let (count, rest) = text.split_at_checked(text.find(|letter: char| !numeric(letter))?)?;
        let end = rest.find(numeric).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at_checked(end)?;
        let (_, seconds) = allowed.find(|(name, _)| *name == unit)?;
        total += count.parse::<f64>().ok()? * seconds;
        text = rest;
    }
    Some(total)
}

/// Seconds as an upstream parameter: at most three decimals, none if whole.
pub fn param(seconds: f64) -> String {
    let text = format!("{seconds:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Seconds for a reader: `1h30m`.
pub fn words(seconds: f64) -> String {
    let mut left = (seconds * 1000.0).round() as u64;
    let mut out = String::new();
    for (name, unit) in UNITS.iter().skip(2) {
        let unit = (unit * 1000.0).round() as u64;
        if left >= unit {
            out.push_str(&format!("{}{name}", left / unit));
            left %= unit;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

impl TextOrNumber for Span {
    const FORMS: &'static str = FORMS;

    fn from_text(text: &str) -> Result<Self, String> {
        parse(text.trim()).and_then(Self::from_number)
    }
    fn from_number(seconds: f64) -> Result<Self, String> {
        if seconds.is_finite() && seconds >= 0.001 {
            Ok(Self(seconds))
        } else {
            Err("a duration must be at least one millisecond".to_owned())
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text_or_number::read(from)
    }
}

crate::schema!(Span { "type": ["string", "number"] });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [
            ("15s", 15.0),
            ("1h30m", 5400.0),
            ("500ms", 0.5),
            ("1y2w3d4h5m6s7ms", 33_019_506.007),
            ("90", 90.0),
            ("0.5", 0.5),
            ("0.5s", 0.5),
            ("1.5h", 5400.0),
            ("1h0.5m", 3630.0),
            ("0", 0.0),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "1x", "30m1h", "1h1h", "-1h", "1..5h", ".h", "1.h.", "1h ", "NaN", "inf", "5é"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("1x").unwrap_err(), format!("`1x` is not a duration: expected {FORMS}"));
    }

    #[test]
    fn a_span_is_more_than_nothing() {
        assert_eq!(serde_json::from_str::<Span>("\"1m\"").unwrap(), Span(60.0));
        assert_eq!(serde_json::from_str::<Span>("30").unwrap(), Span(30.0));
        assert_eq!(serde_json::from_str::<Span>("\"0.5s\"").unwrap(), Span(0.5));
        assert_eq!(serde_json::to_string(&Span(0.5)).unwrap(), "0.5");
        for bad in ["0", "-5", "\"0s\"", "0.0001", "null"] {
            assert!(serde_json::from_str::<Span>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_are_written_for_upstreams_and_for_people() {
        assert_eq!([param(15.0), param(0.5), param(100.0)], ["15", "0.5", "100"]);
        assert_eq!(
            [words(5400.0), words(0.25), words(90_061.0), words(0.0)],
            ["1h30m", "250ms", "1d1h1m1s", "0s"]
        );
    }
}
