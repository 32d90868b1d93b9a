//! Clocks, calendars and cron, to the exact second.

use serde_json::{Value, json};

use super::{refusal, text, value};

#[test]
fn the_clock_is_read_in_a_zone_and_a_format() {
    for (arguments, expected) in [
        (json!({}), "2026-11-21T12:34:56.789Z"),
        (json!({"timezone": "Asia/Kathmandu"}), "2026-11-21T18:19:56.789+05:45"),
        (json!({"timezone": "-03:30", "format": "datetime"}), "2026-11-21 09:04:56"),
        (json!({"format": "rfc2822"}), "Sat, 21 Nov 2026 12:34:56 +0000"),
        (json!({"format": "http"}), "Sat, 21 Nov 2026 12:34:56 GMT"),
        (json!({"format": "unix_ms"}), "1795264496789"),
        (
            json!({"format": "%A %d %B, %H:%M %Z", "timezone": "America/New_York"}),
            "Saturday 21 November, 07:34 EST",
        ),
    ] {
        assert_eq!(text("get_time", arguments.clone()), expected, "{arguments}");
    }
    assert_eq!(
        value("get_time", json!({"timezone": "America/New_York", "format": "time"})),
        json!({
            "time": "2026-11-21T07:34:56.789-05:00", "timezone": "America/New_York", "abbreviation": "EST",
            "dst": false, "weekday": "Saturday", "unix": 1_795_264_496, "formatted": "07:34:56"
        })
    );
}

#[test]
fn timestamps_come_in_units() {
    for (unit, expected) in [
        (json!({}), json!(1_795_264_496)),
        (json!({"unit": "ms"}), json!(1_795_264_496_789_i64)),
        (json!({"unit": "milliseconds"}), json!(1_795_264_496_789_i64)),
        (json!({"unit": "nanoseconds"}), json!(1_795_264_496_789_000_000_i64)),
    ] {
        assert_eq!(value("get_timestamp", unit)["timestamp"], expected);
    }
}

#[test]
fn the_date_is_the_zones() {
    assert_eq!(
        value("get_date", json!({"timezone": "Pacific/Kiritimati"})),
        json!({
            "date": "2026-11-22", "formatted": "2026-11-22", "timezone": "Pacific/Kiritimati", "weekday": "Sunday",
            "iso_week": "2026-W47", "day_of_year": 326, "quarter": 4, "days_in_month": 30, "leap_year": false
        })
    );
    assert_eq!(text("get_date", json!({"include_time": true})), "2026-11-21 12:34:56");
}

#[test]
fn what_cannot_be_a_zone_or_a_format_says_what_can() {
    assert_eq!(
        refusal("get_time", json!({"timezone": "New York"})),
        "arguments.timezone: `New York` is no IANA time zone such as `Europe/Berlin`, nor an offset such as `+02:00`; \
         did you mean `America/New_York`?"
    );
    assert_eq!(
        refusal("get_time", json!({"format": "2006-01-02 15:04:05"})),
        "arguments.format: Go layouts are not read; write `%Y-%m-%d %H:%M:%S` for `2006-01-02 15:04:05`"
    );
    assert_eq!(
        refusal("get_time", json!({"format": "long"})),
        "arguments.format: `long` is no format; expected rfc3339, rfc2822, http, date, time, datetime, unix, unix_ms, or \
         strftime such as `%Y-%m-%d %H:%M`"
    );
    assert!(refusal("get_time", json!({"tz": "UTC"})).contains("unknown key `tz`"));
}

#[test]
fn a_time_is_read_in_any_usual_notation() {
    for (given, expected) in [
        ("2026-03-01T10:00:00+01:00", "2026-03-01T09:00:00Z"),
        ("2026-03-01T10:00:00+01:00[Europe/Berlin]", "2026-03-01T09:00:00Z"),
        ("2026-03-01 10:00", "2026-03-01T10:00:00Z"),
        ("2026-03-01", "2026-03-01T00:00:00Z"),
        ("20260301", "2026-03-01T00:00:00Z"),
        ("Sun, 01 Mar 2026 10:00:00 +0100", "2026-03-01T09:00:00Z"),
        ("1772355600", "2026-03-01T09:00:00Z"),
        ("@1772355600", "2026-03-01T09:00:00Z"),
        ("1772355600500", "2026-03-01T09:00:00.5Z"),
        ("1772355600.25", "2026-03-01T09:00:00.25Z"),
        ("now", "2026-11-21T12:34:56.789Z"),
    ] {
        assert_eq!(text("convert_time", json!({"time": given})), format!("UTC: {expected}"), "{given}");
    }
    assert!(
        refusal("convert_time", json!({"time": "tomorrow"}))
            .starts_with("arguments.time: `tomorrow` is no time; expected")
    );
    assert!(refusal("convert_time", json!({"time": "2026-02-29"})).contains("is no time"));
}

