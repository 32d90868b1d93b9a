//! Owns the bounds on what a call may bring. The schemas say them too; these hold wherever the
//! tool is called from.

use bulkhead_sdk::{Error, Result};

/// Of any text argument: far more than a model writes, and every tool here is fast on it.
pub(crate) const TEXT: usize = 1_000_000;
/// Of an expression, pattern, format or other small language.
pub(crate) const EXPRESSION: usize = 4_000;

/// Refuses a text longer than `most` bytes.
pub(crate) fn at_most(field: &str, text: &str, most: usize) -> Result<()> {
    if text.len() <= most {
        return Ok(());
    }
    Err(Error::invalid(field, format!("is {} bytes long; expected at most {most}", text.len())))
}

/// Refuses a number outside of `from..=to`.
pub(crate) fn within<T: Copy + PartialOrd + std::fmt::Display>(
    field: &str,
    value: T,
    from: T,
    to: T,
) -> Result<T> {
    if value >= from && value <= to {
        return Ok(value);
    }
    Err(Error::invalid(field, format!("is {value}; expected {from} to {to}")))
}
