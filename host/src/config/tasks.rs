//! Calls that outlive their request, as they are written, and what that comes to.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    resolve::{ResolveError, at},
    units::Time,
};

/// Tasks: calls of clients that declare `io.modelcontextprotocol/tasks` and take long. Such a client gets a handle, and
/// asks later what became of the call.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    /// How long a call runs before it becomes a task; 5s unless given.
    pub after: Option<Time>,
    /// How long the result of a task is kept; 10m unless given.
    pub ttl: Option<Time>,
    /// Tasks of one caller, running or kept; 50 unless given. Further calls are answered when they end.
    #[schemars(range(min = 1))]
    pub per_caller: Option<u32>,
    /// Tasks of all callers; 1000 unless given.
    #[schemars(range(min = 1))]
    pub total: Option<u32>,
}

/// Calls that outlive their request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tasks {
    /// Until a call becomes one.
    pub after: Duration,
    /// How long a result is kept.
    pub ttl: Duration,
    /// In memory, of one caller.
    pub per_caller: u32,
    /// In memory.
    pub total: u32,
}

impl Default for Tasks {
    fn default() -> Self {
        Self {
            // A model waits this long, and most calls are over by then; clients and proxies give up after 30 s or more.
            after: Duration::from_secs(5),
            // Of a client that was cut off for a while nothing is lost.
            ttl: Duration::from_secs(600),
            // An agent platform behind one key has several conversations.
            per_caller: 50,
            // Each keeps a result: with results as large as they may be by default, 64 MiB or so.
            total: 1_000,
        }
    }
}

/// A handle lives a day. What is kept longer than half of it would be lost to a call that took the other half.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

impl Written {
    /// The tasks that stand at `key` in the file.
    ///
    /// # Errors
    /// Names the key and says what to write instead.
    pub fn resolve(self, key: &str) -> Result<Tasks, ResolveError> {
        let default = Tasks::default();
        let count = |name: &str, value: Option<u32>, default| match value.unwrap_or(default) {
            0 => Err(at(format!("{key}.{name}"))("must be at least 1".into())),
            value => Ok(value),
        };
        let time = |name: &str, value: Option<Time>, default, least: Duration| {
            let value = value.map_or(default, |time| time.0);
            if (least..=LONGEST).contains(&value) {
                return Ok(value);
            }
            let (least, most) = (humantime::format_duration(least), humantime::format_duration(LONGEST));
            Err(at(format!("{key}.{name}"))(format!("must be between {least} and {most}")))
        };
        let total = count("total", self.total, default.total)?;
        if self.per_caller.is_some_and(|one| one > total) {
            return Err(at(format!("{key}.per_caller"))(format!(
                "has no effect above `total`, which is {total}"
            )));
        }
        Ok(Tasks {
            after: time("after", self.after, default.after, Duration::from_millis(1))?,
            ttl: time("ttl", self.ttl, default.ttl, Duration::from_millis(100))?,
            per_caller: count("per_caller", self.per_caller, default.per_caller)?,
            total,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<Tasks, String> {
        let written: Written = serde_saphyr::from_str(text).unwrap();
        written.resolve("server.tasks").map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_given_is_the_default() {
        assert_eq!(resolve("{}"), Ok(Tasks::default()));
        let expected = Tasks { per_caller: 5, after: Duration::from_secs(60), ..Tasks::default() };
        assert_eq!(resolve("{per_caller: 5, after: 1m}"), Ok(expected));
    }

    #[test]
    fn odd_values_are_refused_by_name() {
        for (text, why) in [
            ("{total: 0}", "server.tasks.total: must be at least 1"),
            ("{after: 0s}", "server.tasks.after: must be between 1ms and 12h"),
            ("{ttl: 13h}", "server.tasks.ttl: must be between 100ms and 12h"),
            ("{total: 5, per_caller: 6}", "server.tasks.per_caller: has no effect above `total`, which is 5"),
        ] {
            assert_eq!(resolve(text).unwrap_err(), why);
        }
    }
}
