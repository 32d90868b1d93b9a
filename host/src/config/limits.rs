//! Limits as they are written, and what they come to: of a holder's calls (a tool, a service, a caller, a
//! tenant), and of the HTTP listener's connections.

use std::num::NonZeroU32;

use bytesize::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    resolve::{ResolveError, at},
    units::Bytes,
};
use crate::limit::gate::{self, Rate};

/// How many calls. What is not given is not limited.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CallLimits {
    /// Calls started in a second, in the long run.
    #[schemars(range(min = 1))]
    pub calls_per_second: Option<u32>,
    /// Calls started at one moment after a rest; as many as `calls_per_second` unless given.
    #[schemars(range(min = 1))]
    pub burst: Option<u32>,
    /// Calls running at once.
    #[schemars(range(min = 1))]
    pub concurrent_calls: Option<u32>,
    /// Calls started in a day. The day begins at midnight UTC.
    #[schemars(range(min = 1))]
    pub calls_per_day: Option<u32>,
}

impl CallLimits {
    /// The limits that stand at `key` in the file.
    ///
    /// # Errors
    /// Names the key and says what to write instead.
    pub fn resolve(self, key: &str) -> Result<gate::CallLimits, ResolveError> {
        let more_than_none = |name: &str, value: Option<u32>| match value.map(NonZeroU32::new) {
            None => Ok(None),
            Some(Some(value)) => Ok(Some(value)),
            Some(None) => {
                Err(at(format!("{key}.{name}"))("must be at least 1; leave it out for no limit".into()))
            }
        };
        let per_second = more_than_none("calls_per_second", self.calls_per_second)?;
        let rate = match (per_second, more_than_none("burst", self.burst)?) {
            (Some(per_second), burst) => Some(Rate { per_second, burst: burst.unwrap_or(per_second) }),
            (None, None) => None,
            (None, Some(_)) => {
                return Err(at(format!("{key}.burst"))(
                    "has no effect without `calls_per_second`; add that, or remove `burst`".into(),
                ));
            }
        };
        Ok(gate::CallLimits {
            rate,
            concurrent_calls: more_than_none("concurrent_calls", self.concurrent_calls)?,
            calls_per_day: more_than_none("calls_per_day", self.calls_per_day)?,
        })
    }
}

/// What HTTP clients may use.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionLimits {
    /// Body of a request; 4MiB unless given.
    pub body_bytes: Option<Bytes>,
    /// Headers of a request; 32KiB unless given.
    pub header_bytes: Option<Bytes>,
    /// Connections at once; 10000 unless given.
    #[schemars(range(min = 1))]
    pub connections: Option<u32>,
    /// Connections at once from one address, or from one /64 of IPv6; 256 unless given.
    #[schemars(range(min = 1))]
    pub connections_per_peer: Option<u32>,
}

/// What HTTP clients may use, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Body of a request.
    pub body_bytes: ByteSize,
    /// Headers of a request.
    pub header_bytes: ByteSize,
    /// Connections at once.
    pub connections: u32,
    /// Of one peer.
    pub connections_per_peer: u32,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            // Room for a file in the arguments, base64 and all.
            body_bytes: ByteSize::mib(4),
            // A token with many groups is 10 KiB.
            header_bytes: ByteSize::kib(32),
            connections: 10_000,
            connections_per_peer: 256,
        }
    }
}

impl ConnectionLimits {
    /// The limits that stand at `key` in the file.
    ///
    /// # Errors
    /// Names the key and says what to write instead.
    pub fn resolve(self, key: &str) -> Result<Connections, ResolveError> {
        let default = Connections::default();
        let bytes = |name: &str, value: Option<Bytes>, default: ByteSize, range: (ByteSize, ByteSize)| {
            let value = value.map_or(default, |bytes| bytes.0);
            if (range.0..=range.1).contains(&value) {
                return Ok(value);
            }
            Err(at(format!("{key}.{name}"))(format!("must be between {} and {}", range.0, range.1)))
        };
        let count = |name: &str, value: Option<u32>, default| match value.unwrap_or(default) {
            0 => Err(at(format!("{key}.{name}"))("must be at least 1".into())),
            value => Ok(value),
        };
        // hyper's smallest buffer is 8 KiB; nobody has a megabyte of headers.
        let headers = (ByteSize::kib(8), ByteSize::mib(1));
        let bodies = (ByteSize::kib(1), ByteSize::gib(1));
        let limits = Connections {
            body_bytes: bytes("body_bytes", self.body_bytes, default.body_bytes, bodies)?,
            header_bytes: bytes("header_bytes", self.header_bytes, default.header_bytes, headers)?,
            connections: count("connections", self.connections, default.connections)?,
            connections_per_peer: count(
                "connections_per_peer",
                self.connections_per_peer,
                default.connections_per_peer,
            )?,
        };
        if self.connections_per_peer.is_some_and(|one| one > limits.connections) {
            return Err(at(format!("{key}.connections_per_peer"))(format!(
                "has no effect above `connections`, which is {}",
                limits.connections
            )));
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<T: for<'de> Deserialize<'de>>(text: &str) -> T {
        serde_saphyr::from_str(text).unwrap()
    }

    fn n(number: u32) -> Option<NonZeroU32> {
        NonZeroU32::new(number)
    }

    #[test]
    fn what_is_not_given_is_not_limited() {
        assert_eq!(CallLimits::default().resolve("k").unwrap(), gate::CallLimits::default());
    }

    #[test]
    fn limits_are_as_written_and_a_burst_is_a_second_of_calls() {
        let limits: CallLimits =
            parse("{calls_per_second: 50, burst: 100, concurrent_calls: 32, calls_per_day: 10000}");
        let rate = |burst| Some(Rate { per_second: n(50).unwrap(), burst: n(burst).unwrap() });
        assert_eq!(
            limits.resolve("k").unwrap(),
            gate::CallLimits { rate: rate(100), concurrent_calls: n(32), calls_per_day: n(10_000) }
        );
        let limits: CallLimits = parse("{calls_per_second: 50}");
        assert_eq!(limits.resolve("k").unwrap().rate, rate(50));
    }

    #[test]
    fn odd_limits_are_refused_by_name() {
        let refused = |text: &str| parse::<CallLimits>(text).resolve("t.limits").unwrap_err().to_string();
        assert_eq!(
            refused("{calls_per_day: 0}"),
            "t.limits.calls_per_day: must be at least 1; leave it out for no limit"
        );
        assert_eq!(
            refused("{burst: 5}"),
            "t.limits.burst: has no effect without `calls_per_second`; add that, or remove `burst`"
        );
        let refused =
            |text: &str| parse::<ConnectionLimits>(text).resolve("server.limits").unwrap_err().to_string();
        assert_eq!(
            refused("{header_bytes: 1KiB}"),
            "server.limits.header_bytes: must be between 8.0 KiB and 1.0 MiB"
        );
        assert_eq!(refused("{connections: 0}"), "server.limits.connections: must be at least 1");
        assert_eq!(
            refused("{connections: 10, connections_per_peer: 11}"),
            "server.limits.connections_per_peer: has no effect above `connections`, which is 10"
        );
    }

    #[test]
    fn the_listeners_limits_fall_back_to_the_defaults() {
        let limits: ConnectionLimits = parse("{connections: 100}");
        let expected = Connections { connections: 100, ..Connections::default() };
        assert_eq!(limits.resolve("server.limits").unwrap(), expected);
    }
}
