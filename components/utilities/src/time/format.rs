//! Owns writing a time: named formats, or strftime.

use bulkhead_sdk::{Error, Result};
use jiff::Zoned;
use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};

use crate::limits;

/// The names, for descriptions and messages.
pub(super) const NAMES: &str = "rfc3339, rfc2822, http, date, time, datetime, unix, unix_ms";

/// Formats that need no explanation of their own, and strftime for the rest.
pub(super) fn write(field: &str, format: &str, time: &Zoned) -> Result<String> {
    limits::at_most(field, format, limits::EXPRESSION)?;
    let wrong = |why: String| Error::invalid(field, why);
    match format.to_ascii_lowercase().as_str() {
        "rfc3339" | "iso8601" | "iso" => Ok(rfc3339(time)),
        "rfc2822" => jiff::fmt::rfc2822::to_string(time).map_err(|error| wrong(error.to_string())),
        "http" => jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&time.timestamp())
            .map_err(|error| wrong(error.to_string())),
        "date" => Ok(time.date().to_string()),
        "time" => strftime("%H:%M:%S", time).map_err(wrong),
        "datetime" => strftime("%Y-%m-%d %H:%M:%S", time).map_err(wrong),
        "unix" => Ok(time.timestamp().as_second().to_string()),
        "unix_ms" => Ok(time.timestamp().as_millisecond().to_string()),
        _ if format.contains('%') => strftime(format, time).map_err(wrong),
        _ => Err(wrong(match from_go(format) {
            Some(strftime) => format!("Go layouts are not read; write `{strftime}` for `{format}`"),
            None => {
                format!("`{format}` is no format; expected {NAMES}, or strftime such as `%Y-%m-%d %H:%M`")
            }
        })),
    }
}

/// With the offset, and no more digits of a second than there are.
pub(super) fn rfc3339(time: &Zoned) -> String {
    let shown = jiff::fmt::temporal::DateTimePrinter::new();
    match time.offset().is_zero() {
        true => shown.timestamp_to_string(&time.timestamp()),
        false => shown.timestamp_with_offset_to_string(&time.timestamp(), time.offset()),
    }
}

fn strftime(format: &str, time: &Zoned) -> Result<String, String> {
    let mut written = String::new();
    let config = Config::new().custom(PosixCustom::new());
    BrokenDownTime::from(time)
        .format_with_config(&config, format, &mut written)
        .map_err(|error| format!("`{format}`: {error}"))?;
    Ok(written)
}

/// The strftime of a Go layout; the seed of this component took those.
fn from_go(layout: &str) -> Option<String> {
    let written = [
        ("2006", "%Y"),
        ("January", "%B"),
        ("Monday", "%A"),
        ("Jan", "%b"),
        ("Mon", "%a"),
        ("MST", "%Z"),
        ("-07:00", "%:z"),
        ("Z07:00", "%:z"),
        ("-0700", "%z"),
        ("01", "%m"),
        ("02", "%d"),
        ("15", "%H"),
        ("03", "%I"),
        ("04", "%M"),
        ("05", "%S"),
        ("PM", "%p"),
    ]
    .iter()
    .fold(layout.to_owned(), |text, (go, strftime)| text.replace(go, strftime));
    (layout.contains("2006") || layout.contains("15:04")).then_some(written)
}
