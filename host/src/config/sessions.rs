//! Sessions of legacy MCP clients, as they are written, and what that comes to.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    resolve::{ResolveError, at},
    units::Time,
};

/// Sessions of clients that speak a version before 2026-07-28. Without them every request stands for itself, and such
/// clients cannot be asked or told anything between their requests.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    /// Sessions of one caller that are in memory; 100 unless given.
    #[schemars(range(min = 1))]
    pub per_caller: Option<u32>,
    /// Sessions in memory; 10000 unless given.
    #[schemars(range(min = 1))]
    pub total: Option<u32>,
    /// When a session with nothing under way leaves memory; 30m unless given. Its client may go on with it: what is
    /// lost is its log level and its subscriptions.
    pub idle: Option<Time>,
    /// How long the id of a session is good; 24h unless given, which is the most.
    pub life: Option<Time>,
    /// Streams of one caller, each with a connection, on which clients are told of changes, in a
    /// session or by `subscriptions/listen`; 16 unless given.
    #[schemars(range(min = 1))]
    pub streams_per_caller: Option<u32>,
    /// Such streams of all callers; 1000 unless given.
    #[schemars(range(min = 1))]
    pub streams: Option<u32>,
    /// After which time the stream of a call is closed, for the client to fetch the rest with `Last-Event-ID`. For
    /// proxies that cut long responses off; clients have to speak 2025-11-25. Never unless given.
    pub poll_after: Option<Time>,
}

/// Sessions of legacy clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// In memory, of one caller.
    pub per_caller: u32,
    /// In memory.
    pub total: u32,
    /// Until one leaves memory.
    pub idle: Duration,
    /// How long an id is good.
    pub life: Duration,
    /// Of one caller.
    pub streams_per_caller: u32,
    /// Of all.
    pub streams: u32,
    /// Until the stream of a call is closed.
    pub poll_after: Option<Duration>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            // An agent platform behind one key has a session per conversation.
            per_caller: 100,
            // A few MiB.
            total: 10_000,
            idle: Duration::from_secs(30 * 60),
            life: LONGEST,
            streams_per_caller: 16,
            // Each holds a connection.
            streams: 1_000,
            poll_after: None,
        }
    }
}

/// Handles live no longer.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl Written {
    /// The sessions that stand at `key` in the file.
    ///
    /// # Errors
    /// Names the key and says what to write instead.
    pub fn resolve(self, key: &str) -> Result<Sessions, ResolveError> {
        let default = Sessions::default();
        let count = |name: &str, value: Option<u32>, default| match value.unwrap_or(default) {
            0 => Err(at(format!("{key}.{name}"))("must be at least 1".into())),
            value => Ok(value),
        };
        let time = |name: &str, value: Option<Time>, default, least: Duration, most: Duration| {
            let value = value.map_or(default, |time| time.0);
            if (least..=most).contains(&value) {
                return Ok(value);
            }
            let (least, most) = (humantime::format_duration(least), humantime::format_duration(most));
            Err(at(format!("{key}.{name}"))(format!("must be between {least} and {most}")))
        };
        let sessions = Sessions {
            per_caller: count("per_caller", self.per_caller, default.per_caller)?,
            total: count("total", self.total, default.total)?,
            idle: time("idle", self.idle, default.idle, Duration::from_millis(100), LONGEST)?,
            life: time("life", self.life, default.life, Duration::from_secs(1), LONGEST)?,
            streams_per_caller: count(
                "streams_per_caller",
                self.streams_per_caller,
                default.streams_per_caller,
            )?,
            streams: count("streams", self.streams, default.streams)?,
            poll_after: match self.poll_after {
                None => None,
                after => Some(time("poll_after", after, LONGEST, Duration::from_millis(100), LONGEST)?),
            },
        };
        for (name, one, all, limit) in [
            ("per_caller", self.per_caller, sessions.total, "total"),
            ("streams_per_caller", self.streams_per_caller, sessions.streams, "streams"),
        ] {
            if one.is_some_and(|one| one > all) {
                return Err(at(format!("{key}.{name}"))(format!(
                    "has no effect above `{limit}`, which is {all}"
                )));
            }
        }
        Ok(sessions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<Sessions, String> {
        let written: Written = serde_saphyr::from_str(text).unwrap();
        written.resolve("server.sessions").map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_given_is_the_default() {
        assert_eq!(resolve("{}"), Ok(Sessions::default()));
        let some = resolve("{per_caller: 5, idle: 1m, poll_after: 20s}").unwrap();
        let expected = Sessions {
            per_caller: 5,
            idle: Duration::from_secs(60),
            poll_after: Some(Duration::from_secs(20)),
            ..Sessions::default()
        };
        assert_eq!(some, expected);
    }

    #[test]
    fn odd_values_are_refused_by_name() {
        for (text, why) in [
            ("{total: 0}", "server.sessions.total: must be at least 1"),
            ("{idle: 1ms}", "server.sessions.idle: must be between 100ms and 1day"),
            ("{life: 25h}", "server.sessions.life: must be between 1s and 1day"),
            ("{poll_after: 0s}", "server.sessions.poll_after: must be between 100ms and 1day"),
            (
                "{total: 5, per_caller: 6}",
                "server.sessions.per_caller: has no effect above `total`, which is 5",
            ),
            (
                "{streams_per_caller: 2000}",
                "server.sessions.streams_per_caller: has no effect above `streams`, which is 1000",
            ),
        ] {
            assert_eq!(resolve(text).unwrap_err(), why);
        }
    }
}