#[test]
fn a_time_that_daylight_saving_skips_or_repeats_is_said_to() {
    let skipped = value("convert_time", json!({"time": "2026-03-29 02:30", "from": "Europe/Berlin"}));
    assert_eq!(skipped["results"][0]["time"], json!("2026-03-29T03:30:00+02:00"));
    assert_eq!(
        skipped["note"],
        json!(
            "2026-03-29T02:30:00 does not exist in Europe/Berlin: clocks are put forward over it; 2026-03-29T03:30:00 is \
             used"
        )
    );
    let repeated =
        value("convert_time", json!({"time": "2026-10-25 02:30", "from": "Europe/Berlin", "to": ["UTC"]}));
    assert_eq!(repeated["results"][0]["time"], json!("2026-10-25T00:30:00Z"));
    assert_eq!(
        repeated["note"],
        json!(
            "2026-10-25T02:30:00 happens twice in Europe/Berlin, at +02 and at +01: the first is used; write the offset for \
             the other"
        )
    );
    assert_eq!(value("convert_time", json!({"time": "2026-06-01 02:30"}))["note"], Value::Null);
}

#[test]
fn one_time_is_given_in_many_zones() {
    assert_eq!(
        text(
            "convert_time",
            json!({"time": "2026-07-01 09:00", "from": "America/Los_Angeles", "to": ["Asia/Tokyo", "UTC"], "format": "%H:%M"})
        ),
        "Asia/Tokyo: 01:00\nUTC: 16:00"
    );
    assert!(
        refusal("convert_time", json!({"time": "now", "to": ["UTC", "Mars/Base"]}))
            .starts_with("arguments.to[1]: `Mars/Base`")
    );
}

#[test]
fn sums_respect_month_ends_leap_days_and_clock_changes() {
    for (arguments, expected) in [
        (json!({"operation": "add", "time": "2026-01-31", "duration": "1 month"}), "2026-02-28T00:00:00Z"),
        (json!({"operation": "add", "time": "2028-01-31", "duration": "P1M"}), "2028-02-29T00:00:00Z"),
        (json!({"operation": "add", "time": "2028-02-29", "duration": "1 year"}), "2029-02-28T00:00:00Z"),
        (json!({"operation": "subtract", "time": "2026-03-31", "duration": "P1M1D"}), "2026-02-27T00:00:00Z"),
        (
            json!({"operation": "add", "time": "2026-11-21T00:00:00Z", "duration": "90 minutes"}),
            "2026-11-21T01:30:00Z",
        ),
        // A day across the change is 23 hours long; 24 hours are 24 hours.
        (
            json!({"operation": "add", "time": "2026-03-28 12:00", "duration": "P1D", "timezone": "Europe/Berlin"}),
            "2026-03-29T12:00:00+02:00",
        ),
        (
            json!({"operation": "add", "time": "2026-03-28 12:00", "duration": "24h", "timezone": "Europe/Berlin"}),
            "2026-03-29T13:00:00+02:00",
        ),
    ] {
        assert_eq!(text("date_math", arguments.clone()), expected, "{arguments}");
    }
}

#[test]
fn units_begin_and_end() {
    for (operation, unit, expected) in [
        ("start_of", "hour", "2026-11-21T12:00:00Z"),
        ("start_of", "day", "2026-11-21T00:00:00Z"),
        ("start_of", "week", "2026-11-16T00:00:00Z"),
        ("start_of", "month", "2026-11-01T00:00:00Z"),
        ("start_of", "quarter", "2026-10-01T00:00:00Z"),
        ("start_of", "year", "2026-01-01T00:00:00Z"),
        ("end_of", "minute", "2026-11-21T12:34:59.999999999Z"),
        ("end_of", "month", "2026-11-30T23:59:59.999999999Z"),
        ("end_of", "quarter", "2026-12-31T23:59:59.999999999Z"),
    ] {
        assert_eq!(
            text("date_math", json!({"operation": operation, "unit": unit})),
            expected,
            "{operation} {unit}"
        );
    }
    // The day of the change is 23 hours long.
    assert_eq!(
        text(
            "date_math",
            json!({"operation": "end_of", "unit": "day", "time": "2026-03-29", "timezone": "Europe/Berlin"})
        ),
        "2026-03-29T23:59:59.999999999+02:00"
    );
}

