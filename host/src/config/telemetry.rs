//! `metrics`, `telemetry` and `logging`: as written, and as understood.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{load::suggestion, secrets::Secrets};
use crate::egress::target::Target;

/// `metrics`: how finely calls are told apart. Beyond 100 tenants, 1000 services and 5000 tools everything is
/// counted under `_other`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Whether each tenant has its own series; true unless given.
    pub per_tenant: bool,
    /// Whether each tool has its own series; true unless given.
    pub per_tool: bool,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { per_tenant: true, per_tool: true }
    }
}

/// `telemetry`: where traces go. Nowhere unless given.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Telemetry")]
pub struct Raw {
    /// An OpenTelemetry collector.
    pub otlp: Option<RawOtlp>,
}

/// A collector of OpenTelemetry traces that takes OTLP over HTTP, as protobuf.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Otlp")]
pub struct RawOtlp {
    /// Its base URL, such as `http://127.0.0.1:4318`; `/v1/traces` is added.
    pub endpoint: String,
    /// Headers of every request to it. `${secret:NAME}` stands for a secret.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The share of calls that are traced, between 0 and 1; 1 unless given. A call whose client sends a
    /// `traceparent` is traced if the client says so.
    #[schemars(range(min = 0, max = 1))]
    pub sample: Option<f64>,
    /// `service.name` of the traces; `bulkhead` unless given.
    pub service_name: Option<String>,
}

/// A collector, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// Where spans are posted.
    pub endpoint: Target,
    /// Headers of every request; their values are not printed.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The share of calls that are traced, from 0 to 1.
    pub sample: f64,
    /// `service.name`.
    pub service_name: String,
}

/// `logging`: what is written to stderr. A flag or an environment variable wins.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Logging")]
pub struct RawLogging {
    /// One JSON object per line, or text for people; `human` unless given.
    pub format: Option<Format>,
    /// The least that is logged: error, warn, info, debug or trace, or per part, like `info,call=debug`.
    pub level: Option<String>,
    /// The least that is logged of what the guests of a service say, by the service's name.
    pub services: BTreeMap<String, Level>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "LogFormat")]
pub enum Format {
    /// Text.
    #[default]
    Human,
    /// JSON.
    Json,
}

/// The least that is logged.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "LogLevel")]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Logging, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// None: text, or what a flag says.
    pub format: Option<Format>,
    /// A filter in the words of `--log`.
    pub level: Option<String>,
    /// For what guests say, by service.
    pub services: BTreeMap<String, Level>,
}

