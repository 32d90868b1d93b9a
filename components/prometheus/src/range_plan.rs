//! Which points a range query asks for: start, end, and a step that keeps the answer small.

use bulkhead_sdk::prelude::*;

use bulkhead_sdk::duration::{self, Span};
use bulkhead_sdk::time::{Seconds, When};

/// Prometheus refuses a query with more points than this for each series.
pub(crate) const MOST_POINTS: u32 = 11_000;

/// How far back a range reaches if nobody says.
const DEFAULT_RANGE: Seconds = 3600.0;

/// Steps that people choose, in seconds; beyond a day, whole days.
const STEPS: [f64; 17] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0,
    21_600.0, 43_200.0,
];

const DAY: f64 = 86_400.0;

/// A settled range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) start: Seconds,
    pub(crate) end: Seconds,
    pub(crate) step: f64,
}

impl Plan {
    /// Fills in what the caller left open, and refuses what Prometheus would refuse.
    pub(crate) fn new(
        start: Option<When>,
        end: Option<When>,
        step: Option<Span>,
        max_points: u32,
        now: Seconds,
    ) -> Result<Self> {
        let end = end.map_or(now, |end| end.resolve(now));
        let start = start.map_or(end - DEFAULT_RANGE, |start| start.resolve(now));
        if start > end {
            return Err(Error::invalid("start", "is after `end`"));
        }
        let length = end - start;
        let step = match step {
            None => fitting(length, max_points),
            Some(Span(step)) if points(length, step) > f64::from(MOST_POINTS) => {
                let least = fitting(length, MOST_POINTS);
                return Err(Error::invalid(
                    "step",
                    format!(
                        "would give {} points for each series and Prometheus allows {MOST_POINTS}: use {} or \
                         more, or leave it out",
                        points(length, step),
                        duration::words(least)
                    ),
                ));
            }
            Some(Span(step)) => step,
        };
        Ok(Self { start, end, step })
    }
}

/// How many points one series can have.
fn points(length: f64, step: f64) -> f64 {
    (length / step).floor() + 1.0
}

/// The least pleasant step that gives at most that many points.
fn fitting(length: f64, max_points: u32) -> f64 {
    let most = f64::from(max_points.clamp(2, MOST_POINTS));
    let fits = |step: f64| points(length, step) <= most;
    STEPS.into_iter().find(|step| fits(*step)).unwrap_or_else(|| {
        let days = (length / (most - 1.0) / DAY).ceil().max(1.0);
        days * DAY
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Seconds = 1_700_000_000.0;

    fn plan(start: Option<&str>, end: Option<&str>, step: Option<f64>, max_points: u32) -> Result<Plan> {
        let when = |text: &str| When::parse(text).unwrap();
        Plan::new(start.map(when), end.map(when), step.map(Span), max_points, NOW)
    }

    #[test]
    fn an_open_range_is_the_last_hour_in_sixty_points_at_most() {
        assert_eq!(plan(None, None, None, 60).unwrap(), Plan { start: NOW - 3600.0, end: NOW, step: 120.0 });
    }

    #[test]
    fn the_chosen_step_never_gives_more_points_than_wanted() {
        for (length, max_points, step) in [
            (0.0, 60, 1.0),
            (59.0, 60, 1.0),
            (60.0, 60, 2.0),
            (3600.0, 61, 60.0),
            (86_400.0, 60, 1800.0),
            (604_800.0, 60, 10_800.0),
            (30.0 * DAY, 60, 43_200.0 + 43_200.0),
            (365.0 * DAY, 60, 7.0 * DAY),
            (365.0 * DAY, 2, 365.0 * DAY),
            (100.0, 1, 60.0),
        ] {
            let chosen = fitting(length, max_points);
            assert_eq!(chosen, step, "{length} s in {max_points}");
            assert!(points(length, chosen) <= f64::from(max_points.max(2)));
        }
    }

    #[test]
    fn a_step_too_fine_is_refused_with_one_that_is_not() {
        let error = plan(Some("-1d"), None, Some(1.0), 60).unwrap_err().to_string();
        assert!(error.contains("step"), "{error}");
        assert!(
            error.contains("86401 points for each series and Prometheus allows 11000: use 10s or more"),
            "{error}"
        );
        assert_eq!(plan(Some("-1d"), None, Some(10.0), 60).unwrap().step, 10.0);
        assert!(plan(Some("-10999s"), None, Some(1.0), 60).is_ok());
        assert!(plan(Some("-11000s"), None, Some(1.0), 60).is_err());
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_refused() {
        let error = plan(Some("now"), Some("-1h"), None, 60).unwrap_err().to_string();
        assert!(error.contains("start") && error.contains("is after `end`"), "{error}");
    }

    #[test]
    fn a_given_end_moves_the_default_start() {
        assert_eq!(plan(None, Some("1000000"), None, 60).unwrap().start, 996_400.0);
    }
}
