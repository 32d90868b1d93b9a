//! Which lines are asked for.

use std::time::SystemTime;

use super::Entry;

/// Lines that are asked for; a field that is not given leaves all in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Of this caller.
    pub caller: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of this service.
    pub service: Option<String>,
    /// Of this tool.
    pub tool: Option<String>,
    /// That ended like this: `ok`, or a reason.
    pub outcome: Option<String>,
    /// Of this moment or later.
    pub since: Option<SystemTime>,
    /// Before this moment.
    pub until: Option<SystemTime>,
    /// With a smaller number: the cursor of the page before.
    pub before: Option<u64>,
    /// No more than so many.
    pub limit: u32,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            caller: None,
            tenant: None,
            service: None,
            tool: None,
            outcome: None,
            since: None,
            until: None,
            before: None,
            limit: 100,
        }
    }
}

impl Filter {
    /// Whether a line is asked for, its number left aside.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        is(&self.caller, &entry.caller)
            && is(&self.tenant, &entry.tenant)
            && is(&self.service, entry.service.as_deref().unwrap_or_default())
            && is(&self.tool, &entry.tool)
            && is(&self.outcome, &entry.outcome)
            && self.since.is_none_or(|since| entry.time >= since)
            && self.until.is_none_or(|until| entry.time < until)
    }
}

/// A moment as people write it: RFC 3339, or how long before `now`, such as `1h` or `2days`.
///
/// # Errors
/// Says how to write it.
pub fn moment(text: &str, now: SystemTime) -> Result<SystemTime, String> {
    if let Ok(time) = humantime::parse_rfc3339(text) {
        return Ok(time);
    }
    let ago = humantime::parse_duration(text).ok();
    ago.and_then(|ago| now.checked_sub(ago)).ok_or_else(|| {
        format!("`{text}` is not a time; write it like 2026-05-01T12:00:00Z, or 1h for an hour ago")
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_a_date_or_a_while_ago() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
        assert_eq!(moment("1970-01-01T00:00:01Z", now), Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(1)));
        assert_eq!(moment("1h", now), Ok(now - Duration::from_secs(3600)));
        let expected = "`soon` is not a time; write it like 2026-05-01T12:00:00Z, or 1h for an hour ago";
        assert_eq!(moment("soon", now), Err(expected.to_owned()));
    }
}
