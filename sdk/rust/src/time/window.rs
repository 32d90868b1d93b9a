//! Owns moments to the nanosecond, for upstreams that are so fine, and the window a question is about.

use serde_json::{Value, json};

use super::{Seconds, When};
use crate::call::Call;
use crate::error::{Error, Result};

/// Unix nanoseconds.
pub type Nanos = i64;

const SECOND: Nanos = 1_000_000_000;

/// From `start` until just before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment in it.
    pub start: Nanos,
    /// The first moment after it.
    pub end: Nanos,
}

impl Window {
    /// The window the caller means by its arguments `start` and `end`: until now, so many seconds long, if it does not say.
    ///
    /// # Errors
    /// It ends before it starts.
    pub fn resolve(start: Option<When>, end: Option<When>, default: Seconds, call: &Call) -> Result<Self> {
        let now = super::unix(call.now());
        let end = end.map_or(now, |end| end.resolve(now));
        let start = start.map_or(end - default, |start| start.resolve(now));
        if start >= end {
            let (start, end) = (super::rfc3339(start), super::rfc3339(end));
            return Err(Error::invalid("start", format!("{start} is not before `end`, {end}")));
        }
        // From 1970 to 2262, which is all that nanoseconds reach.
        Ok(Self { start: nanos(start).max(0), end: nanos(end).max(1) })
    }

    /// The window of the same length right before it.
    pub fn before(self) -> Self {
        Self { start: self.start.saturating_sub(self.end - self.start), end: self.start }
    }

    /// Its length.
    pub fn seconds(self) -> Seconds {
        (self.end - self.start) as f64 / SECOND as f64
    }

    /// For a reader: `start` and `end` in RFC 3339.
    pub fn told(self) -> Value {
        json!({ "start": nanos_rfc3339(self.start), "end": nanos_rfc3339(self.end) })
    }
}

/// To the microsecond: a float of unix seconds is no finer.
pub fn nanos(seconds: Seconds) -> Nanos {
    ((seconds * 1e6).round() as Nanos).saturating_mul(1000)
}

/// RFC 3339 in UTC, with as many decimals as it takes.
pub fn nanos_rfc3339(at: Nanos) -> String {
    let whole = super::rfc3339(at.div_euclid(SECOND) as f64);
    match at.rem_euclid(SECOND) {
        0 => whole,
        fraction => {
            let decimals = format!("{fraction:09}");
            format!("{}.{}Z", whole.trim_end_matches('Z'), decimals.trim_end_matches('0'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nanosecond_is_kept() {
        assert_eq!(nanos_rfc3339(1_769_860_800_000_000_001), "2026-01-31T12:00:00.000000001Z");
        assert_eq!(nanos_rfc3339(1_769_860_800_120_000_000), "2026-01-31T12:00:00.12Z");
        assert_eq!(nanos_rfc3339(1_769_860_800_000_000_000), "2026-01-31T12:00:00Z");
        assert_eq!(nanos_rfc3339(-1), "1969-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn seconds_become_nanoseconds() {
        assert_eq!(nanos(1_769_860_800.25), 1_769_860_800_250_000_000);
        assert_eq!(
            nanos(1_769_860_800.1),
            1_769_860_800_100_000_000,
            "a float has no more than microseconds"
        );
    }

    #[test]
    fn a_window_ends_now_unless_it_is_said() {
        let call = crate::testing::context();
        let at = |seconds| Some(When::At(seconds));
        let resolve = |start, end| Window::resolve(start, end, 60.0, &call);
        assert_eq!(resolve(at(10.0), at(20.0)), Ok(Window { start: 10 * SECOND, end: 20 * SECOND }));
        assert_eq!(resolve(None, at(100.0)), Ok(Window { start: 40 * SECOND, end: 100 * SECOND }));
        assert_eq!(resolve(None, None).unwrap().seconds(), 60.0);
        assert_eq!(
            resolve(at(20.0), at(10.0)).unwrap_err(),
            Error::invalid("start", "1970-01-01T00:00:20Z is not before `end`, 1970-01-01T00:00:10Z")
        );
        assert_eq!(
            resolve(at(0.0), at(1.5)).unwrap().told(),
            json!({ "start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:00:01.5Z" })
        );
    }

    #[test]
    fn the_window_before_ends_where_this_one_starts() {
        let window = Window { start: 30 * SECOND, end: 40 * SECOND };
        assert_eq!(window.before(), Window { start: 20 * SECOND, end: 30 * SECOND });
        assert_eq!(window.seconds(), 10.0);
    }
}
