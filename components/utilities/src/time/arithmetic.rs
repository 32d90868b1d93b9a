//! Owns `date_math`: adding to and subtracting from a time, the difference of two, the bounds of
//! a calendar unit, and business days.

use std::collections::BTreeSet;

use bulkhead_sdk::prelude::*;
use jiff::civil::{Date, Weekday};
use jiff::{Span, Unit, Zoned, ZonedDifference};

use super::{facts, format, parse, present, zone_or};
use crate::{Utilities, limits, set};

/// A century of working days; more is a mistake.
const MOST_BUSINESS_DAYS: i64 = 36_525;

pub(super) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "date_math",
            "Calendar arithmetic that respects month ends, leap days and daylight saving. `add`/`subtract` a \
             `duration`; `difference` from `time` to `until`; `start_of`/`end_of` a `unit`; `add_business_days` \
             (`days`, may be negative); `count_business_days` from `time` to `until`.",
            date_math,
        )
        .title("Date arithmetic")
        .read_only()
        .idempotent()
        .tag("time"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct DateMath {
    operation: Operation,
    /// The time to start from, such as `2026-01-31` or `2026-03-29T02:30:00+01:00`; `now` if left out.
    time: Option<String>,
    /// For add and subtract: ISO 8601 (`P1M2DT3H`) or words (`1 month 2 days 3h`, `90 minutes`).
    duration: Option<String>,
    /// For difference and count_business_days: the later time.
    until: Option<String>,
    /// For start_of and end_of; for difference the largest unit of the answer.
    unit: Option<CalendarUnit>,
    /// For add_business_days.
    #[schemars(range(min = -36525, max = 36525))]
    days: Option<i64>,
    /// Dates that are no business days, such as `["2026-12-25"]`.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    holidays: Vec<String>,
    /// IANA time zone of times that say none, and of the calendar.
    timezone: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Add,
    Subtract,
    Difference,
    StartOf,
    EndOf,
    AddBusinessDays,
    CountBusinessDays,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum CalendarUnit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

async fn date_math(service: &Utilities, args: DateMath, call: &Call) -> Result<Output> {
    let zone = zone_or(service, "timezone", args.timezone.as_deref())?;
    let now = present(call, &zone)?;
    let read = parse::time("time", args.time.as_deref().unwrap_or("now"), &zone, &now)?;
    let from = read.time;
    let until = || -> Result<Zoned> {
        let text = needed("until", args.until.as_deref(), "the time to count to, such as `2026-12-24`")?;
        Ok(parse::time("until", text, &zone, &now)?.time)
    };
    let unit =
        |field| needed(field, args.unit, "one of second, minute, hour, day, week, month, quarter, year");
    let done = match args.operation {
        Operation::Add => from.checked_add(duration(args.duration.as_deref())?),
        Operation::Subtract => from.checked_sub(duration(args.duration.as_deref())?),
        Operation::StartOf => start_of(&from, unit("unit")?),
        Operation::EndOf => end_of(&from, unit("unit")?),
        Operation::AddBusinessDays => {
            let days = needed("days", args.days, "a number of business days, such as 10 or -3")?;
            let days = limits::within("days", days, -MOST_BUSINESS_DAYS, MOST_BUSINESS_DAYS)?;
            let date = add_business_days(from.date(), days, &holidays(&args.holidays)?);
            date.and_then(|date| date.to_datetime(from.time()).to_zoned(zone.clone()))
        }
        Operation::Difference => return difference(&from, &until()?, args.unit),
        Operation::CountBusinessDays => {
            let count = count_business_days(from.date(), until()?.date(), &holidays(&args.holidays)?)?;
            let value = json!({"business_days": count});
            return Ok(Output::structured_with_text(value, format!("{count} business days")));
        }
    };
    let done = done.map_err(|error| Error::invalid("", format!("the result is out of range: {error}")))?;
    let text = format::rfc3339(&done);
    let mut value = facts(&done);
    if let Some(note) = read.note {
        set(&mut value, "note", note);
    }
    Ok(Output::structured_with_text(value, text))
}

fn needed<T>(field: &str, value: Option<T>, what: &str) -> Result<T> {
    value.ok_or_else(|| Error::invalid(field, format!("is needed for this operation: {what}")))
}

fn duration(text: Option<&str>) -> Result<Span> {
    let text = needed("duration", text, "such as `P1M2D` or `1 month 2 days`")?;
    text.trim().to_ascii_lowercase().parse().or_else(|_| text.trim().parse()).map_err(|_| {
        Error::invalid(
            "duration",
            format!(
                "`{text}` is no duration; expected `P1Y2M3DT4H5M`, `1 month 2 days`, `90 minutes` or `1h30m`"
            ),
        )
    })
}

fn start_of(time: &Zoned, unit: CalendarUnit) -> Result<Zoned, jiff::Error> {
    let day = |date: Date| date.to_zoned(time.time_zone().clone());
    let date = time.date();
    let floor = |unit| time.round(jiff::ZonedRound::new().smallest(unit).mode(jiff::RoundMode::Floor));
    match unit {
        CalendarUnit::Second => floor(Unit::Second),
        CalendarUnit::Minute => floor(Unit::Minute),
        CalendarUnit::Hour => floor(Unit::Hour),
        CalendarUnit::Day => time.start_of_day(),
        CalendarUnit::Week => {
            let since_monday = i64::from(date.weekday().to_monday_zero_offset());
            day(date.checked_sub(Span::new().try_days(since_monday)?)?)
        }
        CalendarUnit::Month => day(date.first_of_month()),
        CalendarUnit::Quarter => day(Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1)?),
        CalendarUnit::Year => day(date.first_of_year()),
    }
}

/// The last nanosecond before the next unit starts, shown as such.
fn end_of(time: &Zoned, unit: CalendarUnit) -> Result<Zoned, jiff::Error> {
    let start = start_of(time, unit)?;
    let span = match unit {
        CalendarUnit::Second => Span::new().try_seconds(1),
        CalendarUnit::Minute => Span::new().try_minutes(1),
        CalendarUnit::Hour => Span::new().try_hours(1),
        CalendarUnit::Day => Span::new().try_days(1),
        CalendarUnit::Week => Span::new().try_weeks(1),
        CalendarUnit::Month => Span::new().try_months(1),
        CalendarUnit::Quarter => Span::new().try_months(3),
        CalendarUnit::Year => Span::new().try_years(1),
    }?;
    start.checked_add(span)?.checked_sub(Span::new().try_nanoseconds(1)?)
}

fn difference(from: &Zoned, until: &Zoned, largest: Option<CalendarUnit>) -> Result<Output> {
    let largest = match largest {
        Some(CalendarUnit::Second) => Unit::Second,
        Some(CalendarUnit::Minute) => Unit::Minute,
        Some(CalendarUnit::Hour) => Unit::Hour,
        Some(CalendarUnit::Day) => Unit::Day,
        Some(CalendarUnit::Week) => Unit::Week,
        Some(CalendarUnit::Month | CalendarUnit::Quarter) => Unit::Month,
        Some(CalendarUnit::Year) | None => Unit::Year,
    };
    let span = from
        .until(ZonedDifference::new(until).largest(largest))
        .map_err(|error| Error::invalid("until", error.to_string()))?;
    let seconds = until.timestamp().duration_since(from.timestamp());
    let days = until
        .date()
        .since(from.date())
        .map(|span| span.get_days())
        .map_err(|error| Error::invalid("until", error.to_string()))?;
    let words = jiff::fmt::friendly::SpanPrinter::new()
        .designator(jiff::fmt::friendly::Designator::Verbose)
        .spacing(jiff::fmt::friendly::Spacing::BetweenUnitsAndDesignators)
        .span_to_string(&span);
    let value = json!({
        "duration": span.to_string(),
        "words": words,
        "seconds": seconds.as_secs_f64(),
        "calendar_days": days,
    });
    Ok(Output::structured_with_text(value, words))
}

fn holidays(dates: &[String]) -> Result<BTreeSet<Date>> {
    limits::within("holidays", dates.len(), 0, 1000)?;
    let read = |(index, text): (usize, &String)| {
        text.trim().parse::<Date>().map_err(|_| {
            Error::invalid(&format!("holidays[{index}]"), format!("`{text}` is no date such as `2026-12-25`"))
        })
    };
    dates.iter().enumerate().map(read).collect()
}

fn is_business_day(date: Date, holidays: &BTreeSet<Date>) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && !holidays.contains(&date)
}

fn add_business_days(mut date: Date, days: i64, holidays: &BTreeSet<Date>) -> Result<Date, jiff::Error> {
    let mut left = days.unsigned_abs();
    while left > 0 {
        date = if days > 0 { date.tomorrow()? } else { date.yesterday()? };
        if is_business_day(date, holidays) {
            left -= 1;
        }
    }
    Ok(date)
}

/// From the first date, which counts, to the second, which does not.
fn count_business_days(from: Date, until: Date, holidays: &BTreeSet<Date>) -> Result<i64> {
    let (mut date, end, sign) = if from <= until { (from, until, 1) } else { (until, from, -1) };
    let days = end.since(date).map(|span| i64::from(span.get_days())).unwrap_or(i64::MAX);
    limits::within("until", days, 0, MOST_BUSINESS_DAYS)
        .map_err(|_| Error::invalid("until", "is more than a hundred years from `time`"))?;
    let mut count = 0;
    while date < end {
        count += i64::from(is_business_day(date, holidays));
        date = date.tomorrow().map_err(|error| Error::invalid("until", error.to_string()))?;
    }
    Ok(sign * count)
}