#[test]
fn differences_come_in_calendar_words_and_in_seconds() {
    assert_eq!(
        value(
            "date_math",
            json!({"operation": "difference", "time": "2026-01-31", "until": "2026-03-01T06:00:00Z"})
        ),
        json!({"duration": "P1M1DT6H", "words": "1 month 1 day 6 hours", "seconds": 2_527_200.0, "calendar_days": 29})
    );
    assert_eq!(
        value(
            "date_math",
            json!({"operation": "difference", "time": "2026-12-24", "until": "2026-12-01", "unit": "day"})
        )["words"],
        json!("23 days ago")
    );
}

#[test]
fn business_days_skip_weekends_and_holidays() {
    let math = |more: Value| {
        let mut arguments = json!({"time": "2026-12-23", "holidays": ["2026-12-25"]});
        for (key, value) in more.as_object().unwrap() {
            arguments[key] = value.clone();
        }
        text("date_math", arguments)
    };
    assert_eq!(math(json!({"operation": "add_business_days", "days": 2})), "2026-12-28T00:00:00Z");
    assert_eq!(math(json!({"operation": "add_business_days", "days": -3})), "2026-12-18T00:00:00Z");
    assert_eq!(math(json!({"operation": "count_business_days", "until": "2027-01-01"})), "6 business days");
    assert_eq!(math(json!({"operation": "count_business_days", "until": "2026-12-21"})), "-2 business days");
}

#[test]
fn a_sum_without_what_it_needs_says_what() {
    assert_eq!(
        refusal("date_math", json!({"operation": "add"})),
        "arguments.duration: is needed for this operation: such as `P1M2D` or `1 month 2 days`"
    );
    assert!(
        refusal("date_math", json!({"operation": "add", "duration": "soon"}))
            .contains("`soon` is no duration")
    );
    assert!(
        refusal("date_math", json!({"operation": "add", "duration": "9000 years"})).contains("out of range")
    );
    assert!(
        refusal(
            "date_math",
            json!({"operation": "count_business_days", "time": "1800-01-01", "until": "2026-01-01"})
        )
        .contains("more than a hundred years")
    );
    assert!(
        refusal("date_math", json!({"operation": "add_business_days", "days": 1, "holidays": ["x"]}))
            .starts_with("arguments.holidays[0]: `x` is no date")
    );
}

#[test]
fn cron_runs_are_explained_and_listed() {
    let runs = |arguments: Value| value("cron_next", arguments)["runs"].clone();
    assert_eq!(
        text("cron_next", json!({"expression": "30 9 * * MON-FRI", "count": 2})),
        "At 09:30, on Monday, Tuesday, Wednesday, Thursday, and Friday.\n\
         Monday 2026-11-23T09:30:00Z\nTuesday 2026-11-24T09:30:00Z"
    );
    assert_eq!(
        runs(json!({"expression": "0 0 29 2 *", "count": 2})),
        json!(["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"])
    );
    assert_eq!(runs(json!({"expression": "*/30 * * * * *", "count": 1})), json!(["2026-11-21T12:35:00Z"]));
    assert_eq!(runs(json!({"expression": "@monthly", "count": 1})), json!(["2026-12-01T00:00:00Z"]));
    assert_eq!(runs(json!({"expression": "0 0 L * *", "count": 1})), json!(["2026-11-30T00:00:00Z"]));
    assert_eq!(runs(json!({"expression": "0 0 30 2 *", "count": 1})), json!([]));
}

#[test]
fn a_run_in_the_hour_that_daylight_saving_skips_is_not_lost() {
    assert_eq!(
        value(
            "cron_next",
            json!({"expression": "30 2 * * *", "timezone": "Europe/Berlin", "after": "2026-03-28T12:00:00Z", "count": 2})
        )["runs"],
        json!(["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"])
    );
}

#[test]
fn a_cron_expression_that_is_none_is_refused() {
    assert!(
        refusal("cron_next", json!({"expression": "61 * * * *"}))
            .starts_with("arguments.expression: `61 * * * *`:")
    );
    assert!(refusal("cron_next", json!({"expression": "often"})).contains("for example `0 9 * * MON-FRI`"));
    assert_eq!(
        refusal("cron_next", json!({"expression": "* * * * *", "count": 51})),
        "arguments.count: is 51; expected 1 to 50"
    );
}
