//! What a line says of a call: who, what, whether it was allowed and by which rule, and what it took. Nothing
//! of what it was about: no argument, no result, no text of an error.

use std::{borrow::Cow, collections::BTreeMap, time::SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::egress::log::EgressLog;

/// A line is never longer than this, in bytes, with its seal.
pub(super) const LINE: usize = 64 << 10;
/// An entry leaves room for its seal.
const ENTRY: usize = LINE - 1024;
/// What is left of a text in an entry that would be longer, in characters.
const TEXT: usize = 128;

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it came in; RFC 3339, UTC, in microseconds.
    #[serde(with = "rfc3339")]
    pub time: SystemTime,
    /// Its id, as in the log and in the error the client saw.
    pub call: String,
    /// Who called; empty if that was never established.
    pub caller: String,
    /// The caller's tenant; empty if that was never established.
    pub tenant: String,
    /// The service, if one was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The MCP method; none in lines of a host that served tools only.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub method: Cow<'static, str>,
    /// The tool, as the client called it; or the prompt, the URI without its query, or `{service}_resources`.
    pub tool: String,
    /// SHA-256 of the component that ran, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The arguments' [`shape`](super::shape).
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub arguments: Value,
    /// Whether the call was let through.
    pub decision: Decision,
    /// What decided, in the operator's words: a key, a role, a limit.
    pub rule: String,
    /// What it sent.
    #[serde(default, skip_serializing_if = "Egress::is_none")]
    pub egress: Egress,
    /// `ok`, or the reason: [`CallError::reason`](crate::error::CallError::reason).
    pub outcome: Cow<'static, str>,
    /// The key of the limit that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Cow<'static, str>>,
    /// Whether the result came from the cache.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// Processor time of the guest, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_us: Option<u64>,
    /// Memory of the guest at its most, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

/// Whether a call was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It was, whatever became of it.
    Allowed,
    /// It was not.
    Denied,
}

/// What a call sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Egress {
    /// Requests.
    pub requests: u32,
    /// Those refused before anything was sent.
    pub denied: u32,
    /// Those that failed afterwards.
    pub failed: u32,
    /// Bytes of all response bodies.
    pub received: u64,
    /// How many of the first requests were answered with which status.
    pub statuses: BTreeMap<u16, u32>,
}

impl Egress {
    fn is_none(&self) -> bool {
        self.requests == 0
    }
}

impl From<&EgressLog> for Egress {
    fn from(log: &EgressLog) -> Self {
        let sums = log.sums();
        let mut statuses = BTreeMap::new();
        if sums.requests > 0 {
            for status in log.told().iter().filter_map(|exchange| exchange.status) {
                *statuses.entry(status).or_default() += 1;
            }
        }
        let crate::egress::log::Sums { requests, denied, failed, received } = sums;
        Self { requests, denied, failed, received, statuses }
    }
}

impl Entry {
    /// The entry as JSON, never longer than [`ENTRY`]: some of its texts are the client's.
    pub(super) fn encode(&self) -> Vec<u8> {
        let encode = |entry: &Self| {
            let mut json = Vec::with_capacity(1024);
            // Nothing in an entry can fail to be JSON.
            let _ = serde_json::to_writer(&mut json, entry);
            json
        };
        let json = encode(self);
        if json.len() <= ENTRY {
            return json;
        }
        let cut = |text: &str| text.chars().take(TEXT).collect::<String>();
        encode(&Self {
            call: cut(&self.call),
            caller: cut(&self.caller),
            tenant: cut(&self.tenant),
            service: self.service.as_deref().map(cut),
            tool: cut(&self.tool),
            component: self.component.as_deref().map(cut),
            arguments: "too large".into(),
            rule: cut(&self.rule),
            outcome: cut(&self.outcome).into(),
            limit: self.limit.as_deref().map(|limit| cut(limit).into()),
            ..self.clone()
        })
    }

    /// Reads the entry of a line.
    ///
    /// # Errors
    /// When the line is not one of the log's.
    pub fn decode(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }
}

mod rfc3339 {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        // Years beyond 9999 cannot be written; a clock that is there is no clock.
        let last = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(253_402_300_799);
        let time = (*time).clamp(SystemTime::UNIX_EPOCH, last);
        serializer.collect_str(&humantime::format_rfc3339_micros(time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    /// A call of `acme`'s Prometheus that went well.
    pub(in crate::audit) fn entry(call: &str) -> Entry {
        Entry {
            time: SystemTime::UNIX_EPOCH + Duration::new(1_790_000_000, 123_456_000),
            call: call.into(),
            caller: "ci".into(),
            tenant: "acme".into(),
            service: Some("prometheus".into()),
            method: "tools/call".into(),
            tool: "prometheus_query".into(),
            component: Some("ab".repeat(32)),
            arguments: serde_json::json!({ "query": "string(2)" }),
            decision: Decision::Allowed,
            rule: "api_keys.ci".into(),
            egress: Egress { requests: 1, received: 4711, statuses: [(200, 1)].into(), ..Egress::default() },
            outcome: "ok".into(),
            limit: None,
            cached: false,
            took_us: 1500,
            cpu_us: Some(300),
            memory_bytes: None,
        }
    }

    #[test]
    fn an_entry_is_one_line_of_json() {
        let json = String::from_utf8(entry("0199").encode()).unwrap();
        let expected = concat!(
            r#"{"time":"2026-09-21T14:13:20.123456Z","call":"0199","caller":"ci","tenant":"acme","service":"prometheus","#,
            r#""method":"tools/call","tool":"prometheus_query","component":"abababababababababababababababababababababababababababababababab","#,
            r#""arguments":{"query":"string(2)"},"decision":"allowed","rule":"api_keys.ci","#,
            r#""egress":{"requests":1,"denied":0,"failed":0,"received":4711,"statuses":{"200":1}},"#,
            r#""outcome":"ok","took_us":1500,"cpu_us":300}"#
        );
        assert_eq!(json, expected);
        assert_eq!(Entry::decode(json.as_bytes()).unwrap(), entry("0199"));
    }

    #[test]
    fn an_entry_is_never_longer_than_a_line_may_be() {
        let long = Entry { tool: "\n".repeat(1 << 20), arguments: "x".repeat(1 << 20).into(), ..entry("1") };
        let json = long.encode();
        assert!(json.len() < ENTRY, "{}", json.len());
        assert!(!json.contains(&b'\n'));
        assert_eq!(Entry::decode(&json).unwrap().arguments, "too large");
    }

    #[test]
    fn what_a_call_sent_is_summed_up() {
        let log = EgressLog::default();
        for status in [200, 200, 503] {
            let request = log.open(&http::Method::GET, "http://h/");
            request.answered(status, Duration::ZERO);
            request.received(10);
        }
        log.open(&http::Method::GET, "http://h/").denied("no_rule");
        let expected =
            Egress { requests: 4, denied: 1, failed: 0, received: 30, statuses: [(200, 2), (503, 1)].into() };
        assert_eq!(Egress::from(&log), expected);
    }
}