/// Something is wrong with a key below the section's own.
type Fault = (&'static str, String);

/// Resolves `telemetry`. An error is the key at fault and what is wrong with it.
///
/// # Errors
/// When the endpoint is not a URL, a header cannot be sent, or `sample` is not a share.
pub fn resolve(raw: Raw, secrets: &Secrets) -> Result<Option<Otlp>, Fault> {
    let Some(otlp) = raw.otlp else { return Ok(None) };
    let endpoint = format!("{}/v1/traces", otlp.endpoint.trim_end_matches('/'));
    let endpoint = Target::parse(&endpoint).map_err(|_| {
        let text = format!("`{}` is not a URL; write it like http://127.0.0.1:4318", otlp.endpoint);
        ("telemetry.otlp.endpoint", text)
    })?;
    let headers = otlp.headers.iter().map(|(name, value)| {
        let key = "telemetry.otlp.headers";
        let parsed = HeaderName::try_from(name.as_str());
        let name = parsed.map_err(|_| (key, format!("`{name}` is not the name of a header")))?;
        let filled = secrets.fill(value).and_then(|filled| filled.header_value());
        Ok((name.clone(), filled.map_err(|why| (key, format!("{name}: {why}")))?))
    });
    let headers = headers.collect::<Result<_, Fault>>()?;
    let sample = otlp.sample.unwrap_or(1.0);
    if !(0.0..=1.0).contains(&sample) {
        return Err((
            "telemetry.otlp.sample",
            format!("{sample} is not a share; write 0.1 for a tenth of the calls"),
        ));
    }
    let service_name = otlp.service_name.unwrap_or_else(|| "bulkhead".to_owned());
    Ok(Some(Otlp { endpoint, headers, sample, service_name }))
}

/// Resolves `logging`; `services` are the names there are.
///
/// # Errors
/// When it names a service or a level that does not exist.
pub fn resolve_logging(raw: RawLogging, services: &[&str]) -> Result<Logging, Fault> {
    if let Some(unknown) = raw.services.keys().find(|name| !services.contains(&name.as_str())) {
        let text = format!("there is no service `{unknown}`. {}", suggestion(unknown, services));
        return Err(("logging.services", text));
    }
    let words = ["off", "error", "warn", "info", "debug", "trace"];
    let parts = raw.level.iter().flat_map(|level| level.split(','));
    for part in parts {
        // A bare word that is no level would be taken for the name of a part, and log all of it.
        let level = part.rsplit('=').next().unwrap_or(part);
        if !words.contains(&level) {
            let text = format!("`{level}` is not a level. {}", suggestion(level, &words));
            return Err(("logging.level", text));
        }
    }
    Ok(Logging { format: raw.format, level: raw.level, services: raw.services })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn otlp(yaml: &str) -> Result<Option<Otlp>, Fault> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "s3cret\n").unwrap();
        let source = super::super::raw::SecretSource { file: Some("token".into()), env: None };
        let secrets = Secrets::load(&[("token".to_owned(), source)].into(), dir.path()).unwrap();
        resolve(serde_saphyr::from_str(yaml).unwrap(), &secrets)
    }

    #[test]
    fn there_are_no_traces_unless_asked_for() {
        assert!(otlp("{}").unwrap().is_none());
    }

    #[test]
    fn a_collector_gets_its_secret_and_nobody_reads_it() {
        let otlp =
            otlp("otlp: { endpoint: 'http://127.0.0.1:4318/', headers: { api-key: 'k ${secret:token}' } }");
        let otlp = otlp.unwrap().unwrap();
        assert_eq!(otlp.endpoint.url().as_str(), "http://127.0.0.1:4318/v1/traces");
        assert_eq!((otlp.sample, otlp.service_name.as_str()), (1.0, "bulkhead"));
        assert_eq!(otlp.headers[0].1, "k s3cret");
        assert!(!format!("{otlp:?}").contains("s3cret"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_key() {
        let refused = |yaml, key, why: &str| {
            let fault = otlp(yaml).unwrap_err();
            assert!(fault.0 == key && fault.1.contains(why), "{fault:?}");
        };
        refused("otlp: { endpoint: collector }", "telemetry.otlp.endpoint", "write it like http://");
        refused("otlp: { endpoint: 'http://h', sample: 10 }", "telemetry.otlp.sample", "10 is not a share");
        let header = "otlp: { endpoint: 'http://h', headers: { 'a b': x } }";
        refused(header, "telemetry.otlp.headers", "`a b` is not the name");
        let secret = "otlp: { endpoint: 'http://h', headers: { a: '${secret:tokn}' } }";
        refused(secret, "telemetry.otlp.headers", "Did you mean `token`?");
        assert!(serde_saphyr::from_str::<Raw>("otlp: { endpoint: x, smaple: 1 }").is_err());
    }

    #[test]
    fn a_level_for_a_service_that_does_not_exist_is_refused() {
        let raw: RawLogging =
            serde_saphyr::from_str("{ format: json, level: info, services: { promethus: debug } }").unwrap();
        let fault = resolve_logging(raw.clone(), &["prometheus"]).unwrap_err();
        let why = "there is no service `promethus`. Did you mean `prometheus`?";
        assert_eq!(fault, ("logging.services", why.to_owned()));
        let level = |level: &str| {
            resolve_logging(RawLogging { level: Some(level.into()), ..RawLogging::default() }, &[])
        };
        assert!(level("info,call=debug").is_ok());
        let why = "`inof` is not a level. Did you mean `info`?";
        assert_eq!(level("warn,call=inof").unwrap_err(), ("logging.level", why.to_owned()));
        let logging = resolve_logging(raw, &["promethus"]).unwrap();
        assert_eq!((logging.format, logging.services["promethus"]), (Some(Format::Json), Level::Debug));
    }
}
