//! Lengths of time and shares of it, for a reader.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::Nanos;

/// Milliseconds, to the microsecond.
pub(crate) fn millis(length: Nanos) -> Value {
    tidy((length as f64 / 1000.0).round() / 1000.0)
}

/// A share of a whole, in percent to one decimal.
pub(crate) fn percent(part: Nanos, whole: Nanos) -> Value {
    if whole <= 0 { Value::Null } else { tidy((part as f64 / whole as f64 * 1000.0).round() / 10.0) }
}

/// Whole numbers without a fraction.
fn tidy(number: f64) -> Value {
    if number.fract() == 0.0 { Value::from(number as i64) } else { Value::from(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_readable() {
        assert_eq!(
            (millis(1_500_000), millis(2_000_000), millis(1_234)),
            (json!(1.5), json!(2), json!(0.001))
        );
        assert_eq!((percent(1, 3), percent(1, 0)), (json!(33.3), Value::Null));
    }
}
