//! Times as the server writes them, and ages as it prints them.

const DAY: i64 = 86_400;

/// `2026-01-31T12:00:00Z`.
pub fn rfc3339(unix: f64) -> String {
    let (year, month, day, second) = civil(whole(unix));
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// With microseconds, as `eventTime` and leases have it.
pub fn micro(unix: f64) -> String {
    fraction(unix, 6)
}

/// With nanoseconds, as the lines of a log have it.
pub fn nano(unix: f64) -> String {
    fraction(unix, 9)
}

fn fraction(unix: f64, digits: usize) -> String {
    let part = format!("{:.*}", digits, unix - unix.floor());
    rfc3339(unix).replace('Z', &format!(".{}Z", part.rsplit('.').next().unwrap_or_default()))
}

/// Unix seconds of a time in RFC 3339, in UTC or with an offset.
pub fn parse(text: &str) -> Option<f64> {
    let (date, clock) = text.split_once(['T', ' '])?;
    let mut date = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let at = clock.find(['Z', '+', '-'])?;
    let (clock, zone) = clock.split_at(at);
    let mut clock = clock.split(':').map(|part| part.parse::<f64>().ok());
    let seconds = clock.next()?? * 3600.0 + clock.next()?? * 60.0 + clock.next()??;
    let offset = match zone.split_at(1) {
        ("Z", _) => 0.0,
        (sign, zone) => {
            let (hours, minutes) = zone.split_once(':')?;
            let offset = hours.parse::<f64>().ok()? * 3600.0 + minutes.parse::<f64>().ok()? * 60.0;
            if sign == "-" { -offset } else { offset }
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "days of this era")]
    let days = days_from_civil(year, month, day) as f64;
    Some(days * 86_400.0 + seconds - offset)
}

/// An age as a column has it: `45s`, `3m5s`, `7h12m`, `5d`.
pub fn age(seconds: f64) -> String {
    let seconds = whole(seconds);
    let two = |large: i64, unit: char, small: i64, part: char| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{part}"),
    };
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(hours / 24, 'd', hours % 24, 'h'),
        _ => format!("{}d", hours / 24),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of this era")]
fn whole(unix: f64) -> i64 {
    unix.floor() as i64
}

/// Year, month, day, and the second of the day.
fn civil(unix: i64) -> (i64, i64, i64, i64) {
    let (days, second) = (unix.div_euclid(DAY), unix.rem_euclid(DAY));
    // Days of the eras of 400 years that begin on 1 March, so that a leap day comes last.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day, second)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read() {
        assert_eq!(rfc3339(1_769_860_800.0), "2026-01-31T12:00:00Z");
        assert_eq!(nano(1_769_860_800.25), "2026-01-31T12:00:00.250000000Z");
        assert_eq!(micro(1_769_860_800.0), "2026-01-31T12:00:00.000000Z");
        assert_eq!(parse("2026-01-31T12:00:00Z"), Some(1_769_860_800.0));
        assert_eq!(parse("2026-01-31T13:30:00.5+01:30"), Some(1_769_860_800.5));
        assert_eq!(parse("2024-02-29T00:00:00Z").map(rfc3339).as_deref(), Some("2024-02-29T00:00:00Z"));
        assert_eq!(parse("yesterday"), None);
    }

    #[test]
    fn ages_are_short() {
        let ages = [45.0, 119.0, 185.0, 600.0, 7200.0, 25_920.0, 90_000.0, 180_000.0, 864_000.0].map(age);
        assert_eq!(ages, ["45s", "119s", "3m5s", "10m", "120m", "7h12m", "25h", "2d2h", "10d"]);
    }
}
